"""What the numbers of a model's weights make hard for a target."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from converters.inspection import Difficulty
from converters.inspection_rules import ALL

PROTOBUF_LIMIT_BYTES = (1 << 31) - 1
DYNAMIC_INT8_LEAST = 1024
"""Elements from which on TFLite's dynamic-range quantization touches a weight at all."""

FLOAT16_MAX, FLOAT16_MIN = 65504.0, 2.0**-24 / 2
"""Greatest float16; below the other a number rounds to zero."""


def find_in_weights(weights: Iterable[Any]) -> Iterator[Difficulty]:
    """What the numbers themselves make hard: too large, too small, too many, too few."""
    arrays = [(getattr(w, "path", w.name), np.asarray(w)) for w in weights]
    total = sum(array.nbytes for _, array in arrays)
    if total > PROTOBUF_LIMIT_BYTES:
        why = f"{total:,} bytes of weights; a graph is one protobuf message of at most 2 GiB"
        yield from (Difficulty(t, "the model", "weights", why, "split the model", True) for t in ALL)
    for name, array in arrays:
        if array.dtype.kind == "f" and array.size:
            yield from _in_one_weight(name, array)
    matrices = [array.size for _, array in arrays if array.ndim > 1]
    if matrices and max(matrices) < DYNAMIC_INT8_LEAST:
        why = f"no weight has {DYNAMIC_INT8_LEAST} elements, so that nothing would be quantized"
        yield Difficulty("tflite:dynamic_int8", "the model", "weights", why)


def _in_one_weight(name: str, array: np.ndarray) -> Iterator[Difficulty]:
    size = np.abs(array.astype(np.float64))
    bad = int(np.sum(~np.isfinite(size)))
    large, small = int(np.sum(size > FLOAT16_MAX)), int(np.sum((size > 0) & (size < FLOAT16_MIN)))
    if bad:
        yield from (
            Difficulty(t, name, "weight", f"{bad} NaN or Inf in it", "train it again", True) for t in ALL
        )
    elif large:
        why = f"{large} of {array.size} numbers are beyond ±65504 and would become infinite or be clipped"
        yield Difficulty("*:float16", name, "weight", why)
    if small:
        why = f"{small} of {array.size} numbers are nearer to 0 than float16 can hold and would become 0"
        yield Difficulty("*:float16", name, "weight", why)
