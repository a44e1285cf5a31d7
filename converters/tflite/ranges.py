"""What the calibrated ranges of a flatbuffer must be so that int8 can hold its tensors.

TensorFlow's quantizer (2.21) takes each tensor's measured range as it is. Two kinds of model lose
most of their values by that, and both are cured before it sees the ranges.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from converters.tflite import model_file

ONE_SCALE = frozenset(
    {
        *("AVERAGE_POOL_2D", "CONCATENATION", "EXPAND_DIMS", "MAX_POOL_2D", "PACK", "RESHAPE", "SELECT"),
        *("SELECT_V2", "SLICE", "SPLIT", "SQUEEZE", "STRIDED_SLICE", "TRANSPOSE", "UNPACK"),
    }
)
"""Ops whose int8 inputs and outputs have to share a scale.

Source: LiteRT 8-bit quantization specification.
"""

MASK_FROM = -1e6
"""A constant below this is a mask: Keras adds -1e9 to scores, or puts the least float in their place."""

_MASKING = {"ADD": 0, "SELECT": 1, "SELECT_V2": 1}
"""Ops that put a mask over scores, and the first of their inputs that is the one or the other."""

HIDDEN = 16.0
"""How far below the least score a hidden one is put: exp(-16) is 1e-7, an int8 softmax counts in 1/256."""


class _Op(NamedTuple):
    name: str
    inputs: list[int]
    outputs: list[int]


def fit_ranges(model: model_file.Model) -> list[str]:
    """Edits measured ranges, and constants that mask, in place.

    Args:
        model: with the least and greatest value of each float tensor, as the calibrator leaves it.

    Returns:
        A note for each mask.
    """
    notes = []
    for subgraph in model.subgraphs:
        ops = list(_ops(model, subgraph))
        notes += _soften_masks(model, subgraph.tensors, ops)
        _share_ranges(subgraph.tensors, ops)
    return notes


def _ops(model: model_file.Model, subgraph: Any) -> Iterator[_Op]:
    names = model_file.op_names(model)
    for op in subgraph.operators:
        inputs = [int(index) for index in op.inputs if index >= 0]
        yield _Op(names[op.opcodeIndex], inputs, [int(index) for index in op.outputs])


def _share_ranges(tensors: Any, ops: list[_Op]) -> None:
    """Gives tensors that must share a scale the range of them all.

    Else the quantizer takes one tensor's: a concatenation of max pools has a greater minimum than
    what they read, and the average pool beside them is computed from an input that was cut off.
    """
    leader = list(range(len(tensors)))

    def find(index: int) -> int:
        while leader[index] != index:
            index = leader[index]
        return index

    for op in ops:
        if op.name in ONE_SCALE:
            tied = [index for index in (*op.inputs, *op.outputs) if _range(tensors[index])]
            for index in tied[1:]:
                leader[find(index)] = find(tied[0])
    groups: dict[int, list[int]] = {}
    for index in range(len(tensors)):
        if _range(tensors[index]):
            groups.setdefault(find(index), []).append(index)
    for group in groups.values():
        ranges = [_range(tensors[index]) or (0.0, 0.0) for index in group]
        for index in group:
            _set_range(tensors[index], min(low for low, _ in ranges), max(high for _, high in ranges))


def _soften_masks(model: model_file.Model, tensors: Any, ops: list[_Op]) -> list[str]:
    """Lets a mask reach just below the least score, where a softmax doesn't see the difference.

    With -1e9 in its range, an int8 score has steps of 4 million: all that isn't hidden is equal.
    """
    maker = {index: op for op in ops for index in op.outputs}
    notes = []
    for op in ops:
        if op.name not in _MASKING or not _is_mask(tensors[op.outputs[0]]):
            continue
        if not _feeds_softmax(ops, op.outputs[0]):
            continue
        operands = op.inputs[_MASKING[op.name] :]
        masks = [index for index in operands if _is_mask_operand(model, tensors, maker, index)]
        scores = [index for index in operands if index not in masks and _range(tensors[index])]
        if len(masks) != 1 or len(scores) != 1:
            continue
        low, high = _range(tensors[scores[0]]) or (0.0, 0.0)
        depth = (low - high if op.name == "ADD" else low) - HIDDEN
        _clip(model, tensors, maker, masks[0], depth)
        _set_range(tensors[op.outputs[0]], low - HIDDEN, high)
        name = tensors[op.outputs[0]].name.decode()
        notes.append(f"{name}: the mask reaches down to {depth:.3g}, so that int8 can tell scores apart")
    return notes


def _feeds_softmax(ops: list[_Op], index: int) -> bool:
    """Whether everything that reads a tensor is a softmax, or hands it on to one."""
    readers = [op for op in ops if index in op.inputs]
    return bool(readers) and all(
        op.name == "SOFTMAX" or (op.name in ("RESHAPE", "TRANSPOSE") and _feeds_softmax(ops, op.outputs[0]))
        for op in readers
    )


def _is_mask_operand(model: model_file.Model, tensors: Any, maker: dict[int, _Op], index: int) -> bool:
    """A constant mask, or a product with one: `(1 - mask) * -1e9`."""
    values = model_file.array_of(model, tensors[index])
    if values is not None:
        return bool(values.size and values.min() <= MASK_FROM)
    return _is_mask(tensors[index]) and index in maker and maker[index].name == "MUL"


def _is_mask(tensor: Any) -> bool:
    found = _range(tensor)
    return found is not None and found[0] <= MASK_FROM


def _clip(model: model_file.Model, tensors: Any, maker: dict[int, _Op], index: int, depth: float) -> None:
    """Raises what is below `depth` in a constant, or in the factor of a product."""
    values = model_file.array_of(model, tensors[index])
    if values is not None:
        tensors[index].buffer = model_file.add_buffer(model, np.maximum(values, np.float32(depth)))
        if _range(tensors[index]):
            _set_range(tensors[index], depth, float(values.max()))
        return
    for factor in maker[index].inputs:
        if model_file.array_of(model, tensors[factor]) is not None:
            _clip(model, tensors, maker, factor, depth)
    _set_range(tensors[index], depth, (_range(tensors[index]) or (depth, 0.0))[1])


def _range(tensor: Any) -> tuple[float, float] | None:
    """The least and greatest value measured; None for a constant and what isn't float."""
    params = tensor.quantization
    if params is None or params.min is None or not len(params.min):
        return None
    return float(params.min[0]), float(params.max[0])


def _set_range(tensor: Any, low: float, high: float) -> None:
    tensor.quantization.min, tensor.quantization.max = [low], [high]
