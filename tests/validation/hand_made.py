"""Files in every format, made without a converter: each output is one input, passed on or scaled.

write("onnx", directory, {"x": Port((None, 3), "float32")}, {"y": Line("x", 2.0)}) -> Artifact
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from converters.artifact import Artifact, record_files
from converters.signature import Signature, TensorSpec
from converters.target import ExportTarget

ENTRIES = {"tflite": "model.tflite", "onnx": "model.onnx", "tfjs": "model.json"}


@dataclass(frozen=True)
class Port:
    """An input: None in its shape is a dynamic dimension."""

    shape: tuple[int | None, ...]
    dtype: str = "float32"


@dataclass(frozen=True)
class Line:
    """An output: the input times a factor, or the input itself."""

    source: str
    factor: float | None = None


Inputs = Mapping[str, Port]
Outputs = Mapping[str, Line]


def write(
    format: str, directory: Path, inputs: Inputs, outputs: Outputs, *, signature: bool = True
) -> Artifact:
    """Writes the file into a directory, which is made; names in the file are the Keras names."""
    directory.mkdir(parents=True, exist_ok=True)
    entry = directory / ENTRIES[format]
    {"tflite": _tflite, "onnx": _onnx, "tfjs": _tfjs}[format](entry, inputs, outputs, signature)
    ends = Signature(
        tuple(TensorSpec(name, port.shape, port.dtype) for name, port in inputs.items()),
        tuple(TensorSpec(n, inputs[o.source].shape, inputs[o.source].dtype) for n, o in outputs.items()),
    )
    return Artifact(
        target=ExportTarget(format, "float32"),
        directory=directory,
        entry=entry.name,
        files=record_files(directory),
        signature=ends,
        input_names={name: name for name in inputs},
        output_names={name: name for name in outputs},
        signature_key="serving_default" if format == "tflite" and signature else None,
    )


def _onnx(path: Path, inputs: Inputs, outputs: Outputs, _: bool) -> None:
    import onnx
    from onnx import helper, numpy_helper

    def value(name: str, port: Port) -> Any:
        code = helper.np_dtype_to_tensor_dtype(np.dtype(object if port.dtype == "string" else port.dtype))
        return helper.make_tensor_value_info(name, code, [d if d is not None else "n" for d in port.shape])

    nodes, weights = [], []
    for name, line in outputs.items():
        if line.factor is None:
            nodes.append(helper.make_node("Identity", [line.source], [name]))
        else:
            factor = np.array(line.factor, inputs[line.source].dtype)
            weights.append(numpy_helper.from_array(factor, f"{name}/factor"))
            nodes.append(helper.make_node("Mul", [line.source, f"{name}/factor"], [name]))
    graph = helper.make_graph(
        nodes,
        "hand_made",
        [value(name, port) for name, port in inputs.items()],
        [value(name, inputs[line.source]) for name, line in outputs.items()],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)
    onnx.save(model, str(path))


_TFJS_TYPES = {
    "float32": "DT_FLOAT", "float16": "DT_FLOAT", "float64": "DT_FLOAT",
    "int32": "DT_INT32", "int64": "DT_INT32", "uint8": "DT_INT32",
    "bool": "DT_BOOL", "string": "DT_STRING",
}  # fmt: skip


def _tfjs(path: Path, inputs: Inputs, outputs: Outputs, signature: bool) -> None:
    def info(name: str, port: Port) -> dict[str, Any]:
        dims = [{"size": str(-1 if d is None else d)} for d in port.shape]
        return {"name": f"{name}:0", "dtype": _TFJS_TYPES[port.dtype], "tensorShape": {"dim": dims}}

    def node(name: str, op: str, sources: list[str], port: Port) -> dict[str, Any]:
        kind = {"type": _TFJS_TYPES[port.dtype]}
        attr: dict[str, Any] = {"dtype": kind} if op in ("Placeholder", "Const") else {"T": kind}
        if op == "Placeholder":
            attr["shape"] = {"shape": info(name, port)["tensorShape"]}
        return {"name": name, "op": op, "input": sources, "attr": attr}

    nodes = [node(name, "Placeholder", [], port) for name, port in inputs.items()]
    factors: dict[str, float] = {}
    for name, line in outputs.items():
        port = inputs[line.source]
        if line.factor is None:
            nodes.append(node(name, "Identity", [line.source], port))
        else:
            factors[f"{name}/factor"] = line.factor
            nodes.append(node(f"{name}/factor", "Const", [], port))
            nodes.append(node(name, "Mul", [line.source, f"{name}/factor"], port))
    model: dict[str, Any] = {
        "format": "graph-model",
        "modelTopology": {"node": nodes, "versions": {"producer": 1}},
        "weightsManifest": [],
    }
    if signature:
        model["signature"] = {
            "inputs": {name: info(name, port) for name, port in inputs.items()},
            "outputs": {name: info(name, inputs[line.source]) for name, line in outputs.items()},
        }
    if factors:
        specs = [{"name": name, "shape": [], "dtype": "float32"} for name in factors]
        model["weightsManifest"] = [{"paths": ["shard.bin"], "weights": specs}]
        (path.parent / "shard.bin").write_bytes(np.array(list(factors.values()), "<f4").tobytes())
    path.write_text(json.dumps(model))


def _tflite(path: Path, inputs: Inputs, outputs: Outputs, signature: bool) -> None:
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    graph = TFLiteGraph(schema)
    places = {name: graph.add_tensor(name, port) for name, port in inputs.items()}
    results = {
        name: graph.add_line(name, inputs[o.source], places[o.source], o) for name, o in outputs.items()
    }
    model = graph.finish(places, results, signature)
    builder = flatbuffers.Builder(0)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    path.write_bytes(bytes(builder.Output()))


class TFLiteGraph:
    def __init__(self, schema: Any) -> None:
        self.schema = schema
        self.tensors: list[Any] = []
        self.buffers = [schema.BufferT()]
        self.operators: list[Any] = []
        self.codes = [schema.BuiltinOperator.RESHAPE, schema.BuiltinOperator.MUL]

    def add_tensor(self, name: str, port: Port, data: np.ndarray | None = None) -> int:
        tensor = self.schema.TensorT()
        tensor.name = name
        tensor.shape = [1 if size is None else size for size in port.shape]
        if None in port.shape:
            tensor.shapeSignature = [-1 if size is None else size for size in port.shape]
        tensor.type = getattr(self.schema.TensorType, port.dtype.upper())
        tensor.buffer = 0
        if data is not None:
            buffer = self.schema.BufferT()
            buffer.data = np.frombuffer(data.tobytes(), np.uint8)
            self.buffers.append(buffer)
            tensor.buffer = len(self.buffers) - 1
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def add_line(self, name: str, port: Port, source: int, line: Line) -> int:
        result = self.add_tensor(name, port)
        operator = self.schema.OperatorT()
        if line.factor is None:
            # Copies bytes, whatever the dtype; its options are empty, the shape is a tensor.
            shape = np.array([-1 if size is None else size for size in port.shape], np.int32)
            second = self.add_tensor(f"{name}/shape", Port(shape.shape, "int32"), shape)
            operator.opcodeIndex = 0
        else:
            second = self.add_tensor(
                f"{name}/factor", Port((), port.dtype), np.array(line.factor, port.dtype)
            )
            operator.opcodeIndex = 1
            operator.builtinOptionsType = self.schema.BuiltinOptions.MulOptions
            operator.builtinOptions = self.schema.MulOptionsT()
        operator.inputs, operator.outputs = [source, second], [result]
        self.operators.append(operator)
        return result

    def finish(self, inputs: Mapping[str, int], outputs: Mapping[str, int], signature: bool) -> Any:
        graph = self.schema.SubGraphT()
        graph.tensors, graph.operators, graph.name = self.tensors, self.operators, "main"
        # The graph lists them backwards, as files of real converters may.
        graph.inputs, graph.outputs = [*inputs.values()][::-1], [*outputs.values()][::-1]
        model = self.schema.ModelT()
        model.version, model.description = 3, "hand made"
        model.subgraphs, model.buffers = [graph], self.buffers
        model.operatorCodes = [self._operator_code(code) for code in self.codes]
        model.signatureDefs = [self._signature(inputs, outputs)] if signature else []
        return model

    def _operator_code(self, code: int) -> Any:
        record = self.schema.OperatorCodeT()
        record.builtinCode = record.deprecatedBuiltinCode = code
        record.version = 1
        return record

    def _signature(self, inputs: Mapping[str, int], outputs: Mapping[str, int]) -> Any:
        record = self.schema.SignatureDefT()
        record.signatureKey, record.subgraphIndex = "serving_default", 0
        record.inputs = [self._tensor_map(name, index) for name, index in inputs.items()]
        record.outputs = [self._tensor_map(name, index) for name, index in outputs.items()]
        return record

    def _tensor_map(self, name: str, index: int) -> Any:
        record = self.schema.TensorMapT()
        record.name, record.tensorIndex = name, index
        return record
