"""Whole inputs with a shape of their own: each shows faults that noise would hide.

Every pattern takes the shape of some samples (their number first) and the least and greatest value, and
gives float64 values between them. The samples of one pattern differ.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import numpy as np

Shape: TypeAlias = tuple[int, ...]
Pattern: TypeAlias = Callable[[Shape, float, float], np.ndarray]


def all_equal(shape: Shape, low: float, high: float) -> np.ndarray:
    """The greatest value everywhere, then the least: saturates what can saturate."""
    values = np.resize((high, low), shape[0])
    return np.broadcast_to(values.reshape(-1, *[1] * (len(shape) - 1)), shape).astype(np.float64)


def spike(shape: Shape, low: float, high: float) -> np.ndarray:
    """The first element alone, then the last: padding, strides and flips show at the edges."""
    ground = min(max(0.0, low), high)
    flat = np.full((shape[0], int(np.prod(shape[1:], dtype=np.int64))), ground)
    flat[0::2, :1], flat[1::2, -1:] = high, high
    return flat.reshape(shape)


def alternating(shape: Shape, low: float, high: float) -> np.ndarray:
    """A checkerboard, then its negative: sums cancel, the highest frequency shows in what resizes."""
    places = np.indices(shape, np.int8).sum(0) if len(shape) > 1 else np.arange(shape[0])
    return np.where(places % 2 == 0, high, low).astype(np.float64)


def ramp(shape: Shape, low: float, high: float) -> np.ndarray:
    """All elements of a sample differ and rise along every axis, then fall: swapped axes show."""
    size = int(np.prod(shape[1:], dtype=np.int64))
    rising = np.linspace(low, high, size) if size > 1 else np.linspace(low, high, shape[0])[:1]
    rows = [rising if number % 2 == 0 else rising[::-1] for number in range(shape[0])]
    return np.stack(rows).reshape(shape)


PATTERNS: Mapping[str, Pattern] = {
    "all elements equal": all_equal,
    "a single element": spike,
    "alternating signs": alternating,
    "a ramp": ramp,
}
"""By what they try."""


def fill(shape: Shape, values: Sequence[float], turn: int) -> np.ndarray:
    """Samples filled with values, one after the other.

    Args:
        shape: of all samples together.
        values: in order.
        turn: number of the input: another one gets the values in another order, so that inputs which
            meet in one op meet in many pairs.

    Returns:
        An array of the values' own kind: integers stay exact.
    """
    count = len(values)
    size = int(np.prod(shape, dtype=np.int64))
    stride = next(n for n in range(2 * turn + 1, 2 * turn + count + 2) if np.gcd(n, count) == 1)
    array = np.array(values, object if any(isinstance(v, int) for v in values) else np.float64)
    places = np.arange(size)
    return array[(places * stride + (5 + places // count) * turn) % count].reshape(shape)
