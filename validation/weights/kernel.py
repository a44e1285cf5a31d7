"""A weight of the original, as it lies beside the reference."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True, slots=True)
class Kernel:
    """The constant factor of a product; as a matrix it has a column for each output channel.

    Attributes:
        layer: Keras layer that it is of.
        shape: in the original.
        channels: axes of `shape` that count output channels, in order.
        values: `.npy`, float32 in `shape`.
        factors: `.npy`, float64 [ways, columns]: by what converters may have multiplied each column, a row
            for each way; the first is 1.
    """

    layer: str
    shape: tuple[int, ...]
    channels: tuple[int, ...]
    values: Path
    factors: Path

    @property
    def columns(self) -> int:
        return math.prod(self.shape[axis] for axis in self.channels)

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    def matrix(self, values: np.ndarray) -> np.ndarray:
        """An array in the original's shape as a matrix [rows, columns]."""
        rows = [axis for axis in range(len(self.shape)) if axis not in self.channels]
        return values.transpose(*rows, *self.channels).reshape(-1, self.columns)

    def layouts(self, stored: np.ndarray) -> Iterator[np.ndarray]:
        """An array of the same size as matrices [rows, columns], by each layout that files have.

        Channels last (TF.js; TFLite's depthwise and 3-D convolutions), first (TFLite's other products), or
        where the original has them (TF.js' transposed convolutions).
        """
        yield stored.reshape(-1, self.columns)
        yield stored.reshape(self.columns, -1).T
        if max(self.channels) != len(self.shape) - 1 and min(self.channels) > 0:
            yield self.matrix(stored.reshape(self.shape))
