"""A weight of the original, as it lies beside the reference."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
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
        groups: convolutions side by side that it serves, each with as many of the channels as the others.
        group: number of the one that this is; None is all of them.
    """

    layer: str
    shape: tuple[int, ...]
    channels: tuple[int, ...]
    values: Path
    factors: Path
    groups: int = 1
    group: int | None = None

    @property
    def all_columns(self) -> int:
        """Of all groups."""
        return math.prod(self.shape[axis] for axis in self.channels)

    @property
    def columns(self) -> int:
        return self.all_columns if self.group is None else self.all_columns // self.groups

    @property
    def first(self) -> int:
        """Number of its first column among those of all groups."""
        return self.columns * (self.group or 0)

    @property
    def size(self) -> int:
        return math.prod(self.shape) * self.columns // self.all_columns

    def parts(self) -> Iterator[Kernel]:
        """Itself, and each group: TF.js has none, and its files hold as many weights."""
        yield self
        if self.groups > 1:
            yield from (replace(self, group=group) for group in range(self.groups))

    def read(self) -> np.ndarray:
        """The original's values [rows, columns], in memory where they are used."""
        every = self._matrix(np.load(self.values, mmap_mode="r"))
        return every[:, self.first : self.first + self.columns]

    def ways(self) -> np.ndarray:
        """What the columns may be multiplied by [ways, columns]."""
        return np.load(self.factors)[:, self.first : self.first + self.columns]

    def _matrix(self, values: np.ndarray) -> np.ndarray:
        rows = [axis for axis in range(len(self.shape)) if axis not in self.channels]
        return values.transpose(*rows, *self.channels).reshape(-1, self.all_columns)

    def layouts(self, stored: np.ndarray) -> Iterator[np.ndarray]:
        """An array of the same size as matrices [rows, columns], by each layout that files have.

        Channels last (TF.js; TFLite's depthwise and 3-D convolutions), first (TFLite's other products), or
        where the original has them (TF.js' transposed convolutions).
        """
        yield stored.reshape(-1, self.columns)
        yield stored.reshape(self.columns, -1).T
        if self.group is None and max(self.channels) != len(self.shape) - 1 and min(self.channels) > 0:
            yield self._matrix(stored.reshape(self.shape))
