"""Batches put together and taken apart again, for models whose samples don't depend on each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from validation.feed import Tensors


def join(batches: Sequence[Tensors]) -> dict[str, np.ndarray]:
    """One after the other, as one; a single one needs no batch dimension."""
    if len(batches) == 1:
        return dict(batches[0])
    return {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}


def split(tensors: Tensors, sizes: Sequence[int]) -> list[dict[str, np.ndarray]]:
    """Batches of these sizes; the whole one where there are none."""
    if not sizes:
        return [dict(tensors)]
    ends = np.cumsum(sizes)
    return [
        {name: array[end - size : end] for name, array in tensors.items()}
        for size, end in zip(sizes, ends, strict=True)
    ]


def fit(one: Tensors, other: Tensors) -> bool:
    """Whether two batches can be joined."""
    return all(one[name].shape[1:] == array.shape[1:] for name, array in other.items())


def per_sample(outputs: Tensors, samples: int) -> bool:
    """Whether the first dimension of every output counts the samples."""
    return all(array.shape[:1] == (samples,) for array in outputs.values())
