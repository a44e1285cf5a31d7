"""One dense layer in each format, of any size, made without a converter.

`python -m tests.validation.dense_files` writes the tiny models that edgeproof ships anew.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from converters.artifact import Artifact
from converters.signature import Signature, TensorSpec
from validation.runtimes.tiny import BIAS, ENTRIES, FILES, WEIGHTS, describe_dense


def _write_onnx(path: Path, weights: np.ndarray, bias: np.ndarray) -> None:
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    graph = helper.make_graph(
        [helper.make_node("Gemm", ["x", "W", "b"], ["y"], name="dense")],
        "tiny",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", len(weights)])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", len(bias)])],
        [numpy_helper.from_array(weights, "W"), numpy_helper.from_array(bias, "b")],
    )
    opset = helper.make_opsetid("", 13)
    onnx.save(helper.make_model(graph, opset_imports=[opset], ir_version=8), str(path))


def _write_tfjs(path: Path, weights: np.ndarray, bias: np.ndarray) -> None:
    shape = {"shape": {"dim": [{"size": "-1"}, {"size": str(len(weights))}]}}
    float_type = {"type": "DT_FLOAT"}
    nodes = [
        {"name": "x", "op": "Placeholder", "attr": {"dtype": float_type, "shape": shape}},
        *({"name": name, "op": "Const", "attr": {"dtype": float_type}} for name in ("W", "b")),
        {"name": "product", "op": "MatMul", "input": ["x", "W"], "attr": {"T": float_type}},
        {"name": "y", "op": "BiasAdd", "input": ["product", "b"], "attr": {"T": float_type}},
    ]
    tensors = {"W": weights, "b": bias}
    specs = [{"name": n, "shape": list(a.shape), "dtype": "float32"} for n, a in tensors.items()]
    shard = "group1-shard1of1.bin"
    (path.parent / shard).write_bytes(b"".join(a.astype("<f4").tobytes() for a in tensors.values()))
    model = {
        "format": "graph-model",
        "modelTopology": {"node": nodes, "library": {}, "versions": {"producer": 1}},
        "weightsManifest": [{"paths": [shard], "weights": specs}],
    }
    path.write_text(json.dumps(model, indent=1))


def _write_tflite(path: Path, weights: np.ndarray, bias: np.ndarray) -> None:
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    builder = flatbuffers.Builder(0)
    builder.Finish(_tflite_model(schema, weights, bias).Pack(builder), file_identifier=b"TFL3")
    path.write_bytes(bytes(builder.Output()))


def _tflite_model(schema: Any, weights: np.ndarray, bias: np.ndarray) -> Any:
    # Buffer 0 is the empty one by convention. FULLY_CONNECTED takes its weights transposed.
    buffers = [
        _record(schema.BufferT),
        *(
            _record(schema.BufferT, data=np.frombuffer(array.astype("<f4").tobytes(), np.uint8))
            for array in (weights.T, bias)
        ),
    ]
    tensors = [
        _tflite_tensor(schema, "x", (1, len(weights)), 0, dynamic=True),
        _tflite_tensor(schema, "W", weights.T.shape, 1),
        _tflite_tensor(schema, "b", bias.shape, 2),
        _tflite_tensor(schema, "y", (1, len(bias)), 0, dynamic=True),
    ]
    options = schema.BuiltinOptions.FullyConnectedOptions
    dense = _record(
        schema.OperatorT, opcodeIndex=0, inputs=[0, 1, 2], outputs=[3],
        builtinOptionsType=options, builtinOptions=_record(schema.FullyConnectedOptionsT),
    )  # fmt: skip
    code = schema.BuiltinOperator.FULLY_CONNECTED
    operator_code = _record(schema.OperatorCodeT, builtinCode=code, deprecatedBuiltinCode=code, version=1)
    signature = _record(
        schema.SignatureDefT,
        inputs=[_record(schema.TensorMapT, name="x", tensorIndex=0)],
        outputs=[_record(schema.TensorMapT, name="y", tensorIndex=3)],
        signatureKey="serving_default",
        subgraphIndex=0,
    )
    subgraph = _record(
        schema.SubGraphT, tensors=tensors, inputs=[0], outputs=[3], operators=[dense], name="main"
    )
    return _record(
        schema.ModelT, version=3, operatorCodes=[operator_code], subgraphs=[subgraph],
        buffers=buffers, signatureDefs=[signature], description="tiny",
    )  # fmt: skip


def _tflite_tensor(schema: Any, name: str, shape: tuple[int, ...], buffer: int, dynamic: bool = False) -> Any:
    tensor = _record(
        schema.TensorT, name=name, shape=list(shape), buffer=buffer, type=schema.TensorType.FLOAT32
    )
    if dynamic:
        tensor.shapeSignature = [-1, *shape[1:]]
        tensor.hasRank = True  # as TensorFlow's converter writes it; without, LiteRT takes `shape` for fixed
    return tensor


def _record(kind: Callable[[], Any], **fields: Any) -> Any:
    """The schema's classes take no arguments in older versions."""
    record = kind()
    for name, value in fields.items():
        setattr(record, name, value)
    return record


_WRITERS: Mapping[str, Callable[[Path, np.ndarray, np.ndarray], None]] = {
    "tflite": _write_tflite,
    "onnx": _write_onnx,
    "tfjs": _write_tfjs,
}


def write_dense(format: str, directory: Path, weights: np.ndarray, bias: np.ndarray) -> Artifact:
    """y = x W + b, from x: float32[?, n] to y: float32[?, m], in a directory that is made."""
    directory.mkdir(parents=True, exist_ok=True)
    _WRITERS[format](directory / ENTRIES[format], weights, bias)
    x, y = (TensorSpec(name, (None, size), "float32") for name, size in zip("xy", weights.shape, strict=True))
    return describe_dense(format, directory, Signature((x,), (y,)))


if __name__ == "__main__":
    for format in _WRITERS:
        write_dense(format, FILES / format, WEIGHTS, BIAS)
