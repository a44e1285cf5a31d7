"""What a flatbuffer holds its weights in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from converters.tflite import model_file

WEIGHT_DTYPES = frozenset({"float32", "float16", "int8", "INT4", "uint8"})


class Weight(NamedTuple):
    """A constant with two or more dimensions that an op takes.

    Attributes:
        name: of the tensor.
        dtype: as it is stored.
        elements: how many.
        values: as they are stored; None where NumPy has no such type.
    """

    name: str
    dtype: str
    elements: int
    values: np.ndarray | None


def weights(model: model_file.Model) -> Iterator[Weight]:
    """Every weight, each tensor once."""
    for subgraph in model.subgraphs:
        used = {int(index) for op in subgraph.operators for index in _listed(op.inputs)}
        for index in sorted(used - {-1}):
            tensor = subgraph.tensors[index]
            if _is_weight(model, tensor):
                elements = int(np.prod(tensor.shape))
                name = tensor.name.decode()
                yield Weight(name, model_file.dtype_of(tensor), elements, model_file.array_of(model, tensor))


def share(model: model_file.Model, dtypes: frozenset[str]) -> float:
    """Share of weight elements stored in one of these types; NaN without weights."""
    rows = [(weight.dtype in dtypes, weight.elements) for weight in weights(model)]
    total = sum(elements for _, elements in rows)
    return sum(elements for hit, elements in rows if hit) / total if total else float("nan")


def _is_weight(model: model_file.Model, tensor: Any) -> bool:
    data = model.buffers[tensor.buffer].data
    stored = data is not None and len(data) > 0
    rank = 0 if tensor.shape is None else len(tensor.shape)
    return stored and rank >= 2 and model_file.dtype_of(tensor) in WEIGHT_DTYPES


def _listed(values: Any) -> Any:
    return () if values is None else values
