"""How wrong a tensor is, held against how wrong it may be."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from validation.compare import differences
from validation.dtypes import dtype_name, epsilon, is_float
from validation.localize import channels
from validation.localize.channels import Channels

FACTOR = 8.0
"""A layer may be this many times as wrong as its own noise; the same factor as for outputs."""


@dataclass(frozen=True, slots=True)
class Error:
    """A difference between two arrays.

    Attributes:
        max_abs: greatest; Infinity where shapes differ, or a number stands against NaN.
        rms: root mean square.
        relative: `rms` over the root mean square of what is expected.
        fault: what is wrong with the shape; "" where nothing is.
        channels: the same by channel; None where it was not asked for, or is infinite.
    """

    max_abs: float
    rms: float
    relative: float
    fault: str = ""
    channels: Channels | None = field(default=None, compare=False)

    def of(self, channel: int, expected: np.ndarray) -> Error:
        """The same of one channel; those must be known."""
        assert self.channels is not None
        rms = float(self.channels.rms[channel])
        return Error(float(self.channels.max_abs[channel]), rms, _relative(rms, expected[..., channel]))

    @property
    def sqnr_db(self) -> float:
        """Infinity where nothing differs."""
        if self.relative == 0:
            return math.inf
        return -20 * math.log10(self.relative) if math.isfinite(self.relative) else -math.inf


def difference(expected: np.ndarray, actual: np.ndarray, *, by_channel: bool = False) -> Error:
    """How far `actual` is off; it may have any shape and dtype.

    Args:
        by_channel: of each channel as well; only of floats with channels.
    """
    if expected.shape != actual.shape:
        fault = f"shape {list(actual.shape)} instead of {list(expected.shape)}"
        return Error(math.inf, math.inf, math.inf, fault)
    if not expected.size:
        return Error(0.0, 0.0, 0.0)
    if (expected.dtype == object) != (actual.dtype == object):
        return Error(math.inf, math.inf, math.inf, f"{dtype_name(actual)} instead of {dtype_name(expected)}")
    if is_float(dtype_name(expected)) or is_float(dtype_name(actual)):
        expected, actual = expected.astype(np.float64), actual.astype(np.float64)
    apart = differences(expected, actual)
    if not np.isfinite(apart).all():
        return Error(math.inf, math.inf, math.inf, "a number where the other has NaN or infinity")
    rms = _rms(apart)
    known = channels.measure(apart) if by_channel else None
    return Error(float(apart.max()), rms, _relative(rms, expected), channels=known)


@dataclass(frozen=True, slots=True)
class Floor:
    """How wrong a correct layer may be: greatest and root mean square difference, and both by channel."""

    max_abs: float
    rms: float
    channels: Channels | None = None

    def ratio(self, error: Error) -> float:
        """How many times over, all channels together; 0 where nothing differs."""
        return max(_over(error.max_abs, self.max_abs), _over(error.rms, self.rms))

    def of(self, channel: int) -> Floor:
        """That of one channel; those must be known."""
        assert self.channels is not None
        return Floor(float(self.channels.max_abs[channel]), float(self.channels.rms[channel]))

    def worst_channel(self, error: Error) -> tuple[int, float]:
        """The channel that is wrong most times over, and how many; -1 where channels are not known."""
        if self.channels is None or error.channels is None:
            return -1, 0.0
        ratios = error.channels.over(self.channels)
        worst = int(np.argmax(ratios))
        return worst, float(ratios[worst])


def floor_of(truth: np.ndarray, errors: Sequence[Error], dtype: str, step: float) -> Floor:
    """From what the original itself gives when nothing that matters is changed.

    Args:
        truth: the right values.
        errors: of the original's own answers, in its own arithmetic, with inputs and weights nudged; one
            at least.
        dtype: of the file's tensor: its rounding comes on top.
        step: real units between the values that the file's tensor can have; 0.0 where it can have any.
    """
    if not is_float(dtype_name(truth)):
        return Floor(max(error.max_abs for error in errors), max(error.rms for error in errors))
    finite = truth[np.isfinite(truth)].astype(np.float64)
    magnitude = float(np.max(np.abs(finite), initial=0.0))
    eps = max(epsilon("float32"), epsilon(dtype) if is_float(dtype) else 0.0)
    # A result is off by half an epsilon of itself for being stored, or by its step in a quantized file.
    largest, rms = (step, step / math.sqrt(12)) if step else (eps * magnitude / 2, eps * _rms(finite) / 2)
    known = [error.channels for error in errors if error.channels is not None]
    return Floor(
        max([largest, *(e.max_abs for e in errors if math.isfinite(e.max_abs))]),
        max([rms, *(e.rms for e in errors if math.isfinite(e.rms))]),
        channels.floor(truth, known, dtype) if len(known) == len(errors) else None,
    )


def _relative(rms: float, expected: np.ndarray) -> float:
    """A root mean square difference over that of what is expected."""
    scale = _rms(expected) if expected.dtype != object else 1.0
    return rms / scale if scale else (math.inf if rms else 0.0)


def _rms(values: np.ndarray) -> float:
    finite = (
        values[np.isfinite(values)].astype(np.float64)
        if values.dtype.kind == "f"
        else values.astype(np.float64)
    )
    if not finite.size:
        return 0.0
    peak = float(np.max(np.abs(finite)))
    return peak * math.sqrt(float(np.mean((finite / peak) ** 2))) if peak else 0.0


def _over(value: float, limit: float) -> float:
    if value == 0:
        return 0.0
    return value / limit if limit > 0 else math.inf
