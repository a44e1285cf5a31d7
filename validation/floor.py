"""The noise floor: how far the original itself may be off, element by element.

From errors of a few runs of one batch against the truth (the original's own, and runs with every rounding
simulated) to one number for each element:

    own        the greatest error seen at the element itself: covers a rounding that flips a floor or an
               argmax there, and excuses no neighbour
    pooled     the 95 % quantile of the errors of elements of the same channel and magnitude: an element
               that was lucky is not held to its luck, and a big channel doesn't excuse a small one;
               where these are few, at least that of the magnitude in all channels, since they may have
               been lucky together; at most 4 times the element's own root mean square error where five
               errors differ, 8 times where four do
    unit       2 unit roundoffs of the element itself, and the least normal number

and the greatest of these. Where errors are Gaussian the pooled one is about 2 standard deviations.
"""

from __future__ import annotations

import numpy as np

from converters.signature import TensorSpec

QUANTILE = 0.95
"""Of pooled errors; rarer ones, such as a flipped rounding, don't raise the floor of others."""

ENOUGH = 16
"""Errors in a pool; a smaller one is joined with others."""

RUNS_ENOUGH = 5
"""Runs from which an element's own errors tell its scale, together with those of its pool."""

ABOVE_OWN = {4: 8.0, RUNS_ENOUGH: 4.0}
"""Times the root mean square of an element's own errors, the most that its pool may say of it, by how many of
these differ; fewer tell nothing. Of five Gaussian errors the root mean square is under a quarter of their
deviation three times in a thousand, of four under an eighth once in two thousand: the element is still
granted one deviation then."""

UNITS = 2.0
"""Unit roundoffs of the element: one for its last operation, and one for a kernel that isn't correctly
rounded there."""

BAND = 4
"""Octaves that are joined where one alone has too few elements."""


def noise_floor(
    errors: np.ndarray,
    truth: np.ndarray,
    *,
    roundoff: float,
    least: float,
    channels: bool,
    taught: np.ndarray | None = None,
) -> np.ndarray:
    """How far the original may be off at each element.

    Args:
        errors: float64 [runs, *shape], each at least 0 and finite.
        truth: float64 [*shape].
        roundoff: unit roundoff of the coarsest arithmetic.
        least: normal number of the output's dtype; what is smaller may be flushed to zero.
        channels: the last dimension is that of the channels.
        taught: float64 [*shape], in place of the pooled errors: what other batches came to.

    Returns:
        float64 [*shape], greater than 0.
    """
    own = errors.max(0, initial=0.0)
    pooled = _pooled(errors, truth, channels) if taught is None else taught
    unit = UNITS * roundoff * np.abs(np.where(np.isfinite(truth), truth, 0.0))
    return np.maximum.reduce([own, pooled, unit, np.full_like(own, least)])


def _pooled(errors: np.ndarray, truth: np.ndarray, channels: bool) -> np.ndarray:
    pooled, alone = pool(errors, truth, channels=channels)
    if len(errors) < RUNS_ENOUGH:
        return pooled
    rms = np.sqrt(np.sum(np.square(errors), 0) / np.maximum(np.count_nonzero(errors, axis=0), 1))
    if channels and alone.any():
        usual, _ = pool(errors, truth, channels=False)
        usual = np.minimum(usual, ABOVE_OWN[RUNS_ENOUGH] * rms)
        pooled = np.where(alone, np.maximum(pooled, usual), pooled)
    factor = _above_own(errors)
    return np.where(factor > 0, np.minimum(pooled, factor * rms), pooled)


def _above_own(errors: np.ndarray) -> np.ndarray:
    """By what factor a pool may exceed each element's own errors; 0 where these don't tell.

    What occurs twice counts once: eagerly and as a graph the original mostly takes the same steps. No error
    at all counts nothing: terms may have cancelled, as those of equal elements less their mean do, and
    an engine that multiplies where others divide leaves their difference.
    """
    different = np.count_nonzero(np.diff(np.sort(errors, axis=0), axis=0, prepend=0.0), axis=0)
    factor = np.zeros(different.shape)
    for enough, allowed in ABOVE_OWN.items():
        factor[different >= enough] = allowed
    return factor


def pool(errors: np.ndarray, truth: np.ndarray, *, channels: bool) -> tuple[np.ndarray, np.ndarray]:
    """The quantile of each element's pool: its octave in its channel, or a wider one where that is small.

    An exact zero has no magnitude: it takes part in no pool, and is given that of the least elements
    of its channel, which may be as near to zero.

    Returns:
        float64 [*shape], and which elements had a wider pool than their own.
    """
    known = np.isfinite(truth) & (truth != 0)
    if not known.any():
        return np.zeros(truth.shape), np.zeros(truth.shape, bool)
    octave = octave_of(truth, known)
    channel = channel_of(truth.shape) if channels else np.zeros(truth.shape, np.int64)
    octave = np.where(known, octave, least_octave(octave, channel, known))
    result, missing = np.zeros(truth.shape), np.ones(truth.shape, bool)
    alone = missing
    nobody = np.zeros_like(channel)
    for key in (
        (channel, octave),
        (channel, octave // BAND),
        (channel, nobody),
        (nobody, octave),
        (nobody, nobody),
    ):
        found, counts = quantiles(errors, known, *key)
        take = missing & ((counts * len(errors) >= ENOUGH) | (key[0] is nobody and key[1] is nobody))
        result[take], missing = found[take], missing & ~take
        alone = missing if key[0] is channel and key[1] is octave else alone
        if not missing.any():
            break
    return result, alone


def octave_of(truth: np.ndarray, known: np.ndarray) -> np.ndarray:
    """The exponent of each known element's magnitude, 0 for the others; int64."""
    octave = np.zeros(truth.shape, np.int64)
    octave[known] = np.frexp(truth[known])[1]
    return octave


def has_channels(spec: TensorSpec) -> bool:
    """Whether an output has channels: the last of two or more dimensions, where it is fixed, counts them."""
    return len(spec.shape) > 1 and spec.shape[-1] is not None


def channel_of(shape: tuple[int, ...]) -> np.ndarray:
    """The index in the last dimension of each element; int64."""
    return np.broadcast_to(np.arange(shape[-1]), shape).copy()


def least_octave(octave: np.ndarray, channel: np.ndarray, known: np.ndarray) -> np.ndarray:
    """For each element the least octave that its channel has; that of all where it has none."""
    least = np.full(int(channel.max()) + 1, np.iinfo(np.int64).max)
    np.minimum.at(least, channel[known], octave[known])
    least[least == np.iinfo(np.int64).max] = octave[known].min()
    return np.asarray(least[channel])


def quantiles(
    errors: np.ndarray, known: np.ndarray, first: np.ndarray, second: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """For each element the quantile over all that share its two keys, and how many these are."""
    low = int(second.min())
    keys = first * (int(second.max()) - low + 1) + (second - low)
    _, group = np.unique(keys, return_inverse=True)
    group = group.reshape(known.shape)
    counts = np.bincount(group[known], minlength=int(group.max()) + 1)
    every = np.broadcast_to(group, errors.shape)[:, known].ravel()
    values = errors[:, known].ravel()
    order = np.lexsort((values, every))
    starts = np.concatenate([[0], np.cumsum(counts * len(errors))[:-1]])
    place = starts + np.maximum(np.ceil(QUANTILE * counts * len(errors)).astype(np.int64) - 1, 0)
    quantile = values[order][np.minimum(place, len(values) - 1)]
    return np.where(counts > 0, quantile, 0.0)[group], counts[group]
