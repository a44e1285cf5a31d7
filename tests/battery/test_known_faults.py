"""Faults of the vendors' tools that are known to be silent: each is found in a file that has it.

Nothing helps the judge here: no data, no recipe but where a domain is the point, and a file that
the vendor's converter wrote. docs/known-faults.md lists these and all others, with what cures them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.battery import vendors
from validation.domain import Domain

pytestmark = pytest.mark.heavy


def _ops() -> dict[str, tuple[str, str, tuple[int | None, ...], Any]]:
    """Format, dtype and shape of the input, and the function, by the name of the fault."""
    import tensorflow as tf

    return {
        "floor-division": ("onnx", "int32", (None, 6), lambda x: x // 2),
        "modulo": ("onnx", "int32", (None, 6), lambda x: x % 3),
        "one-hot": ("onnx", "int32", (None, 6), lambda x: tf.one_hot(x, 3)),
        "scatter": ("onnx", "int32", (None, 6), _scatter),
        "area": ("onnx", "float32", (None, 6, 6, 2), lambda x: tf.image.resize(x, (3, 3), method="area")),
        "softplus": ("tflite", "float32", (None, 6), tf.math.softplus),
        "log1p": ("tflite", "float32", (None, 6), lambda x: tf.math.log1p(tf.abs(x))),
        "rsqrt": ("tflite", "float32", (None, 6), lambda x: tf.math.rsqrt(tf.abs(x))),
        "int64-product": ("tfjs", "int64", (None, 6), lambda x: x * 3),
        "float-one-hot": ("tfjs", "int32", (None, 6), lambda x: tf.one_hot(x, 3)),
        "wide-division": ("tfjs", "int32", (None, 6), lambda x: x // 4),
        "uint8-difference": ("tfjs", "uint8", (None, 6), lambda x: x[:, :3] - x[:, 3:]),
    }


def _scatter(x: Any) -> Any:
    """How often each number occurs: equal indices add up."""
    import tensorflow as tf

    indices = tf.reshape(x, (-1, 1))
    return tf.scatter_nd(indices, tf.ones_like(indices[:, 0], tf.float32), [9])


NAMES = ("floor-division", "modulo", "one-hot", "scatter", "area", "softplus", "log1p", "rsqrt")
TFJS_NAMES = ("int64-product", "float-one-hot", "wide-division", "uint8-difference")


def _verdict(name: str, directory: Path, **spec: Any):
    import tensorflow as tf

    from converters.sources import describe_source

    format, dtype, shape, function = _ops()[name]
    saved = vendors.saved_model(function, tf.TensorSpec(shape, dtype), directory)
    source = describe_source(saved)
    file = vendors.convert(saved, format, directory)
    return vendors.judge_file(file, source, vendors.record(source, directory, **spec))


@pytest.mark.parametrize("name", [*NAMES, *TFJS_NAMES])
def test_a_wrong_op_is_found_without_data(name: str, tmp_path: Path) -> None:
    verdict = _verdict(name, tmp_path)
    wanted = "error" if name == "int64-product" else "fail"  # TF.js can't even take such numbers in
    assert verdict.verdict == wanted, verdict.reason


def test_exp_of_nan_is_found_where_the_domain_has_nan(tmp_path: Path) -> None:
    import tensorflow as tf

    from converters.sources import describe_source

    saved = vendors.saved_model(tf.exp, tf.TensorSpec((None, 6), "float32"), tmp_path)
    source = describe_source(saved)
    domain = Domain(range=(-20, 20), nan=True)
    verdict = vendors.judge_file(
        vendors.convert(saved, "tflite", tmp_path), source, vendors.record(source, tmp_path, domain=domain)
    )
    assert verdict.verdict == "fail", verdict.reason


def test_an_lstm_that_remembers_the_last_call_is_found(tmp_path: Path) -> None:
    """With a batch of 1 TensorFlow's converter makes one op with a state of Keras 2's LSTM."""
    import tensorflow as tf
    import tf_keras

    from converters.sources import describe_source
    from converters.tflite import model_file

    tf_keras.utils.set_random_seed(0)
    x = tf_keras.Input((5, 3), batch_size=1, name="x")
    model = tf_keras.Model(x, tf_keras.layers.LSTM(4, name="y")(x))
    model.save(tmp_path / "model.h5")
    (tmp_path / "model.tflite").write_bytes(tf.lite.TFLiteConverter.from_keras_model(model).convert())
    ops = model_file.op_names(model_file.read(tmp_path / "model.tflite"))
    assert ops == ["UNIDIRECTIONAL_SEQUENCE_LSTM", "STRIDED_SLICE"], "no state to leak"
    source = describe_source(tmp_path / "model.h5")
    verdict = vendors.judge_file(tmp_path / "model.tflite", source, vendors.record(source, tmp_path, batch=1))
    assert verdict.verdict == "fail", verdict.reason


def test_an_int8_export_calibrated_on_another_range_is_found(tmp_path: Path) -> None:
    import keras

    from converters.convert import convert
    from converters.freeze import freeze
    from converters.frozen import ConversionOptions
    from converters.sources import describe_source
    from converters.target import ExportTarget
    from validation.tensor_files import write_tensors

    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((8, 8, 8), name="x"), layers.Conv2D(32, 3, activation="relu"), layers.Conv2D(32, 3),
         layers.GlobalAveragePooling2D(), layers.Dense(10, name="y")]
    )  # fmt: skip
    model.save(tmp_path / "model.keras")
    source = describe_source(tmp_path / "model.keras")
    write_tensors(tmp_path / "stale.npz", {"x": vendors.uniform(0, 1, 64, 8, 8, 8)})
    options = ConversionOptions(calibration=(tmp_path / "stale.npz",))
    graph = freeze(source, tmp_path / "graph")
    artifact = convert(graph, ExportTarget("tflite", "int8"), tmp_path / "int8", options)
    reference = vendors.record(source, tmp_path, data={"x": vendors.uniform(0, 255, 32, 8, 8, 8, seed=1)})
    verdict = vendors.judge(artifact, reference)
    assert verdict.verdict == "fail", verdict.reason


def test_onnx_runtimes_pad_fusion_is_found_and_the_runtime_blamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bias of -1e-3 makes the error as small as in ResNet50V2, far below an absolute tolerance of 1e-5."""
    import keras

    from converters.convert import convert
    from converters.freeze import freeze
    from converters.onnx_model import padding
    from converters.sources import describe_source
    from converters.target import ExportTarget
    from validation.judge import conclude, judge

    monkeypatch.setattr(padding, "protect_padding", lambda model, opset: [])
    keras.utils.set_random_seed(0)
    x = keras.Input((8, 8, 3), name="x")
    y = keras.layers.Conv2D(8, 3, padding="same")(x)
    y = keras.layers.MaxPooling2D(3, strides=2)(keras.layers.ZeroPadding2D(1)(y))
    model = keras.Model(x, keras.layers.GlobalAveragePooling2D(name="y")(y))
    model.save(tmp_path / "model.keras")
    source = describe_source(tmp_path / "model.keras")
    artifact = convert(freeze(source, tmp_path / "graph"), ExportTarget("onnx", "float32"), tmp_path / "onnx")
    reference = vendors.record(source, tmp_path)
    names = ("onnxruntime-cpu", "onnxruntime-unoptimized")
    verdicts = conclude(
        tuple(
            judge(artifact=artifact, runtime_name=name, reference=reference, label="model.onnx")
            for name in names
        )
    )
    assert [verdict.verdict for verdict in verdicts] == ["fail", "pass"], [v.reason for v in verdicts]
    assert verdicts[0].blame == "runtime"


@pytest.mark.parametrize(("runtime", "verdict"), [("litert-cpu", "fail"), ("litert-reference", "error")])
def test_variables_that_were_not_frozen_are_found(runtime: str, verdict: str, tmp_path: Path) -> None:
    """XNNPACK computes with memory that nobody wrote to; the reference kernels look for the variables."""
    source, file = vendors.unfrozen(tmp_path)
    found = vendors.judge_file(file, source, vendors.record(source, tmp_path), runtime)
    assert found.verdict == verdict, found.reason
