"""Outputs that are inputs get a tensor of their own."""

from __future__ import annotations

import copy

import numpy as np

from converters.tflite.model_file import Model, add_buffer, dtype_of, op_names

_TAKEN = frozenset({"float32", "int32", "uint8"})
"""What LiteRT.js takes, and SLICE too."""

_MOST_DIMENSIONS = 5
"""That SLICE takes. Source: tensorflow/lite/kernels/slice.cc."""


def part_outputs_from_inputs(model: Model) -> list[str]:
    """Copies each input that is an output as it is, by a SLICE of all of it.

    LiteRT.js 2.5 leaves such an output unwritten: what it gives is old memory.

    Returns:
        What was done, for the report.
    """
    graph = model.subgraphs[0]
    notes = []
    for place, index in enumerate(graph.outputs):
        tensor = graph.tensors[index]
        rank = len(tensor.shape) if tensor.shape is not None else 0
        if index in graph.inputs and dtype_of(tensor) in _TAKEN and 0 < rank <= _MOST_DIMENSIONS:
            graph.outputs[place] = _copy(model, int(index), rank)
            notes.append(f"output {place} is an input: copied, since LiteRT.js gives it no value otherwise")
    return notes


def _copy(model: Model, index: int, rank: int) -> int:
    """Appends a SLICE of a whole tensor, and gives its result's index."""
    from ai_edge_litert import schema_py_generated as schema

    graph = model.subgraphs[0]
    result = copy.deepcopy(graph.tensors[index])
    result.name = result.name + b"/copy"
    bounds = [_constant(model, result.name + b"/begin", np.zeros(rank, np.int32))]
    bounds.append(_constant(model, result.name + b"/size", np.full(rank, -1, np.int32)))  # -1: to the end
    graph.tensors.append(result)
    operator = schema.OperatorT()
    operator.opcodeIndex = _slice_code(model)
    operator.inputs = np.array([index, *bounds], np.int32)
    operator.outputs = np.array([len(graph.tensors) - 1], np.int32)
    operator.builtinOptionsType = schema.BuiltinOptions.SliceOptions
    operator.builtinOptions = schema.SliceOptionsT()
    graph.operators.append(operator)
    return len(graph.tensors) - 1


def _constant(model: Model, name: bytes, values: np.ndarray) -> int:
    from ai_edge_litert import schema_py_generated as schema

    graph = model.subgraphs[0]
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.type = name, np.array(values.shape, np.int32), schema.TensorType.INT32
    tensor.buffer = add_buffer(model, values)
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1


def _slice_code(model: Model) -> int:
    from ai_edge_litert import schema_py_generated as schema

    names = op_names(model)
    if "SLICE" not in names:
        code = schema.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.SLICE
        code.version = 1
        model.operatorCodes.append(code)
        names.append("SLICE")
    return names.index("SLICE")
