"""How wrong each channel of a tensor is: beside a great one, the error of a small one is nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from validation.dtypes import dtype_name, epsilon, is_float, least_normal
from validation.floor import ABOVE_OWN, BAND, ENOUGH, RUNS_ENOUGH


@dataclass(frozen=True, slots=True, eq=False)
class Channels:
    """Differences by channel; float64 [channels].

    Attributes:
        max_abs: the greatest.
        rms: root mean square.
    """

    max_abs: np.ndarray
    rms: np.ndarray

    def over(self, floor: Channels) -> np.ndarray:
        """How many times a floor, whose elements are greater than 0: the greater of both ratios."""
        return np.maximum(self.max_abs / floor.max_abs, self.rms / floor.rms)


def enough_known(truth: np.ndarray, answers: int) -> bool:
    """Whether so many answers tell the noise of each channel: of fewer errors all may have been lucky.

    The last of two or more dimensions counts the channels.
    """
    if not is_float(dtype_name(truth)) or truth.ndim < 2 or truth.shape[-1] < 2:
        return False
    return truth.size // truth.shape[-1] * answers >= ENOUGH


def measure(apart: np.ndarray) -> Channels:
    """Of differences; float64 [..., channels], each at least 0 and finite."""
    rows = apart.reshape(-1, apart.shape[-1])
    greatest = rows.max(0)
    peak = float(greatest.max())
    if not peak:
        return Channels(greatest, greatest)
    scaled = rows / peak  # the squares of float64 might be infinite
    return Channels(greatest, peak * np.sqrt(np.einsum("ij,ij->j", scaled, scaled) / len(rows)))


def floor(truth: np.ndarray, errors: Sequence[Channels], dtype: str) -> Channels:
    """How wrong each channel may be; Infinity for those that are all zero.

    A threshold hides what moves there: they are judged with the others only. A channel may have been
    lucky, all the more where its elements are equal: it may be as wrong as others of its magnitude,
    up to a few times its own noise, as elements of an output may.

    Args:
        truth: the right values.
        errors: of the original's own answers; four at least.
        dtype: of the file's tensor: its rounding comes on top, and what is less than its least normal
            number may be taken for zero.
    """
    values = measure(np.abs(np.where(np.isfinite(truth), truth, 0.0), dtype=np.float64))
    eps, least = epsilon("float32"), least_normal("float32")
    if is_float(dtype):
        eps, least = max(eps, epsilon(dtype)), max(least, least_normal(dtype))
    greatest = np.maximum.reduce([eps / 2 * values.max_abs, *(error.max_abs for error in errors)])
    rms = np.maximum.reduce([eps / 2 * values.rms, *(error.rms for error in errors)])
    alive = values.max_abs > 0
    band = np.unique(np.frexp(values.max_abs)[1] // BAND, return_inverse=True)[1]
    factor = ABOVE_OWN[min(len(errors), RUNS_ENOUGH)]
    at_least = np.where(alive, least, np.inf)
    known = (np.where(alive, own, 0.0) for own in (greatest, rms))
    return Channels(*(np.maximum(_with_usual(own, band, factor), at_least) for own in known))


def _with_usual(own: np.ndarray, band: np.ndarray, factor: float) -> np.ndarray:
    """The greatest noise of the channels in the same band, at most so many times a channel's own."""
    most = np.zeros(len(own))
    np.maximum.at(most, band, own)
    return np.minimum(most[band], factor * own)
