"""Differences in units of the noise floor: the greatest one, and the root mean square of each channel.

The root mean square is the sharper test: it shows an error in many elements that is too small to be told
from noise in any one of them.
"""

from __future__ import annotations

import math

import numpy as np

from converters.signature import TensorSpec
from validation.floor import has_channels

ENOUGH = 16
"""Elements of a channel from which its root mean square tells something of its own."""

_MOST = 1e150
"""What greater ratios are taken for, so that their squares stay finite."""


class NoiseMeter:
    """Measures one float output over batches; memory does not grow with their number.

    Args:
        spec: of the output.
        limit: in units of the floor.
        enough: elements of a channel from which its root mean square tells something of its own.
    """

    def __init__(self, spec: TensorSpec, limit: float = math.inf, *, enough: int = ENOUGH) -> None:
        self._limit, self._enough = limit, enough
        self._by_channel = has_channels(spec)
        self._greatest: float | None = None
        self._squares, self._count = np.zeros(1), 0

    def add(self, difference: np.ndarray, noise: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """One batch: the ratios, and which of them are beyond the limit.

        Args:
            difference: float64, at least 0 or Infinity.
            noise: the floor, of the same shape.
        """
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            ratio = np.where(difference == 0, 0.0, difference / noise)
        ratio[np.isinf(difference)] = math.inf
        self._greatest = max(self._greatest or 0.0, float(np.max(ratio, initial=0.0)))
        squares = np.minimum(ratio, _MOST) ** 2
        if self._by_channel:
            squares = squares.reshape(-1, squares.shape[-1])
            self._squares = self._squares + squares.sum(0)
            self._count += len(squares)
        else:
            self._squares = self._squares + squares.sum()
            self._count += squares.size
        return ratio, ratio > self._limit

    @property
    def greatest(self) -> float | None:
        """Greatest ratio; None where no floor was given."""
        return self._greatest

    @property
    def rms(self) -> float | None:
        """Greatest root mean square of any channel with enough elements, else that of all elements."""
        if self._greatest is None:
            return None
        if math.isinf(self._greatest):
            return math.inf
        worst = self._squares.max() if self._count >= self._enough else self._squares.mean()
        return math.sqrt(float(worst) / max(self._count, 1))
