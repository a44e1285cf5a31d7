"""The noise floor of batches that no rounding was simulated on, from those where it was.

One number for each channel and octave of the truth: what the floors of its elements come to in a batch,
the greatest of all batches. It needs no more than one simulated batch, and the more there are the
better it knows how the noise differs from sample to sample.
"""

from __future__ import annotations

import numpy as np

from validation.floor import channel_of, least_octave, octave_of, quantiles

LUCK = 4.0
"""Times what a channel's own elements let expect, the most that other channels may say of an octave. With
three simulated runs one element in a thousand of a wide softmax was taught a tenth of its noise."""

_SPAN = 1 << 14
"""More octaves than float64 has: channel and octave make one sorted key."""


class NoiseTable:
    """What is known of one output's floor.

    Args:
        channels: the last dimension is that of the channels.
    """

    def __init__(self, channels: bool) -> None:
        self._channels = channels
        self._by_channel, self._by_octave = _Floors(), _Floors()

    def add(self, floor: np.ndarray, truth: np.ndarray) -> None:
        """One batch with simulated roundings.

        Args:
            floor: float64 [*shape], of each element.
            truth: float64 [*shape].
        """
        keys, known = self._keys_of(truth)
        if known.any():
            self._by_channel.add(floor, keys, known)
            self._by_octave.add(floor, keys % _SPAN, known)

    def floor(self, truth: np.ndarray) -> np.ndarray | None:
        """Of each element; None where a channel was never seen.

        What a single element taught may have been luck: there the same octave of all channels is asked too.
        An octave that wasn't seen takes the greater of what its neighbours in its channel say:

        - the next higher one as it is, since what adds up to little was not added up from little;
        - the next lower one, not less and at most times as much as it is greater. Where between, the same
          octave of all channels tells: a logit has as much noise as a lesser one, a probability of a
          tenth ten times that of a hundredth, and one of nearly 1 less than one of a half.

        Without the neighbours a great channel would be held to the noise of the small ones, and without the
        others a great probability be excused by a hundred times what it has.
        """
        keys, known = self._keys_of(truth)
        if not known.any():
            return np.zeros(truth.shape)
        (below, under), (above, over) = self._by_channel.around(keys)
        same = [near // _SPAN == keys // _SPAN for near in (below, above)]
        if not (same[0] | same[1])[known].all():
            return None
        most = np.ldexp(under, np.where(same[0], keys - below, 0))
        usual, others = self._by_octave.at(keys % _SPAN)
        risen = np.where(others > 0, np.clip(usual, under, LUCK * most), most)
        unseen = np.maximum(np.where(same[0], risen, 0), np.where(same[1], over, 0))
        seen, elements = self._by_channel.at(keys)
        seen = np.where(elements == 1, np.maximum(seen, np.minimum(usual, LUCK * seen)), seen)
        return np.where(known, np.where(elements > 0, seen, unseen), 0.0)

    def _keys_of(self, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The key of each element, and whether it has a magnitude; zeros take that of the least."""
        known = np.isfinite(truth) & (truth != 0)
        channel = channel_of(truth.shape) if self._channels else np.zeros(truth.shape, np.int64)
        if not known.any():
            return channel, known
        octave = octave_of(truth, known)
        octave = np.where(known, octave, least_octave(octave, channel, known))
        return channel * _SPAN + octave + _SPAN // 2, np.isfinite(truth)


class _Floors:
    """The greatest floor of each key, in the order of the keys."""

    def __init__(self) -> None:
        self._keys = np.array([-_SPAN, np.iinfo(np.int64).max])
        """Between two of no channel, so that each has neighbours."""
        self._floors, self._elements = np.zeros(2), np.zeros(2, np.int64)

    def add(self, floor: np.ndarray, keys: np.ndarray, known: np.ndarray) -> None:
        """One batch: what the floors of the known elements of each key come to."""
        found, _ = quantiles(floor[None], known, keys, np.zeros_like(keys))
        every = np.concatenate([self._keys, keys[known]])
        values = np.concatenate([self._floors, found[known]])
        counts = np.concatenate([self._elements, np.ones(int(known.sum()), np.int64)])
        self._keys, place = np.unique(every, return_inverse=True)
        self._floors, self._elements = np.zeros(len(self._keys)), np.zeros(len(self._keys), np.int64)
        np.maximum.at(self._floors, place, values)
        np.add.at(self._elements, place, counts)

    def at(self, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The floor of each key, and how many elements taught it: 0 where it was never seen."""
        place = np.searchsorted(self._keys, keys)
        elements = np.where(self._keys[place] == keys, self._elements[place], 0)
        return np.where(elements > 0, self._floors[place], 0.0), elements

    def around(self, keys: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        """The next lower key that was seen, and the key itself or the next higher one; with their floors."""
        place = np.searchsorted(self._keys, keys)
        return [(self._keys[near], self._floors[near]) for near in (place - 1, place)]
