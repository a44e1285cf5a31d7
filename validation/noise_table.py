"""The noise floor of batches that no rounding was simulated on, from those where it was.

One number for each channel and octave of the truth: what the floors of its elements come to in a batch,
the greatest of all batches. It needs no more than one simulated batch, and the more there are the
better it knows how the noise differs from sample to sample.
"""

from __future__ import annotations

import numpy as np

from validation.floor import channel_of, least_octave, octave_of, quantiles

_SPAN = 1 << 14
"""More octaves than float64 has: channel and octave make one sorted key."""


class NoiseTable:
    """What is known of one output's floor.

    Args:
        channels: the last dimension is that of the channels.
    """

    def __init__(self, channels: bool) -> None:
        self._channels = channels
        self._keys = np.zeros(0, np.int64)
        self._floors = np.zeros(0)

    def add(self, floor: np.ndarray, truth: np.ndarray) -> None:
        """One batch with simulated roundings.

        Args:
            floor: float64 [*shape], of each element.
            truth: float64 [*shape].
        """
        keys, known = self._keys_of(truth)
        if not known.any():
            return
        found, _ = quantiles(floor[None], known, keys, np.zeros_like(keys))
        every = np.concatenate([self._keys, keys[known]])
        values = np.concatenate([self._floors, found[known]])
        self._keys, place = np.unique(every, return_inverse=True)
        self._floors = np.zeros(len(self._keys))
        np.maximum.at(self._floors, place, values)

    def floor(self, truth: np.ndarray) -> np.ndarray | None:
        """Of each element; None where a channel was never seen.

        An octave that wasn't seen takes the next lower one of its channel, times as much as it is greater,
        or the next higher one as it is, since what adds up to little was not added up from little; the
        greater of both, since a probability of nearly 1 has less noise than one of a half.
        """
        keys, known = self._keys_of(truth)
        if not known.any():
            return np.zeros(truth.shape)
        if not len(self._keys):
            return None
        after = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        before = np.maximum(after - 1, 0)
        same = [self._keys[place] // _SPAN == keys // _SPAN for place in (before, after)]
        if not (same[0] | same[1])[known].all():
            return None
        lower, higher = (
            np.where(
                near, np.ldexp(self._floors[place], np.where(near, keys - self._keys[place], 0).clip(0)), 0
            )
            for near, place in zip(same, (before, after), strict=True)
        )
        seen = self._keys[after] == keys
        return np.where(known, np.where(seen, self._floors[after], np.maximum(lower, higher)), 0.0)

    def _keys_of(self, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The key of each element, and whether it has a magnitude; zeros take that of the least."""
        known = np.isfinite(truth) & (truth != 0)
        channel = channel_of(truth.shape) if self._channels else np.zeros(truth.shape, np.int64)
        if not known.any():
            return channel, known
        octave = octave_of(truth, known)
        octave = np.where(known, octave, least_octave(octave, channel, known))
        return channel * _SPAN + octave + _SPAN // 2, np.isfinite(truth)
