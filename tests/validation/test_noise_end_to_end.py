"""Floors and limits on real files: what only a derived limit finds, and what is judged without a twin."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from converters.frozen import ConversionOptions
from converters.source import LoadOptions
from converters.target import ExportTarget
from validation.feeds import FeedSpec
from validation.judge import conclude, judge
from validation.reference import Reference, record

layers = keras.layers

ONNX = ExportTarget("onnx", "float32")
ENGINES = ("onnxruntime-cpu", "onnxruntime-unoptimized")


def prepared(model, directory: Path, data: np.ndarray, custom: tuple[str, ...] = ()):
    """The model's source and reference."""
    model.save(directory / "model.keras")
    options = LoadOptions(custom_objects=custom, code_directories=(directory,))
    return recorded(directory / "model.keras", directory, data, options)


def recorded(path: Path, directory: Path, data: np.ndarray, options: LoadOptions = LoadOptions()):
    """The source and reference of a model that is saved."""
    from converters.sources import describe_source

    source = describe_source(path, options)
    np.save(directory / "data.npy", data)
    (directory / "reference").mkdir()
    spec = FeedSpec(npy=directory / "data.npy", directed=False, searched=0)
    return source, record(source=source, spec=spec, out=directory / "reference")


def exported(source, directory: Path):
    from converters.convert import convert
    from converters.freeze import freeze

    graph = freeze(source, directory / "graph")
    (directory / "onnx").mkdir()
    return convert(graph, ONNX, directory / "onnx", ConversionOptions())


def hardly_padded():
    """Pads a map that is negative at its border in a few places only, and hardly so."""
    inputs = keras.Input((8, 8, 2), name="x")
    convolution = layers.Conv2D(2, 1, use_bias=False)
    padded = layers.ZeroPadding2D(1)(convolution(inputs))
    pooled = layers.MaxPooling2D(3, strides=2)(padded)
    outputs = layers.GlobalAveragePooling2D(name="pooled")(pooled)
    convolution.set_weights([np.eye(2, dtype="f4").reshape(1, 1, 2, 2)])
    return keras.Model(inputs, outputs)


def hardly_negative() -> np.ndarray:
    data = np.random.default_rng(0).uniform(0.5, 1, (16, 8, 8, 2)).astype("f4")
    data[:, :2, :2] = -4e-5
    return data


def test_an_optimiser_that_is_off_by_a_millionth_is_found_and_blamed(tmp_path, monkeypatch):
    """ONNX Runtime's `Pad_Fusion` pads with minus infinity; others' tolerances let it pass."""
    from converters.onnx_model import padding

    monkeypatch.setattr(padding, "protect_padding", lambda model, opset: [])
    source, reference = prepared(hardly_padded(), tmp_path, hardly_negative())
    artifact = exported(source, tmp_path)
    found = [judge(artifact=artifact, runtime_name=e, reference=reference, label="a") for e in ENGINES]
    wrong, right = conclude(tuple(found))
    assert (right.verdict, right.blame) == ("pass", "")
    assert (wrong.verdict, wrong.blame) == ("fail", "runtime")
    comparison = wrong.outputs[0].comparison
    assert 5e-7 < comparison.max_abs < 5e-6, "the tolerances of others would find it too"
    assert comparison.noise_ratio > 2 * right.outputs[0].comparison.noise_ratio


FRAMED = """
import keras
import tensorflow as tf

@keras.saving.register_keras_serializable("t")
class Framed(keras.layers.Layer):
    def call(self, x):
        return tf.image.draw_bounding_boxes(x, tf.zeros((tf.shape(x)[0], 0, 4)), tf.zeros((1, 3)))
"""


@pytest.fixture
def framed(tmp_path):
    from converters.user_code import load_object

    (tmp_path / "framed_layers.py").write_text(FRAMED)
    return load_object("framed_layers:Framed", (tmp_path,))


