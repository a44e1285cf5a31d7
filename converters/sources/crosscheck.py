"""Whether two libraries that opened the same file compute the same from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from converters.exceptions import summary

TRIAL_SIZES = (16, 64, 224)
"""Sizes to try for dynamic dimensions, least first: a deep net needs a larger image to run at all."""

AGREEMENT = 1e-4
"""Greatest difference relative to the output's range. Float32 noise of two libraries that compute the
same stays under 1e-5 on the networks tried; a misread layer is off by far more."""


def compare(model: Any, reference: Any) -> tuple[bool, str]:
    """Runs both on one seeded batch.

    Args:
        model: as Keras 3 opened it.
        reference: as tf-keras opened it.

    Returns:
        Whether they agree, and a clause that says what was found.
    """
    shapes = [[tuple(tensor.shape) for tensor in side.inputs] for side in (model, reference)]
    if shapes[0] != shapes[1]:
        return False, f"its inputs have shapes {shapes[0]}, tf-keras' have {shapes[1]}"
    for size in TRIAL_SIZES:
        try:
            batch = [_sample(tensor, size) for tensor in reference.inputs]
            want = _run(reference, batch)
            break
        except Exception as error:
            failed = error
    else:
        return (
            True,
            f"and no batch was found that tf-keras runs, so they were not compared ({summary(failed)})",
        )
    try:
        got = _run(model, batch)
    except Exception as error:
        return False, f"it fails on a batch that tf-keras runs ({summary(error)})"
    return _judge(got, want)


def _judge(got: Sequence[np.ndarray], want: Sequence[np.ndarray]) -> tuple[bool, str]:
    shapes = [[value.shape for value in side] for side in (got, want)]
    if shapes[0] != shapes[1]:
        return False, f"its outputs have shapes {shapes[0]}, tf-keras' have {shapes[1]}"
    worst = max((_difference(a, b) for a, b in zip(got, want, strict=True)), default=0.0)
    if worst > AGREEMENT:
        return False, f"its outputs are off by {worst:.2g} of tf-keras' range"
    return True, f"and tf-keras computes the same from it (largest difference {worst:.1g} of the range)"


def _difference(got: np.ndarray, want: np.ndarray) -> float:
    a, b = got.astype(np.float64), want.astype(np.float64)
    spread = float(np.ptp(b)) or float(np.max(np.abs(b), initial=0.0)) or 1.0
    worst = float(np.max(np.abs(a - b), initial=0.0)) / spread
    return float("inf") if np.isnan(worst) else worst


def _run(model: Any, batch: list[np.ndarray]) -> list[np.ndarray]:
    import keras
    import tensorflow as tf

    tree = keras.tree if isinstance(model, keras.Model) else tf.nest
    struct = getattr(model, "_functional", None) or model
    packed = tree.pack_sequence_as(struct.input, [tf.constant(value) for value in batch])
    return [np.asarray(value) for value in tree.flatten(model(packed, training=False))]


def _sample(tensor: Any, size: int) -> np.ndarray:
    """Seeded values for an input: normal floats, indices 0 and 1, words."""
    import tensorflow as tf

    rng = np.random.default_rng(0)
    dtype = tf.as_dtype(tensor.dtype)
    shape = [2 if i == 0 and d is None else d or size for i, d in enumerate(tensor.shape)]
    if dtype == tf.string:
        return np.full(shape, "a word", dtype=object)
    if dtype.is_floating:
        return rng.normal(size=shape).astype(dtype.as_numpy_dtype)
    return rng.integers(0, 2, size=shape).astype(dtype.as_numpy_dtype)
