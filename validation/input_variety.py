"""Whether the inputs differ at all from sample to sample."""

from __future__ import annotations

import numpy as np

from validation.feed import Tensors


class InputVariety:
    """Holds the first sample, and says whether any other differs from it."""

    def __init__(self, batched: bool) -> None:
        self._batched = batched
        self._first: dict[str, bytes] = {}
        self._varied = False
        self._samples = 0

    def add(self, tensors: Tensors) -> None:
        """One batch."""
        samples = _samples(tensors) if self._batched else [dict(tensors)]
        self._samples += len(samples)
        for sample in samples:
            if self._varied:
                return
            content = {name: _content(value) for name, value in sample.items()}
            self._first = self._first or content
            self._varied = content != self._first

    @property
    def fault(self) -> str:
        """Why such inputs prove nothing, or ""."""
        if self._samples == 1:
            return "there is only one sample: give two or more that differ"
        return "" if self._varied else f"all {self._samples} samples are equal: give samples that differ"


def _samples(tensors: Tensors) -> list[dict[str, np.ndarray]]:
    count = len(next(iter(tensors.values())))
    return [{name: array[i] for name, array in tensors.items()} for i in range(count)]


def _content(value: np.ndarray) -> bytes:
    array = np.asarray(value)
    text = repr(array.tolist()).encode() if array.dtype == object else array.tobytes()
    return repr(array.shape).encode() + text
