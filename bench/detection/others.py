"""What others hold an export to: one random sample, and a fixed tolerance.

polygraphy   Comparator.compare_func.simple(): atol = rtol = 1e-5 elementwise (NVIDIA Polygraphy)
keras        assertAllClose(atol=1e-4), the tolerance of Keras' own export tests; rtol 1e-4 likewise
onnx2tf      max abs error 5e-2 and cosine similarity 0.999 (onnx2tf's accuracy check)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

Tensors = Mapping[str, np.ndarray]


def _close(tolerance: float) -> Callable[[np.ndarray, np.ndarray], bool]:
    def passes(expected: np.ndarray, actual: np.ndarray) -> bool:
        return bool(np.allclose(actual, expected, rtol=tolerance, atol=tolerance, equal_nan=True))

    return passes


def _alike(expected: np.ndarray, actual: np.ndarray) -> bool:
    left, right = (array.astype(np.float64).reshape(-1) for array in (expected, actual))
    size = np.linalg.norm(left) * np.linalg.norm(right)
    cosine = float(left @ right / size) if size else float(np.array_equal(left, right))
    return bool(np.abs(left - right).max(initial=0.0) <= 5e-2 and cosine >= 0.999)


CHECKERS: Mapping[str, Callable[[np.ndarray, np.ndarray], bool]] = {
    "polygraphy": _close(1e-5),
    "keras": _close(1e-4),
    "onnx2tf": _alike,
}
"""Whether one output of one sample passes, by the tool whose limit it is."""


def passes(expected: Tensors, actual: Tensors) -> dict[str, bool]:
    """By checker, whether every output of a sample has the right shape and keeps the limit."""
    shaped = all(name in actual and actual[name].shape == array.shape for name, array in expected.items())
    return {
        checker: shaped and all(check(array, actual[name]) for name, array in expected.items())
        for checker, check in CHECKERS.items()
    }
