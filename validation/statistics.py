"""Sums, quantiles and spreads over values that come in pieces.

Everything is float64. Squares neither overflow nor vanish: sums carry their own exponent.
"""

from __future__ import annotations

import math

import numpy as np

BUCKETS_PER_OCTAVE = 16
"""A quantile is too great by at most a factor 2^(1/16), 4.5 %, and never too small."""

_LEAST_EXPONENT = -1075


class ProductSum:
    """Sum of x·y, as `mantissa` · 2^`exponent`; a sum of squares where x is y."""

    def __init__(self) -> None:
        self.mantissa = 0.0
        self.exponent = 0

    def add(self, x: np.ndarray, y: np.ndarray) -> None:
        """Adds the products of two finite float64 arrays of the same shape."""
        x_scale, y_scale = _exponent(x), _exponent(y)
        part = float(np.dot(np.ldexp(x.ravel(), -x_scale), np.ldexp(y.ravel(), -y_scale)))
        if part == 0.0:
            return
        scale = x_scale + y_scale
        if self.mantissa == 0.0 or scale > self.exponent:
            self.mantissa = math.ldexp(self.mantissa, self.exponent - scale)
            self.exponent = scale
        self.mantissa += math.ldexp(part, scale - self.exponent)

    @property
    def log2(self) -> float:
        """Binary logarithm of the sum's magnitude; -inf for zero."""
        return math.log2(abs(self.mantissa)) + self.exponent if self.mantissa else -math.inf

    @property
    def sign(self) -> float:
        return math.copysign(1.0, self.mantissa)


def _exponent(x: np.ndarray) -> int:
    return math.frexp(float(np.max(np.abs(x), initial=0.0)))[1]


def power_of_two(log2: float) -> float:
    """2^log2, Infinity where float64 ends."""
    return 2.0**log2 if log2 < 1024 else math.inf


class LogHistogram:
    """Counts of magnitudes in buckets of a sixteenth of an octave, with one for zero."""

    def __init__(self) -> None:
        self._counts = np.zeros((1025 - _LEAST_EXPONENT) * BUCKETS_PER_OCTAVE + 1, np.int64)
        self._zeros = 0
        self._infinite = 0

    def add(self, magnitudes: np.ndarray) -> None:
        """Counts non-negative float64 values; Infinity is a value like others."""
        positive = magnitudes[(magnitudes > 0) & np.isfinite(magnitudes)]
        octaves = np.log2(positive) - _LEAST_EXPONENT
        buckets = np.ceil(octaves * BUCKETS_PER_OCTAVE).astype(np.int64)
        self._counts += np.bincount(buckets, minlength=len(self._counts))
        infinite = int(np.isinf(magnitudes).sum())
        self._infinite += infinite
        self._zeros += magnitudes.size - positive.size - infinite

    def quantile(self, share: float) -> float:
        """Least bucket bound that at least this share of the values does not exceed; 0 without values."""
        finite = np.cumsum(self._counts)
        wanted = math.ceil(share * (self._zeros + int(finite[-1]) + self._infinite))
        if wanted <= self._zeros:
            return 0.0
        if wanted - self._zeros > finite[-1]:
            return math.inf
        bucket = int(np.searchsorted(finite, wanted - self._zeros))
        return power_of_two(bucket / BUCKETS_PER_OCTAVE + _LEAST_EXPONENT)


class Spread:
    """How far each element of an output moves from one sample to the next.

    Samples of the same shape are compared with each other; non-finite values are left out.
    """

    def __init__(self) -> None:
        self._groups: dict[tuple[int, ...], _Group] = {}

    def add(self, samples: np.ndarray, floor: np.ndarray | None = None) -> None:
        """Samples along the first dimension, float64, with the noise floor of each element if known."""
        if samples.size:
            group = self._groups.setdefault(samples.shape[1:], _Group(samples.shape[1:]))
            group.add(samples)
            if floor is not None:
                group.floor = np.maximum(group.floor, floor.max(0))

    @property
    def movement(self) -> float:
        """Greatest max - min of any one element."""
        return max((group.movement for group in self._groups.values()), default=0.0)

    @property
    def clearance(self) -> float:
        """The same in units of the element's greatest noise floor; Infinity where none is known."""
        return max((group.clearance for group in self._groups.values()), default=0.0)

    @property
    def squares(self) -> ProductSum:
        """Sum of squared distances from each element's mean: the error of the best constant answer."""
        total = ProductSum()
        for group in self._groups.values():
            root = np.sqrt(group.squares)
            total.add(root, root)
        return total


class _Group:
    """Samples of one shape: least, greatest, mean and sum of squares (Chan's parallel update)."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._least, self._greatest = np.full(shape, np.inf), np.full(shape, -np.inf)
        self._mean, self.squares, self._count = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        self.floor = np.zeros(shape)

    def add(self, samples: np.ndarray) -> None:
        finite = np.isfinite(samples)
        self._least = np.minimum(self._least, np.where(finite, samples, np.inf).min(0))
        self._greatest = np.maximum(self._greatest, np.where(finite, samples, -np.inf).max(0))
        count = finite.sum(0)
        known = np.where(finite, samples, 0.0)
        with np.errstate(over="ignore", invalid="ignore"):
            mean = known.sum(0) / np.maximum(count, 1)
            squares = (np.where(finite, samples - mean, 0.0) ** 2).sum(0)
            total = np.maximum(self._count + count, 1)
            step = mean - self._mean
            self.squares = _finite(self.squares + squares + step**2 * self._count * count / total)
            self._mean = _finite(self._mean + step * count / total)
        self._count = self._count + count

    @property
    def movement(self) -> float:
        with np.errstate(over="ignore"):
            return float(np.max(self._greatest - self._least, initial=0.0))

    @property
    def clearance(self) -> float:
        moved = self._greatest > self._least
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            ratio = np.where(moved, (self._greatest - self._least) / self.floor, 0.0)
        return float(np.max(ratio, initial=0.0))


def _finite(values: np.ndarray) -> np.ndarray:
    return np.nan_to_num(values, nan=np.finfo(np.float64).max)
