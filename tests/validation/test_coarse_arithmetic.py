"""What rows for TF32 and float16 let pass, on a network whose products are rounded as a GPU rounds them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from tests.validation.fakes import FakeRuntime, make_artifact, make_reference
from validation.judge import judge_on
from validation.runtime import Arithmetic
from validation.verdict import Verdict

RANDOM = np.random.default_rng(0)
LAYERS = [RANDOM.normal(size=(3, 64)) / 2, RANDOM.normal(size=(64, 64)) / 8, RANDOM.normal(size=(64, 3)) / 8]
FEEDS = [{"x": RANDOM.normal(size=(8, 3)).astype(np.float32)} for _ in range(4)]


def compute(feed: Mapping[str, np.ndarray], bits: int, scale: float = 1.0) -> dict[str, np.ndarray]:
    """A small network.

    Args:
        bits: of the fraction that operands of products keep: 23 in float32, 10 in TF32 and float16.
        scale: of the last layer, 1 where nothing is wrong.
    """
    values = feed["x"].astype(np.float64)
    for weights in LAYERS[:-1]:
        values = np.maximum(keep(values, bits) @ keep(weights, bits), 0)
    return {"y": (scale * keep(values, bits) @ keep(LAYERS[-1], bits)).astype(np.float32)}


def keep(values: np.ndarray, bits: int) -> np.ndarray:
    fraction, exponent = np.frexp(values)
    return np.ldexp(np.round(np.ldexp(fraction, bits + 1)), exponent - bits - 1)


def verdict(directory: Path, arithmetic: Arithmetic, bits: int, scale: float = 1.0) -> Verdict:
    reference = make_reference(directory / "reference", lambda feed: compute(feed, 23), FEEDS)
    runtime = FakeRuntime(lambda feed: compute(feed, bits, scale), arithmetic=arithmetic)
    return judge_on(runtime, make_artifact(directory / "artifact"), reference, "net")


@pytest.mark.parametrize("arithmetic", ["tf32", "float16"])
def test_rounding_to_ten_bits_passes_in_its_own_row(arithmetic: Arithmetic, tmp_path: Path) -> None:
    found = verdict(tmp_path, arithmetic, bits=10)
    assert found.verdict == "pass", found.reason
    assert found.outputs[0].tolerance.measure == "sqnr_db"
    assert arithmetic in found.outputs[0].tolerance.reason


def test_it_fails_in_the_row_for_float32(tmp_path: Path) -> None:
    assert verdict(tmp_path, "float32", bits=10).verdict == "fail"


@pytest.mark.parametrize(
    ("bits", "scale"), [(3, 1.0), (10, 1.05)], ids=["three-bits", "five-percent-too-much"]
)
def test_what_its_roundoff_does_not_explain_fails(bits: int, scale: float, tmp_path: Path) -> None:
    assert verdict(tmp_path, "tf32", bits, scale).verdict == "fail"
