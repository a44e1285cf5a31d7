from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from converters.convert import convert
from converters.errors import EdgeproofError
from converters.frozen import ConversionOptions
from converters.target import ExportTarget
from converters.tflite import model_file
from converters.tflite.weights import share
from tests.converters.tflite_helpers import answers, chain, exported, frozen, normal, worst
from tests.zoo import ZOO


def _target(precision: str) -> ExportTarget:
    return ExportTarget("tflite", precision)


def test_names_and_order_are_those_of_keras_though_outputs_look_alike(tmp_path: Path) -> None:
    artifact = exported(ZOO["outputs_alike"].build(), tmp_path)
    assert artifact.signature.output_names == ("zulu", "mike", "alpha")
    assert worst(ZOO["outputs_alike"].build(), artifact, normal((4, 4), (1, 4))) < 1e-6


def test_outputs_that_are_one_tensor_an_input_or_a_constant(tmp_path: Path) -> None:
    import keras

    x = keras.Input((3,), name="x")
    y = keras.layers.Dense(2, name="y")(x)
    constant = keras.layers.Lambda(lambda _: keras.ops.ones((3,)), name="constant")(x)
    model = keras.Model(x, [y, x, y, constant])
    artifact = exported(model, tmp_path)
    assert artifact.signature.output_names == ("y", "x", "y_1", "constant")
    assert worst(model, artifact, normal((4, 3), (1, 3))) < 1e-6


def test_infinity_stays_infinite(tmp_path: Path) -> None:
    """TensorFlow's converter writes the greatest float instead, unless told not to."""
    import keras

    masked = keras.layers.Lambda(lambda t: keras.ops.where(t > 0, t, -float("inf")))
    got = answers(exported(chain((4,), masked), tmp_path), [{"x": -np.ones((1, 4), np.float32)}])
    assert np.isneginf(next(iter(got[0].values()))).all()


@pytest.mark.parametrize("precision", ["float16", "dynamic_int8", "int8", "int8_io"])
def test_precision_holds_its_weights_and_is_close(precision: str, tmp_path: Path) -> None:
    model = ZOO["conv2d_wide"].build()
    feeds = ZOO["conv2d_wide"].feeds(frozen(model, tmp_path).signature, samples=16)
    np.savez(tmp_path / "batch.npz", **feeds)
    base = exported(model, tmp_path)
    options = ConversionOptions(calibration=(tmp_path / "batch.npz",))
    artifact = convert(frozen(model, tmp_path), _target(precision), tmp_path / "out", options, base)
    assert artifact.size_bytes < base.size_bytes * (0.6 if precision == "float16" else 0.4)
    stored = "float16" if precision == "float16" else "int8"
    assert share(model_file.read(artifact.entry_path), frozenset({stored})) == 1.0
    assert set(artifact.quantization) == (
        {*base.signature.input_names, *base.signature.output_names} if precision == "int8_io" else set()
    )
    if precision != "int8_io":
        (want,), (got,) = answers(base, [feeds])[0].values(), answers(artifact, [feeds])[0].values()
        sqnr_db = 10 * np.log10((want**2).sum() / ((want - got) ** 2).sum())
        assert sqnr_db > (60 if precision == "float16" else 30)


def test_int8_softmax_of_a_thousand_classes_is_not_all_zeros(tmp_path: Path) -> None:
    import keras

    model = chain((16,), keras.layers.Dense(1000, activation="softmax", name="p"))
    np.savez(tmp_path / "batch.npz", x=normal((64, 16))[0]["x"])
    artifact = exported(model, tmp_path, "int8_io", calibration=(tmp_path / "batch.npz",))
    assert artifact.notes == ("softmax of output p is computed in float32",)
    assert artifact.quantization["p"].scale < 1 / 256 / 10
    got = answers(artifact, [{"x": np.zeros((1, 16), np.int8)}])[0]["p"]
    assert len(np.unique(got)) > 10


def test_int8_without_data_says_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(EdgeproofError) as caught:
        exported(ZOO["dense_mlp"].build(), tmp_path, "int8")
    assert str(caught.value) == (
        "tflite:int8: no data to calibrate on\n"
        "  got:  no calibration files\n"
        "  want: a few hundred samples of what the model will see\n"
        "  fix:  give the recipe a data section, or leave int8 out; tflite:dynamic_int8 needs no data"
    )


