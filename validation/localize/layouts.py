"""The order of axes in which a file holds a tensor of the original."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from validation.casts import dequantize
from validation.localize.file_graph import FileTensor
from validation.localize.measuring import difference

Permutation = tuple[int, ...]
"""From the original's axes to the file's."""


def find_layout(
    wanted: np.ndarray, tensor: FileTensor, seen: np.ndarray | None
) -> tuple[Permutation | None, float]:
    """The order of axes that a tensor of the file has, and how far it differs then from the original's.

    Args:
        wanted: the original's values.
        tensor: of the file.
        seen: its values as the file ran; None where they are not known.

    Returns:
        None for the original's own order; the relative difference, Infinity where it is not known.
    """
    if seen is None:
        return _likely(wanted.shape, tensor.shape, tensor), np.inf
    real = seen if tensor.quantization is None else dequantize(seen, tensor.quantization)
    errors = {
        permutation: difference(turned(wanted, permutation), real).relative
        for permutation in _permutations(wanted.ndim, tensor)
        if turned(wanted, permutation).shape == real.shape
    }
    if not errors:
        return _likely(wanted.shape, real.shape, tensor), np.inf
    best = min(errors, key=lambda permutation: errors[permutation])
    return best, errors[best]


def turned(values: np.ndarray, permutation: Permutation | None) -> np.ndarray:
    """The original's values in the file's order of axes."""
    return values if permutation is None else values.transpose(permutation)


def _likely(
    wanted: Sequence[int], got: Sequence[int | None] | None, tensor: FileTensor
) -> Permutation | None:
    """The order of axes in which most sizes agree."""
    if got is None or len(got) != len(wanted):
        return None

    def disagreeing(permutation: Permutation | None) -> int:
        sizes = wanted if permutation is None else [wanted[axis] for axis in permutation]
        return sum(size not in (None, other) for size, other in zip(got, sizes, strict=True))

    return min(_permutations(len(wanted), tensor), key=disagreeing)


def _permutations(rank: int, tensor: FileTensor) -> list[Permutation | None]:
    """As it is, and channels last to channels first."""
    if rank < 3 or not tensor.channels_first:
        return [None]
    return [None, (0, rank - 1, *range(1, rank - 1))]
