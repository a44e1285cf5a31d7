"""Float16 weights in a float32 flatbuffer, widened again where they are used."""

from __future__ import annotations

from typing import Any

import numpy as np

from converters.errors import EdgeproofError, ExitStatus
from converters.tflite import model_file

FLOAT16_MAX = 65504.0


def halve_weights(model: model_file.Model) -> list[str]:
    """Stores every weight of two or more dimensions in float16, in place.

    A DEQUANTIZE op widens it, as in the files of TensorFlow's own converter; XNNPACK takes the
    pair as one float16 weight. Vectors and scalars stay float32: they are small, and an epsilon
    of 1e-12 would become zero.

    Returns:
        A note if values became zero.

    Raises:
        EdgeproofError: a weight is beyond the greatest float16.
    """
    vanished = total = 0
    for subgraph in model.subgraphs:
        fixed = {*_ints(subgraph.inputs), *_ints(subgraph.outputs)}
        used = {index for op in subgraph.operators for index in _ints(op.inputs)}
        widened: dict[int, int] = {}
        for index in sorted(used - fixed - {-1}):
            values = model_file.array_of(model, subgraph.tensors[index])
            if values is None or values.dtype != np.float32 or values.ndim < 2:
                continue
            vanished += _lost(values, subgraph.tensors[index].name.decode())
            total += values.size
            widened[index] = _narrow(model, subgraph, index, values)
        _widen(model, subgraph, widened)
    return (
        [f"{vanished} of {total} weights are below float16's least number and became 0"] if vanished else []
    )


def _lost(values: np.ndarray, name: str) -> int:
    """How many values become zero; raises if one becomes infinite."""
    finite = values[np.isfinite(values)]
    peak = float(np.abs(finite).max(initial=0.0))
    if peak > FLOAT16_MAX:
        raise EdgeproofError(
            f"tflite:float16: weight {name} doesn't fit into float16",
            got=f"a value of {peak:g}",
            want=f"at most {FLOAT16_MAX:g}",
            fix="leave float16 out, or scale the layer's weights",
            status=ExitStatus.CONVERSION_FAILED,
        )
    return int(np.count_nonzero((finite != 0) & (finite.astype(np.float16) == 0)))


def _narrow(model: model_file.Model, subgraph: Any, index: int, values: np.ndarray) -> int:
    """Adds the float16 tensor; gives its number."""
    from ai_edge_litert import schema_py_generated as schema

    buffer = schema.BufferT()
    buffer.data = np.frombuffer(values.astype(np.float16).tobytes(), np.uint8)
    model.buffers.append(buffer)
    tensor = schema.TensorT()
    tensor.name = subgraph.tensors[index].name + b"/float16"
    tensor.shape = subgraph.tensors[index].shape
    tensor.type = schema.TensorType.FLOAT16
    tensor.buffer = len(model.buffers) - 1
    tensor.hasRank = subgraph.tensors[index].hasRank
    subgraph.tensors.append(tensor)
    subgraph.tensors[index].buffer = 0
    return len(subgraph.tensors) - 1


def _widen(model: model_file.Model, subgraph: Any, widened: dict[int, int]) -> None:
    """Puts one DEQUANTIZE for each narrowed weight in front of the ops."""
    from ai_edge_litert import schema_py_generated as schema

    if not widened:
        return
    code = _opcode(model, schema.BuiltinOperator.DEQUANTIZE)
    ops = []
    for wide, narrow in widened.items():
        op = schema.OperatorT()
        op.opcodeIndex, op.inputs, op.outputs = code, [narrow], [wide]
        ops.append(op)
    subgraph.operators = [*ops, *subgraph.operators]


def _opcode(model: model_file.Model, builtin: int) -> int:
    """Index of an operator code, added if the model hasn't got it; version 3 of DEQUANTIZE is float16."""
    from ai_edge_litert import schema_py_generated as schema

    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = builtin
    code.version = 3
    model.operatorCodes.append(code)
    return len(model.operatorCodes) - 1


def _ints(values: Any) -> list[int]:
    return [] if values is None else [int(value) for value in values]