def test_without_a_twin_one_ulp_makes_the_floor_and_the_verdict_says_so(tmp_path, framed):
    model = keras.Sequential([keras.Input((4, 4, 3), name="x"), framed(), layers.Conv2D(2, 3, name="y")])
    data = np.random.default_rng(0).uniform(0, 1, (8, 4, 4, 3)).astype("f4")
    _, reference = prepared(model, tmp_path, data, ("framed_layers:Framed",))
    op = reference.truth.partition("because ")[2]
    assert reference.truth.startswith("one ulp, 16 times: no float64 twin, because DrawBoundingBoxesV2 at ")
    assert op.endswith("/DrawBoundingBoxesV2 has no float64 kernel")
    (output,) = reference.outputs
    (batch,) = reference.batches()
    np.testing.assert_array_equal(batch.expected["y"].astype("f4"), model(data).numpy())
    assert output.own is None
    assert 2e-8 < output.floor.rms < 1e-6
    assert (batch.noise["y"] > 0).all()


def test_undecided_integers_are_no_difference(tmp_path):
    """Two scores that are equal but for rounding: either may win."""
    inputs = keras.Input((64,), name="x")
    kernel = np.random.default_rng(1).standard_normal((64, 1)).astype("f4")
    scores = layers.Dense(2, use_bias=False)(inputs)
    model = keras.Model(inputs, keras.ops.argmax(scores, -1))
    model.layers[1].set_weights([np.concatenate([kernel, np.nextafter(kernel, 9)], 1)])
    data = np.random.default_rng(0).standard_normal((64, 64)).astype("f4")
    data[::2] = 0
    data[::2, 0] = np.arange(1, 33)
    _, reference = prepared(model, tmp_path, data)
    noise = np.concatenate([batch.noise[reference.outputs[0].spec.name] for batch in reference.batches()])
    assert noise.max() == 1.0
    assert 0 < noise.mean() < 0.9


def floors(reference: Reference) -> np.ndarray:
    name = reference.outputs[0].spec.name
    return np.concatenate([batch.noise[name] for batch in reference.batches()])


def test_floors_of_later_batches_follow_what_simulated_runs_taught(tmp_path):
    """Batches 3, 5, 6 and 7 have no simulated runs of their own."""
    keras.utils.set_random_seed(0)
    stack = [keras.Input((16,), name="x"), layers.Dense(32, "tanh"), layers.Dense(8, name="y")]
    data = np.random.default_rng(0).standard_normal((64, 16)).astype("f4")
    _, reference = prepared(keras.Sequential(stack), tmp_path, data)
    by_batch = np.sqrt((floors(reference) ** 2).reshape(8, -1).mean(1))
    assert by_batch.max() < 3 * by_batch.min()


def test_a_saved_model_has_a_twin_too(tmp_path):
    import tensorflow as tf

    random = np.random.default_rng(0)
    weights = random.standard_normal((5, 3)).astype(np.float32)

    class Net(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weights = tf.Variable(weights)

        @tf.function(input_signature=[tf.TensorSpec((None, 5), tf.float32, "x")])
        def serve(self, x):
            return {"y": tf.tanh(self.inner(x))}

        @tf.function
        def inner(self, x):
            return x @ self.weights

    net = Net()
    tf.saved_model.save(net, str(tmp_path / "net"), signatures={"serving_default": net.serve})
    data = random.standard_normal((12, 5)).astype(np.float32)
    source, reference = recorded(tmp_path / "net", tmp_path, data)
    assert (source.kind, reference.truth) == ("saved_model", "float64 twin")
    expected = np.concatenate([batch.expected["y"] for batch in reference.batches()])
    exact = np.tanh(data.astype(np.float64) @ weights.astype(np.float64))
    np.testing.assert_allclose(expected, exact, rtol=1e-13)
    assert reference.output("y").own is not None
    artifact = exported(source, tmp_path)
    verdicts = conclude(
        [judge(artifact=artifact, runtime_name=engine, reference=reference, label="a") for engine in ENGINES],
        reference.answers,
    )
    assert [found.verdict for found in verdicts] == ["pass", "pass"], [found.reason for found in verdicts]
    assert {found.outputs[0].tolerance.measure for found in verdicts} <= {"noise_ratio", "noise_ratio_rms"}
