"""Files that can't be read, and the precision of those that can."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from converters.artifact import Quantization
from converters.errors import EdgeproofError
from converters.signature import Signature, TensorSpec
from tests.validation.hand_made import ENTRIES, Line, Port, write
from validation.foreign import adopt

FORMATS = pytest.mark.parametrize("format", ["tflite", "onnx", "tfjs"])
OF = Signature((TensorSpec("x", (None, 3), "float32"),), (TensorSpec("y", (None, 3), "float32"),))


def made(format: str, folder: Path) -> Path:
    return write(format, folder, {"x": Port((None, 3))}, {"y": Line("x", 2.0)}).entry_path


def refusal(path: Path) -> str:
    with pytest.raises(EdgeproofError) as caught:
        adopt(path=path, signature=OF)
    return str(caught.value)


def unreadable(path: Path, got: str, want: str, fix: str = "export it again, or copy the whole file") -> str:
    return f"{path}: not an export that can be read\n  got:  {got}\n  want: {want}\n  fix:  {fix}"


@FORMATS
def test_an_empty_file(format: str, tmp_path: Path) -> None:
    path = tmp_path / ENTRIES[format]
    path.touch()
    assert refusal(path) == unreadable(path, "an empty file", "a model")


@FORMATS
def test_a_git_lfs_pointer(format: str, tmp_path: Path) -> None:
    path = tmp_path / ENTRIES[format]
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12345\n")
    assert refusal(path) == unreadable(
        path, "a git-lfs pointer", "the file that it points to", "run `git lfs pull`"
    )


@FORMATS
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_a_file_cut_short(format: str, share: float, tmp_path: Path) -> None:
    path = made(format, tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    assert refusal(path).startswith(f"{path}: not an export that can be read\n  got:  ")


@pytest.mark.parametrize("format", ["tflite", "onnx"])
def test_a_file_of_another_kind(format: str, tmp_path: Path) -> None:
    path = tmp_path / ENTRIES[format]
    path.write_text("<html><body>404 Not Found</body></html>")
    assert refusal(path).startswith(f"{path}: not an export that can be read\n  got:  ")


@pytest.mark.parametrize("name", ["model.h5", "model.keras", "model.pb", "model"])
def test_a_suffix_that_is_no_export(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(b"something")
    assert refusal(path) == unreadable(
        path,
        f"the suffix {Path(name).suffix or '(none)'}",
        ".tflite, .onnx, or a TF.js directory or its model.json",
        "name an exported file; edgeproof tells formats by their suffix",
    )


def test_a_directory_without_a_model_json(tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").write_bytes(b"x")
    assert refusal(tmp_path) == unreadable(
        tmp_path, "saved_model.pb", "a directory with model.json", "name the file inside it that is meant"
    )


def test_a_path_that_does_not_exist(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    assert refusal(path) == unreadable(path, "no such file", "a file", "check the path")


@pytest.mark.parametrize("format", ["layers-model", None], ids=["declared", "undeclared"])
def test_a_tfjs_layers_model_is_refused_with_the_reason(format: str | None, tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    path.write_text(json.dumps({"format": format, "modelTopology": {"model_config": {}}}))
    assert refusal(path) == unreadable(
        path,
        "a TF.js layers model",
        "a TF.js graph model",
        "convert with --output_format=tfjs_graph_model. Layers models of Keras 3 don't load in TF.js "
        "4.22, and patched ones compute something else in silence, so edgeproof takes none.",
    )


def test_a_json_that_is_no_model(tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    path.write_text("[1, 2]")
    assert refusal(path) == unreadable(path, "no modelTopology", "a TF.js graph model")


def test_a_missing_shard(tmp_path: Path) -> None:
    path = made("tfjs", tmp_path)
    (tmp_path / "shard.bin").unlink()
    assert refusal(path) == unreadable(tmp_path / "shard.bin", "no such file", "a file", "check the path")


@pytest.mark.parametrize("size", [3, 5])
def test_a_shard_of_another_length(size: int, tmp_path: Path) -> None:
    path = made("tfjs", tmp_path)
    (tmp_path / "shard.bin").write_bytes(bytes(size))
    assert refusal(path) == unreadable(path, f"{size} bytes in shard.bin", "4 bytes, as the manifest says")


def test_quantized_onnx_has_no_limits(tmp_path: Path) -> None:
    import onnx
    from onnx import helper

    path = made("onnx", tmp_path)
    model = onnx.load(str(path))
    model.graph.node.append(helper.make_node("DequantizeLinear", ["q", "s"], ["w"]))
    onnx.save(model, str(path))
    assert refusal(path) == (
        f"{path}: edgeproof has no limits for this precision\n"
        "  got:  quantized nodes (DequantizeLinear)\n"
        "  want: float32, float16, dynamic-range int8 or int8 (TFLite); float32, float16, uint16 or uint8 "
        "weights (TF.js); float32 or float16 (ONNX)\n"
        "  fix:  export it in one of these precisions"
    )


def test_half_precision_onnx(tmp_path: Path) -> None:
    path = write("onnx", tmp_path, {"x": Port((None, 3), "float16")}, {"y": Line("x", 2.0)}).entry_path
    found = adopt(path=path, signature=OF)
    assert str(found.target) == "onnx:float16"
    assert [spec.dtype for spec in found.signature.inputs] == ["float16"]


Convert = Callable[[str], bytes]


@pytest.fixture(scope="module")
def convert() -> Convert:
    """The vendor's converter on one dense layer, in a given precision."""
    import tensorflow as tf

    random = np.random.default_rng(0)
    weights = tf.constant(random.normal(size=(64, 64)).astype(np.float32))

    class Dense(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((None, 64), tf.float32, name="x")])
        def __call__(self, x: tf.Tensor) -> dict[str, tf.Tensor]:
            return {"y": tf.nn.relu(x @ weights)}

    module = Dense()

    def run(precision: str) -> bytes:
        function = module.__call__.get_concrete_function()
        converter = tf.lite.TFLiteConverter.from_concrete_functions([function], module)
        if precision != "float32":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if precision == "float16":
            converter.target_spec.supported_types = [tf.float16]
        if precision in ("int8", "int8_io", "int16x8"):
            ops = tf.lite.OpsSet
            plain = ops.TFLITE_BUILTINS_INT8
            wide = ops.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
            converter.target_spec.supported_ops = [wide if precision == "int16x8" else plain]
            samples = random.normal(size=(16, 1, 64)).astype(np.float32)
            converter.representative_dataset = lambda: ([sample] for sample in samples)
        if precision == "int8_io":
            converter.inference_input_type = converter.inference_output_type = tf.int8
        content: bytes = converter.convert()
        return content

    return run


WIDE = Signature((TensorSpec("x", (None, 64), "float32"),), (TensorSpec("y", (None, 64), "float32"),))


@pytest.mark.parametrize("precision", ["float32", "float16", "dynamic_int8", "int8", "int8_io"])
def test_the_precision_of_the_vendors_files(convert: Convert, precision: str, tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(convert(precision))
    found = adopt(path=path, signature=WIDE)
    assert str(found.target) == f"tflite:{precision}"
    quantized = precision == "int8_io"
    assert set(found.quantization) == ({"x", "y"} if quantized else set())
    assert [spec.dtype for spec in found.signature.inputs] == ["int8" if quantized else "float32"]
    if quantized:
        assert isinstance(found.quantization["x"], Quantization)
        assert found.quantization["x"].dtype == "int8"
        assert found.quantization["x"].scale > 0


def test_int16_activations_have_no_limits(convert: Convert, tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(convert("int16x8"))
    assert refusal(path).startswith(
        f"{path}: edgeproof has no limits for this precision\n  got:  int16 activations\n"
    )
