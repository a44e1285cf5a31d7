"""Natural samples that directed ones are made from: a few are held, and put together anew."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from validation.directed.builder import Chunk
from validation.feed import Tensors
from validation.feed_layout import Layout

HELD = 16
"""Samples that are kept in memory, all of one shape."""


class Background:
    """The first samples of the data, or natural ones; those of another shape are passed over.

    Args:
        layout: of the samples.

    Attributes:
        samples: how many there were in all.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._held: Chunk = {}
        self.samples = 0

    def hold(self, tensors: Tensors) -> None:
        """One batch."""
        self.samples += self._layout.count(tensors)
        new = dict(tensors) if self._layout.batched else {n: a[None] for n, a in tensors.items()}
        if not self._held:
            self._held = new
        elif _shapes(self._held) == _shapes(new) and count(self._held) < HELD:
            self._held = {name: np.concatenate([self._held[name], array]) for name, array in new.items()}

    def take(self, number: int) -> Chunk:
        """So many samples, again from the first when there are no more."""
        rows = np.arange(number) % count(self._held)
        return {name: array[rows] for name, array in self._held.items()}

    def mix(self, number: int, seed: int) -> Chunk:
        """Samples with each element from another held one, at its own place.

        They have the data's statistics place by place, and are unlike any sample of it.
        """
        random = np.random.default_rng(seed)
        chunk = {}
        for name, array in self._held.items():
            rows = random.integers(0, len(array), (number, *array.shape[1:]))
            chunk[name] = np.take_along_axis(array, rows, 0)
        return chunk

    def resize(self, number: int, more: int) -> Chunk:
        """Samples whose dynamic sizes are greater by so much: repeated from their start."""
        chunk = self.take(number)
        for spec in self._layout.inputs:
            for axis, size in enumerate(self._layout.sample_shape(spec), 1):
                if size is None:
                    array = chunk[spec.name]
                    places = np.arange(array.shape[axis] + more) % array.shape[axis]
                    chunk[spec.name] = np.take(array, places, axis)
        return chunk


def count(chunk: Mapping[str, np.ndarray]) -> int:
    """Samples in a chunk."""
    return len(next(iter(chunk.values())))


def divided(chunk: Chunk, size: int) -> list[Chunk]:
    """Calls of so many samples each, for models with one batch size."""
    starts = range(0, count(chunk), size)
    return [{name: array[start : start + size] for name, array in chunk.items()} for start in starts]


def single(chunk: Chunk) -> list[Chunk]:
    """One call for each sample, for models without a batch dimension."""
    # A reshape where a[0] would do: of an object array that is no array any more.
    return [
        {name: array[row : row + 1].reshape(array.shape[1:]) for name, array in chunk.items()}
        for row in range(count(chunk))
    ]


def _shapes(chunk: Tensors) -> list[tuple[int, ...]]:
    return [array.shape[1:] for array in chunk.values()]
