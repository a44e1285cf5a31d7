"""Which weight of the original one of a file is, and how far off each of its channels lies."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import repeat

import numpy as np

from validation.weights.kernel import Kernel
from validation.weights.stored import Stored

WITHIN = 1.5
"""Steps within which a number is the original's: whichever way it was rounded, and a scale a little off."""

ALIKE = 0.5
"""Share of its numbers that must be the original's for a weight to be held against it."""

ENERGY = 0.25
"""Share of the original's energy that these must hold: many weights are nearly nothing everywhere."""

SAMPLED = 64
"""Rows that are looked at to find out which weight it is, unless it is wrong."""

STEPS = 255

LEAST = 1e-6
"""Step, relative to a weight's greatest number, below which float32 itself rounds what was folded."""


@dataclass(frozen=True, slots=True)
class Fit:
    """A weight of a file, beside the original's.

    Attributes:
        kernel: that it is.
        ratios: [columns], the root mean square error of each channel, over that of rounding.
    """

    kernel: Kernel
    ratios: np.ndarray


def fit(stored: Stored, kernels: Iterable[Kernel], sampled: int = SAMPLED) -> Fit | None:
    """The weight of the original that this is most like; None where it is like none.

    Args:
        stored: of the file.
        kernels: of the original, of the same size.
        sampled: rows that tell, at most.
    """
    best, found = 0.0, None
    for kernel in kernels:
        if best == 1:
            break  # all of its numbers: no other is more like it
        rows = kernel.size // kernel.columns
        some = np.unique(np.linspace(0, rows - 1, min(rows, sampled)).astype(int))
        original, ways = kernel.read()[some], kernel.ways()
        steps = None if stored.scale is None else np.broadcast_to(stored.scale, stored.values.shape)
        scales = repeat(None) if steps is None else kernel.layouts(steps)
        for values, scale in zip(kernel.layouts(stored.values), scales, strict=False):
            part = None if scale is None else scale[some]
            for way, factors in enumerate(ways):
                share = _share(original * factors, values[some], part, stored.symmetric)
                if share > best:
                    best, found = share, (kernel, way, values, scale)
    return _measured(*found, stored.symmetric) if found else None


def _share(original: np.ndarray, values: np.ndarray, scale: np.ndarray | None, symmetric: bool) -> float:
    """How many of the numbers are the original's; 0 where they are too few, or nearly nothing."""
    near = np.abs(values - original) <= WITHIN * _step(original, scale, symmetric)
    energy = np.square(original)
    total = float(energy.sum())
    share = float(near.mean())
    if share < ALIKE or total == 0 or float(energy[near].sum()) < ENERGY * total:
        return 0.0
    return share


def _measured(kernel: Kernel, way: int, values: np.ndarray, scale: np.ndarray | None, symmetric: bool) -> Fit:
    original = kernel.read() * kernel.ways()[way]
    error = np.sqrt(np.mean(np.square(values - original), axis=0))
    step = np.broadcast_to(_step(original, scale, symmetric), original.shape)
    rounding = np.sqrt(np.mean(np.square(step), axis=0) / 12)
    ratios = np.divide(error, rounding, out=np.zeros_like(error), where=rounding > 0)
    return Fit(kernel, ratios)


def _step(original: np.ndarray, scale: np.ndarray | None, symmetric: bool) -> np.ndarray:
    """Steps of rounding to 8 bits, broadcastable to the matrix.

    They are those of plain min-max rounding with as many scales as the file has, or the file's own where
    these are greater. A quantizer that clips has smaller ones in order to be less off. Greater ones have
    their reasons, and what they cost shows in the answers: powers of two, or biases that int32 would not
    hold in steps of a weight's times an input's (TensorFlow 2.21's converter, 53 times greater where the
    input is a recurrent layer's first state, which is 0). A scale that is read wrong excuses nothing: up
    to 127 steps are off by it.

    Args:
        original: [rows, columns].
        scale: of the file, [rows, columns]; None gives each column a scale.
        symmetric: steps are centred on 0.
    """
    axes: tuple[int, ...] = (0,)
    if scale is not None and (scale == scale[:1]).all():
        scale = scale[:1]
        axes = (0, 1) if (scale == scale[:, :1]).all() else (0,)
    elif scale is not None and (scale == scale[:, :1]).all():
        scale, axes = scale[:, :1], (1,)
    low = np.minimum(original.min(axis=axes, keepdims=True), 0.0)
    high = np.maximum(original.max(axis=axes, keepdims=True), 0.0)
    plain = 2 * np.maximum(high, -low) / (STEPS - 1) if symmetric else (high - low) / STEPS
    least = LEAST * float(np.abs(original).max(initial=0.0))
    own = plain if scale is None else np.maximum(scale, plain)
    return np.maximum(own, least)
