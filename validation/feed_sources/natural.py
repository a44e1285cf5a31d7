"""Inputs that are like what the signature takes, by dtype and rank, where there is no data.

| dtype | values |
|---|---|
| float | standard normal |
| uint8 pictures (rank 4) | 0 to 255 |
| other integers | 0 to 9, which any embedding takes |
| bool | both, evenly |
| string | words of 1 to 8 small letters |

A range, of the domain, the data or the input itself, replaces these for numbers. Dynamic dimensions take
several sizes, one after the other, the same for all inputs at the same place, and differ between
neighbouring places, so that swapped ones show.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from converters.signature import TensorSpec
from validation.dtypes import as_bytes, is_float, numpy_dtype
from validation.feed_layout import Layout

if TYPE_CHECKING:
    from validation.feeds import FeedSpec

SAMPLES = 32

SEQUENCE_SIZES = (12, 16, 9)
"""Of a dynamic dimension in samples of rank 1 and 2: lengths of sequences."""

PICTURE_SIZES = (32, 64)
"""In samples of rank 3 and more: a net that halves pictures five times takes multiples of 32."""


def read(spec: FeedSpec, layout: Layout) -> Iterator[dict[str, np.ndarray]]:
    """Samples drawn from the seed; rounded up to full batches where the batch is fixed."""
    random = np.random.default_rng(spec.seed)
    size = layout.batch(spec.batch)
    left = spec.samples or SAMPLES
    if layout.fixed_batch and spec.samples is None:
        left = -(-left // size) * size
    number = 0
    while left > 0:
        count = min(size, left)
        yield {s.name: _draw(s, _shape(s, layout, count, number), spec, random) for s in layout.inputs}
        left, number = left - count, number + 1


def _shape(spec: TensorSpec, layout: Layout, count: int, number: int) -> tuple[int, ...]:
    sample = layout.sample_shape(spec)
    sizes = PICTURE_SIZES if len(sample) > 2 else SEQUENCE_SIZES
    chosen = [sizes[(number + axis) % len(sizes)] for axis in range(len(sample))]
    return (count, *(c if d is None else d for c, d in zip(chosen, sample, strict=True)))


def _draw(
    spec: TensorSpec, shape: tuple[int, ...], feeds: FeedSpec, random: np.random.Generator
) -> np.ndarray:
    limits = feeds.domain.told(spec) or feeds.value_range
    if spec.dtype == "bool":
        return random.integers(0, 2, shape).astype(bool)
    if spec.dtype == "string":
        return _words(shape, random)
    if is_float(spec.dtype):
        drawn = random.uniform(*limits, shape) if limits else random.standard_normal(shape)
        return drawn.astype(numpy_dtype(spec.dtype))
    low, high = limits or ((0, 255) if spec.dtype == "uint8" and len(spec.shape) == 4 else (0, 9))
    return random.integers(int(low), int(high), shape, endpoint=True).astype(numpy_dtype(spec.dtype))


def _words(shape: tuple[int, ...], random: np.random.Generator) -> np.ndarray:
    count = int(np.prod(shape))
    letters = random.integers(ord("a"), ord("z"), (count, 8), dtype=np.uint8, endpoint=True)
    lengths = random.integers(1, 9, count)
    words = [row[:length].tobytes() for row, length in zip(letters, lengths, strict=True)]
    return as_bytes(np.array(words, object).reshape(shape))
