"""A TFLite flatbuffer, to be edited."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from copy import copy
from pathlib import Path
from typing import Any

import numpy as np

from bench.detection.parsed import Op, ParsedFile
from converters.artifact import Artifact
from converters.tflite import model_file


class TfliteFile(ParsedFile):
    """Attributes are the fields of an op's options; `padding` and activations are the schema's numbers.

    Attributes:
        model: the schema's `ModelT`.
    """

    format = "tflite"

    def __init__(self, artifact: Artifact, layers: Collection[str]) -> None:
        self.layers = layers
        self.model = model_file.read(artifact.entry_path)
        self._name = artifact.entry

    def ops(self) -> Iterator[Op]:
        kinds = model_file.op_names(self.model)
        for graph in self.model.subgraphs:
            for raw in graph.operators:
                used = [i for i in (*raw.inputs, *raw.outputs) if i >= 0]
                made = {int(i) for i in raw.outputs}
                names = [
                    graph.tensors[i].name.decode()
                    for i in used
                    if i in made or self._values(graph.tensors[i]) is not None
                ]
                yield Op(kinds[raw.opcodeIndex], raw, graph, tuple(names))

    def readers(self, op: Op) -> list[Op]:
        made = set(op.raw.outputs)
        return [other for other in self.ops() if other.graph is op.graph and made & set(other.raw.inputs)]

    def get(self, op: Op, attribute: str) -> Any:
        return getattr(op.raw.builtinOptions, attribute, None)

    def set(self, op: Op, attribute: str, value: Any) -> None:
        setattr(op.raw.builtinOptions, attribute, value)

    def retype(self, op: Op, kind: str) -> None:
        from ai_edge_litert import schema_py_generated as schema

        op.raw.opcodeIndex = self._opcode(getattr(schema.BuiltinOperator, kind))
        name = _OPTIONS.get(kind)
        op.raw.builtinOptionsType = getattr(schema.BuiltinOptions, name) if name else 0
        old, op.raw.builtinOptions = op.raw.builtinOptions, getattr(schema, f"{name}T")() if name else None
        for field in vars(op.raw.builtinOptions) if name else ():
            if hasattr(old, field):
                setattr(op.raw.builtinOptions, field, getattr(old, field))

    def _opcode(self, code: int) -> int:
        from ai_edge_litert import schema_py_generated as schema

        for index, row in enumerate(self.model.operatorCodes):
            if max(row.builtinCode, row.deprecatedBuiltinCode) == code:
                return index
        row = schema.OperatorCodeT()
        row.builtinCode, row.deprecatedBuiltinCode, row.version = code, min(code, 127), 1
        self.model.operatorCodes.append(row)
        return len(self.model.operatorCodes) - 1

    def inputs(self, op: Op) -> int:
        return len(op.raw.inputs)

    def tensor(self, op: Op, index: int) -> Any:
        """The schema's `TensorT` of an input; None where it is left out."""
        number = op.raw.inputs[index] if index < len(op.raw.inputs) else -1
        return op.graph.tensors[number] if number >= 0 else None

    def constant(self, op: Op, index: int) -> np.ndarray | None:
        tensor = self.tensor(op, index)
        return None if tensor is None else self._values(tensor)

    def _values(self, tensor: Any) -> np.ndarray | None:
        return model_file.array_of(self.model, tensor)

    def own(self, op: Op, index: int) -> Any:
        """A copy of an input's tensor that only this op takes."""
        tensor = copy(self.tensor(op, index))
        tensor.quantization = copy(tensor.quantization)
        op.graph.tensors.append(tensor)
        op.raw.inputs = list(op.raw.inputs)
        op.raw.inputs[index] = len(op.graph.tensors) - 1
        return tensor

    def replace(self, op: Op, index: int, values: np.ndarray) -> None:
        from ai_edge_litert import schema_py_generated as schema

        tensor = self.own(op, index)
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
        self.model.buffers.append(buffer)
        tensor.buffer, tensor.shape = len(self.model.buffers) - 1, list(values.shape)

    def swap(self, op: Op, first: int, second: int) -> None:
        numbers = op.raw.inputs = list(op.raw.inputs)
        numbers[first], numbers[second] = numbers[second], numbers[first]

    def swap_ends(self, side: str, first: str, second: str) -> None:
        rows = {row.name.decode(): row for row in getattr(self.model.signatureDefs[0], side)}
        a, b = rows[first], rows[second]
        a.tensorIndex, b.tensorIndex = b.tensorIndex, a.tensorIndex

    def write(self, out: Path) -> None:
        (out / self._name).write_bytes(model_file.pack(self.model))


_OPTIONS = {
    "ADD": "AddOptions",
    "SUB": "SubOptions",
    "MUL": "MulOptions",
    "DIV": "DivOptions",
    "MAX_POOL_2D": "Pool2DOptions",
    "AVERAGE_POOL_2D": "Pool2DOptions",
    "MEAN": "ReducerOptions",
    "SUM": "ReducerOptions",
    "REDUCE_MAX": "ReducerOptions",
    "RNN": "RNNOptions",
    "RESIZE_NEAREST_NEIGHBOR": "ResizeNearestNeighborOptions",
    "RESIZE_BILINEAR": "ResizeBilinearOptions",
    "LEAKY_RELU": "LeakyReluOptions",
    "GELU": "GeluOptions",
    "CUMSUM": "CumsumOptions",
    "LESS_EQUAL": "LessEqualOptions",
    "GREATER_EQUAL": "GreaterEqualOptions",
}
"""The options that go with an op; the others that faults make of one have none."""
