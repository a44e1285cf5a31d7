"""When a mutant that passed counts as one that changes nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bench.detection.observable import Change, over_floor, over_quantization
from validation.fitting import Call

FLOOR = np.array([[1e-6, 0.0]])


def ratio(right: list, wrong: list, dtype: type = np.float32) -> float:
    """The difference over the floor, for one call."""
    noise = {"y": FLOOR} if dtype is np.float32 else {}
    call = Call(inputs={}, expected={}, noise=noise, first_sample=0, samples=1, filled=1)
    return over_floor("y", np.array(right, dtype), np.array(wrong, dtype), call)


@pytest.mark.parametrize(
    ("wrong", "want"),
    [
        pytest.param([[0.0, 0.0]], 0.0, id="equal"),
        pytest.param([[5e-7, 0.0]], 0.5, id="half-the-floor"),
        pytest.param([[0.0, 5e-7]], math.inf, id="no-floor"),
        pytest.param([[math.nan, 0.0]], math.inf, id="nan"),
    ],
)
def test_a_difference_is_held_against_the_floor_of_its_element(wrong: list, want: float) -> None:
    assert ratio([[0.0, 0.0]], wrong) == pytest.approx(want, rel=1e-6)


def test_integers_have_no_floor() -> None:
    assert ratio([[1, 2]], [[1, 3]], np.int32) == math.inf


@pytest.mark.parametrize(
    ("change", "own", "want"),
    [(0.0, 0.0, 0.0), (1.0, 4.0, 0.5), (4.0, 1.0, 2.0), (1.0, 0.0, math.inf)],
)
def test_a_quantized_export_is_held_against_its_own_error(change: float, own: float, want: float) -> None:
    assert over_quantization(change, own) == want


def test_silence_is_told_with_its_proof() -> None:
    assert Change(704, 0.0).describe() == "bit-equal to the correct export on 704 inputs"
    assert Change(288, 0.25).describe() == "0.25 of the noise floor at most, on 288 inputs"
    assert [Change(1, greatest).within_floor for greatest in (0.0, 1.0, 1.01)] == [True, True, False]