def test_calibration_with_other_names_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "batch.npz"
    np.savez(path, z=np.zeros((1, 6), np.float32))
    with pytest.raises(EdgeproofError) as caught:
        exported(ZOO["dense_mlp"].build(), tmp_path, "int8", calibration=(path,))
    assert str(caught.value) == (
        f"{path}: not a batch of this model's inputs\n"
        "  got:  arrays z\n"
        "  want: arrays x\n"
        "  fix:  write the calibration files from the same recipe as the model"
    )


def test_weight_beyond_float16_is_refused_and_one_below_it_is_noted(tmp_path: Path) -> None:
    import keras

    layer = keras.layers.Dense(2, name="d")
    model = chain((2,), layer)
    layer.set_weights([np.array([[1.0, 1e-9], [1.0, 1.0]]), np.zeros(2)])
    artifact = exported(model, tmp_path, "float16")
    assert artifact.notes == ("1 of 4 weights are below float16's least number and became 0",)
    layer.set_weights([np.array([[1.0, 1e5], [1.0, 1.0]]), np.zeros(2)])
    with pytest.raises(EdgeproofError) as caught:
        exported(model, tmp_path / "huge", "float16")
    assert caught.value.what.startswith("tflite:float16: weight ")
    assert caught.value.what.endswith(" doesn't fit into float16")
    assert (caught.value.got, caught.value.want) == ("a value of 100000", "at most 65504")


def test_model_without_weights_says_so(tmp_path: Path) -> None:
    import keras

    artifact = exported(chain((3,), keras.layers.ReLU()), tmp_path, "float16")
    note = "the model has no weights to store in another type than tflite:float32 does"
    assert artifact.notes == (note,)


def test_embedding_that_stays_float_is_refused_as_int8(tmp_path: Path) -> None:
    import keras

    x = keras.Input((4,), name="x", dtype="int32")
    model = keras.Model(x, keras.layers.Embedding(20, 3, name="words")(x))
    with pytest.raises(EdgeproofError) as caught:
        exported(model, tmp_path, "dynamic_int8")
    assert caught.value.what.endswith("(tflite:dynamic_int8): no weight is stored as int8")
    assert caught.value.got.endswith(": float32")


def _damaged(tmp_path: Path, damage) -> EdgeproofError:
    """What `confirm` says of a good file after `damage(model)`."""
    import keras

    from converters import to_tflite

    artifact = exported(chain((3,), keras.layers.Dense(2, name="d")), tmp_path)
    model = model_file.read(artifact.entry_path)
    damage(model)
    artifact.entry_path.write_bytes(model_file.pack(model))
    with pytest.raises(EdgeproofError) as caught:
        to_tflite.confirm(artifact)
    assert caught.value.status == 3
    assert caught.value.what.startswith(f"{artifact.entry_path} (tflite:float32): ")
    return caught.value


def test_confirm_finds_a_variable_tensor(tmp_path: Path) -> None:
    def damage(model) -> None:
        model.subgraphs[0].tensors[0].isVariable = True

    error = _damaged(tmp_path, damage)
    assert error.what.endswith("keeps state from one invocation to the next")
    assert error.got == "variable tensors x"


def test_confirm_finds_a_nan_weight(tmp_path: Path) -> None:
    def damage(model) -> None:
        for buffer in model.buffers:
            if buffer.data is not None and len(buffer.data) == 24:
                buffer.data = np.frombuffer(np.full(6, np.nan, np.float32).tobytes(), np.uint8)

    error = _damaged(tmp_path, damage)
    assert error.what.endswith(" isn't made of numbers")
    assert error.got == "6 NaN among 6 values"


def test_confirm_finds_another_name(tmp_path: Path) -> None:
    def damage(model) -> None:
        model.signatureDefs[0].outputs[0].name = b"e"

    error = _damaged(tmp_path, damage)
    assert error.what.endswith("outputs are not the recorded ones")
    assert (error.got, error.want) == ("e: float32[?, 2]", "d: float32[?, 2]")


def test_confirm_finds_a_custom_op(tmp_path: Path) -> None:
    from ai_edge_litert import schema_py_generated as schema

    def damage(model) -> None:
        code = schema.OperatorCodeT()
        code.builtinCode, code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM, 32
        code.customCode = b"FlexErf"
        model.operatorCodes.append(code)

    assert _damaged(tmp_path, damage).got == "CUSTOM:FlexErf"


def test_float32_weights_under_an_int8_label_are_found_out(tmp_path: Path) -> None:
    from dataclasses import replace

    from converters import to_tflite

    artifact = replace(exported(ZOO["dense_mlp"].build(), tmp_path), target=_target("int8"))
    with pytest.raises(EdgeproofError) as caught:
        to_tflite.confirm(artifact)
    assert caught.value.what.endswith("(tflite:int8): no weight is stored as int8")
