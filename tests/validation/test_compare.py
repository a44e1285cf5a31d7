"""Traps of comparing, as a table: what each one must come to."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from converters.signature import TensorSpec
from validation.compare import OutputMeter, differences, find_mismatch
from validation.dtypes import as_bytes, dtype_name
from validation.verdict import Comparison

NAN, INF = math.nan, math.inf


@dataclass(frozen=True)
class Trap:
    """Two arrays, and what must be found: the fields of the comparison that matter."""

    expected: Any
    actual: Any
    want: dict[str, Any]
    dtype: str = "float32"
    settings: dict[str, Any] = field(default_factory=dict)


def measure(trap: Trap) -> Comparison:
    dtype = {"bfloat16": ml_dtypes.bfloat16, "string": object}.get(trap.dtype, trap.dtype)
    expected, actual = (np.array(side, dtype) for side in (trap.expected, trap.actual))
    if trap.dtype == "string":
        expected, actual = as_bytes(expected), as_bytes(actual)
    meter = OutputMeter(TensorSpec("y", expected.shape, trap.dtype), **trap.settings)
    meter.add(expected, actual, first_sample=0)
    return meter.result()


TRAPS = {
    "equal": Trap(
        [[1, 2], [3, 4]], [[1, 2], [3, 4]], {"max_abs": 0, "mismatched": 0, "sqnr_db": INF, "cosine": 1}
    ),
    "nan-against-zero": Trap(
        [0.0, 1.0],
        [NAN, 1.0],
        {"max_abs": INF, "mismatched": 1, "rmse": INF, "sqnr_db": -INF, "nan_actual": 1, "worst_index": (0,)},
    ),
    "number-against-nan": Trap([NAN, 1.0], [5.0, 1.0], {"max_abs": INF, "mismatched": 1, "nan_expected": 1}),
    "nan-against-nan": Trap(
        [NAN, 1.0],
        [NAN, 1.0],
        {"max_abs": 0, "mismatched": 0, "nan_expected": 1, "nan_actual": 1, "expected_min": 1.0},
    ),
    "same-inf": Trap(
        [INF, -INF, 2], [INF, -INF, 2], {"max_abs": 0, "mismatched": 0, "inf_expected": 2, "inf_actual": 2}
    ),
    "opposite-inf": Trap([INF, 0], [-INF, 0], {"max_abs": INF, "mismatched": 1, "cosine": NAN}),
    "inf-against-greatest": Trap([3.4e38, 0], [INF, 0], {"max_abs": INF, "inf_expected": 0, "inf_actual": 1}),
    "nan-against-inf": Trap([INF], [NAN], {"max_abs": INF, "mismatched": 1}),
    "all-nan": Trap([NAN, NAN], [NAN, NAN], {"max_abs": 0, "expected_min": NAN, "expected_max": NAN}),
    "zero-over-zero": Trap(
        [0, 0], [0, 0], {"max_rel_range": 0, "cosine": 1, "sqnr_db": INF}, settings={"value_range": 0.0}
    ),
    "something-over-zero": Trap(
        [0, 0], [0, 1e-9], {"max_rel_range": INF, "cosine": 0, "sqnr_db": -INF}, settings={"value_range": 0.0}
    ),
    "minus-zero": Trap([0.0, 1.0], [-0.0, 1.0], {"max_abs": 0, "mismatched": 0}),
    "negated": Trap([1, -2], [-1, 2], {"cosine": -1.0, "max_abs": 4.0, "worst_index": (1,)}),
    "one-ulp": Trap(
        [1.0], [np.nextafter(np.float32(1), np.float32(2))], {"max_abs": 2.0**-23, "mismatched": 1}
    ),
    "half-in-float64": Trap([2048.0], [2050.0], {"max_abs": 2.0}, dtype="float16"),
    "half-overflow": Trap([65504.0], [INF], {"max_abs": INF, "mismatched": 1}, dtype="float16"),
    "bfloat16": Trap([1.0, NAN], [1.0078125, NAN], {"max_abs": 0.0078125, "nan_actual": 1}, dtype="bfloat16"),
    "subnormal": Trap(
        [5e-324],
        [1e-323],
        {"max_abs": 5e-324, "mismatched": 1, "rmse": 5e-324, "cosine": 1.0},
        dtype="float64",
    ),
    "squares-overflow": Trap(
        [1e200, 1e200],
        [1.1e200, 1e200],
        {
            "rmse": pytest.approx(1e199 / math.sqrt(2), rel=1e-9),
            "sqnr_db": pytest.approx(20 + 10 * math.log10(2)),
        },
        dtype="float64",
    ),
    "squares-vanish": Trap(
        [1e-200, 1e-200],
        [1.1e-200, 1e-200],
        {"sqnr_db": pytest.approx(20 + 10 * math.log10(2))},
        dtype="float64",
    ),
    "difference-overflows": Trap([1e308], [-1e308], {"max_abs": INF, "mismatched": 1}, dtype="float64"),
    "int-off-by-one": Trap(
        [2**53, 0],
        [2**53 + 1, 0],
        {"max_abs": 1.0, "mismatched": 1, "worst_actual": 2**53 + 1},
        dtype="int64",
    ),
    "int-wraps": Trap([-(2**63)], [2**63 - 1], {"max_abs": 2.0**64, "mismatched": 1}, dtype="int64"),
    "uint8-wraps": Trap([3], [254], {"max_abs": 251.0, "mismatched": 1}, dtype="uint8"),
    "uint64": Trap([2**64 - 1], [2**64 - 2], {"max_abs": 1.0, "worst_expected": 2**64 - 1}, dtype="uint64"),
    "bool": Trap(
        [True, False],
        [True, True],
        {"max_abs": 1.0, "mismatched": 1, "worst_expected": False, "worst_actual": True},
        dtype="bool",
    ),
    "string": Trap(
        ["a", "ü"],
        ["a", "u"],
        {"max_abs": 1.0, "mismatched": 1, "worst_expected": "ü", "worst_index": (1,)},
        dtype="string",
    ),
    "same-string": Trap(["a"], ["a"], {"max_abs": 0, "mismatched": 0, "sqnr_db": INF}, dtype="string"),
    "scalar": Trap(3.0, 4.0, {"max_abs": 1.0, "worst_index": (0,), "count": 1}),
    "empty": Trap(
        np.zeros((0, 3)),
        np.zeros((0, 3)),
        {"count": 0, "max_abs": 0, "worst_index": (), "worst_expected": None, "argmax_agreement": None},
    ),
    "within-limit": Trap([1.0, 2.0], [1.1, 2.3], {"mismatched": 1}, settings={"limit": 0.2}),
    "limit-is-not-infinite": Trap([1.0], [NAN], {"mismatched": 1}, settings={"limit": INF}),
    "top-class": Trap(
        [[0.1, 0.9], [0.6, 0.4]],
        [[0.2, 0.8], [0.4, 0.6]],
        {"argmax_agreement": 0.5},
        settings={"scores": True},
    ),
    "top-class-tie": Trap([[0.5, 0.5]], [[0.4, 0.6]], {"argmax_agreement": 1.0}, settings={"scores": True}),
    "relative-to-range": Trap(
        [-1.0, 3.0], [-1.0, 3.5], {"max_rel_range": 0.125}, settings={"value_range": 4.0}
    ),
}


@pytest.mark.parametrize("trap", TRAPS.values(), ids=TRAPS.keys())
def test_trap(trap):
    found = measure(trap)
    for name, want in trap.want.items():
        got = getattr(found, name)
        both_nan = isinstance(want, float) and math.isnan(want) and math.isnan(got)
        assert both_nan or got == want, f"{name}: {got}, want {want}"


STRUCTURE = {
    "missing-output": (
        {"a": np.zeros(2), "b": np.zeros(2)},
        {"a": np.zeros(2)},
        "outputs are missing: got ['a'], want ['a', 'b']",
    ),
    "renamed-output": (
        {"a": np.zeros(2)},
        {"output_0": np.zeros(2)},
        "outputs are missing: got ['output_0'], want ['a']",
    ),
    "extra-output": (
        {"a": np.zeros(2)},
        {"a": np.zeros(2), "b": np.zeros(2)},
        "there are extra outputs: got ['a', 'b'], want ['a']",
    ),
    "broadcastable-shape": (
        {"a": np.zeros((4, 1))},
        {"a": np.zeros((1, 1))},
        "output a has shape [1, 1], want [4, 1]",
    ),
    "flattened": ({"a": np.zeros((2, 2))}, {"a": np.zeros(4)}, "output a has shape [4], want [2, 2]"),
    "transposed": (
        {"a": np.zeros((2, 3))},
        {"a": np.zeros((3, 2))},
        "output a has shape [3, 2], want [2, 3]",
    ),
    "scalar-against-one": ({"a": np.zeros(())}, {"a": np.zeros(1)}, "output a has shape [1], want []"),
    "int-as-float": (
        {"a": np.zeros(2, np.int64)},
        {"a": np.zeros(2, np.float32)},
        "output a has dtype float32, want int64",
    ),
    "bool-as-int": (
        {"a": np.zeros(2, bool)},
        {"a": np.zeros(2, np.uint8)},
        "output a has dtype uint8, want bool",
    ),
    "names-before-shapes": (
        {"a": np.zeros(2)},
        {"b": np.zeros(3)},
        "outputs are missing: got ['b'], want ['a']",
    ),
}


@pytest.mark.parametrize(("expected", "actual", "fault"), STRUCTURE.values(), ids=STRUCTURE.keys())
def test_structure(expected, actual, fault):
    specs = [TensorSpec(name, array.shape, array.dtype.name) for name, array in expected.items()]
    assert find_mismatch(expected, actual, specs) == fault
    assert find_mismatch(expected, expected, specs) is None


def test_a_truth_may_be_finer_than_the_output():
    specs = [TensorSpec("a", (2,), "float32")]
    truth, actual = {"a": np.zeros(2)}, {"a": np.zeros(2, np.float32)}
    assert find_mismatch(truth, actual, specs) is None
    assert find_mismatch(truth, truth, specs) == "output a has dtype float64, want float32"


def test_batches_come_to_the_same_as_one_piece():
    random = np.random.default_rng(3)
    expected = random.standard_normal((64, 5)) * np.logspace(-9, 9, 64)[:, None]
    actual = expected * (1 + 1e-4 * random.standard_normal((64, 5)))
    expected[7, 2], actual[7, 2] = NAN, NAN
    whole, parts = (OutputMeter(TensorSpec("y", (None, 5), "float64"), value_range=9.0) for _ in range(2))
    whole.add(expected, actual, 0)
    for start in range(0, 64, 10):
        parts.add(expected[start : start + 10], actual[start : start + 10], start)
    one, many = whole.result(), parts.result()
    assert many.worst_index == one.worst_index
    assert many.quantiles == one.quantiles
    for name in ("count", "mismatched", "max_abs", "expected_min", "expected_max", "nan_actual"):
        assert getattr(many, name) == getattr(one, name), name
    for name in ("rmse", "cosine", "sqnr_db"):
        assert getattr(many, name) == pytest.approx(getattr(one, name), rel=1e-12), name


def test_worst_index_counts_samples_over_all_batches():
    meter = OutputMeter(TensorSpec("y", (None, 2), "float32"))
    meter.add(np.zeros((8, 2), np.float32), np.zeros((8, 2), np.float32), 0)
    actual = np.zeros((8, 2), np.float32)
    actual[3, 1] = 1
    meter.add(np.zeros((8, 2), np.float32), actual, 8)
    assert meter.result().worst_index == (11, 1)


def test_an_array_that_is_not_per_sample_gets_its_sample_number_in_front():
    meter = OutputMeter(TensorSpec("y", (3,), "float32"), per_sample=False)
    meter.add(np.zeros(3, np.float32), np.array([0, 0, 1], np.float32), 5)
    assert meter.result().worst_index == (5, 2)


def test_quantiles_are_never_too_small_and_at_most_a_sixteenth_of_an_octave_too_great():
    errors = np.random.default_rng(0).lognormal(0, 8, 20_001)
    meter = OutputMeter(TensorSpec("y", (None,), "float64"))
    meter.add(np.zeros_like(errors), errors, 0)
    found = meter.result().quantiles
    for name, share in {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p99.9": 0.999}.items():
        exact = np.quantile(errors, share, method="inverted_cdf")
        assert exact <= found[name] <= exact * 2 ** (1 / 16) * (1 + 1e-12)


def test_quantiles_count_exact_elements():
    meter = OutputMeter(TensorSpec("y", (None,), "float32"))
    meter.add(np.zeros(100, np.float32), np.r_[np.zeros(95), np.ones(5)].astype(np.float32), 0)
    assert meter.result().quantiles == {"p50": 0.0, "p90": 0.0, "p99": 1.0, "p99.9": 1.0}


def test_float_differences_are_taken_in_float64():
    left, right = np.array([16777216.0], np.float32), np.array([1.0], np.float32)
    assert differences(left, right)[0] == 16777215.0
    assert dtype_name(differences(left, right)) == "float64"
