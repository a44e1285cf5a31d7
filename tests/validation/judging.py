"""The model that judges are tried on, and batches for it."""

from __future__ import annotations

import numpy as np

SCALE = np.array([1.0, -2.0, 0.5], np.float32)


def model(feed):
    return {"y": feed["x"] * SCALE}


def batches(*sizes: int, width: int = 3, seed: int = 0):
    random = np.random.default_rng(seed)
    return [{"x": random.standard_normal((size, width)).astype(np.float32)} for size in sizes]
