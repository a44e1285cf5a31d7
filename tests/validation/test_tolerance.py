"""Limits: where they come from, and what they say about themselves."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from converters.signature import TensorSpec
from converters.target import ExportTarget
from tests.validation.results import comparison
from validation.coarser import HALF
from validation.expected import Noise, OutputReference
from validation.runtime import Arithmetic
from validation.tolerance import (
    find_unproven,
    greatest_difference,
    noise_tolerance,
    passes,
    rms_tolerance,
    tolerance_for,
)
from validation.verdict import Tolerance

OUTPUT = OutputReference(
    spec=TensorSpec("y", (None, 4), "float32"),
    minimum=-1.0,
    maximum=3.0,
    rms=1.0,
    movement=2.5,
    constant_rms=0.8,
    floor=Noise(2e-6, 2e-7),
    own=Noise(1e-6, 1e-7),
    clearance=1e6,
    precision_noise={
        "float16": Noise(1e-3, 1e-4, 900.0, 3000.0),
        "uint16": Noise(4e-5, 4e-6, 40.0, 100.0),
        "uint8": Noise(0.03, 0.01, 9e4),
        "int8": Noise(0.03, 0.01, 9e4),
    },
)


def limit(target: str, **facts) -> Tolerance:
    return tolerance_for(ExportTarget(*target.split(":")), replace(OUTPUT, **facts))


def test_float32_is_eight_times_the_noise_floor():
    assert limit("onnx:float32") == Tolerance(
        "noise_ratio",
        8,
        "8 times the noise floor of each element: 2e-07 in root mean square, the original's own error "
        "against its float64 twin being 1e-07",
    )


def test_without_a_twin_the_reason_says_what_the_floor_is():
    assert limit("onnx:float32", own=None).reason == (
        "8 times the noise floor of each element: 2e-07 in root mean square, what one ulp on inputs and "
        "weights does to it"
    )
    assert limit("onnx:float32", floor=None).reason == "8 times the noise floor of each element: not measured"


def test_the_root_mean_square_has_half_the_limit():
    assert rms_tolerance(ExportTarget("onnx", "float32"), OUTPUT) == Tolerance(
        "noise_ratio_rms", 4, "4 times the noise floor in root mean square, in every channel"
    )
    found = rms_tolerance(ExportTarget("tfjs", "float16"), OUTPUT)
    assert found.limit == pytest.approx(4 + 4 * 900)
    assert found.reason == (
        "4 times the noise floor in root mean square, in every channel; and 4 times the 900 floors that "
        "float16 weights move the original by"
    )


def test_coarser_weights_widen_the_limit_by_what_they_do():
    assert limit("tflite:float16").limit == pytest.approx(8 + 4 * 3000)
    assert limit("tfjs:uint16").limit == pytest.approx(8 + 4 * 100)
    assert limit("tfjs:float16").reason.endswith(
        "; and 4 times the 3e+03 floors that float16 weights move the original by"
    )


def test_a_precision_that_was_not_measured_has_a_stated_limit():
    found = limit("tflite:float16", precision_noise={})
    assert found.limit == pytest.approx(8 + 4 * 2**13)
    assert found.reason.endswith(
        "; and 4 times the 8.19e+03 floors that float16 weights move the original by"
    )


@pytest.mark.parametrize("dtype", ["int64", "bool", "string"])
@pytest.mark.parametrize("target", ["onnx:float32", "tflite:int8"])
def test_what_is_not_a_float_is_equal_or_wrong(dtype, target):
    found = limit(target, spec=TensorSpec("y", (None,), dtype))
    assert found == Tolerance("mismatched", 0.0, f"{dtype} outputs are equal or wrong")
    assert greatest_difference(found, OUTPUT) == 0.0


@pytest.mark.parametrize(("measure", "value", "passed"), [
    ("max_rel_range", 1.0, True), ("max_rel_range", 1.01, False), ("max_rel_range", math.nan, False),
    ("sqnr_db", 1.0, True), ("sqnr_db", 0.99, False), ("sqnr_db", math.inf, True),
    ("sqnr_db", -math.inf, False),
    ("mismatched", 1, True), ("mismatched", 2, False),
    ("argmax_agreement", 0.99, False), ("argmax_agreement", None, False),
])  # fmt: skip
def test_passes(measure, value, passed):
    assert passes(Tolerance(measure, 1.0, ""), comparison(**{measure: value})) is passed


def test_a_nan_passes_no_measure():
    assert not passes(Tolerance("sqnr_db", 1.0, ""), comparison(sqnr_db=99.0, max_abs=math.inf))


def test_a_movement_within_the_limit_proves_nothing():
    tolerance = limit("onnx:float32")
    assert find_unproven(tolerance, OUTPUT) == ""
    assert find_unproven(tolerance, replace(OUTPUT, clearance=16.0)) == (
        "the output moves by 16 times its noise floor only, and a constant answer would keep the limit of 8: "
        "give inputs that move it more"
    )
    assert find_unproven(Tolerance("max_abs", 1.6e-5, ""), replace(OUTPUT, movement=3e-5)) == (
        "the output moves by 3e-05 only, and a constant answer would keep the limit of 1.6e-05: "
        "give inputs that move it more"
    )
    assert find_unproven(tolerance, replace(OUTPUT, unproven="it is dead")) == "it is dead"


def coarse(arithmetic: Arithmetic, target: str = "onnx:float32", **facts) -> Tolerance:
    return tolerance_for(ExportTarget(*target.split(":")), replace(OUTPUT, **facts), arithmetic)


@pytest.mark.parametrize("arithmetic", ["tf32", "float16"])
def test_coarser_arithmetic_has_a_limit_from_its_unit_roundoff(arithmetic: Arithmetic):
    found = coarse(arithmetic)
    assert found.measure == "sqnr_db"
    assert found.limit == pytest.approx(20 * math.log10(1 / (2e-7 * 2**13)) - 20 * math.log10(8))
    assert found.reason == (
        f"18 dB (a factor of 8) under the 55.7 dB that {arithmetic} arithmetic lets expect, whose unit "
        "roundoff of 0.00049 is 8192 times float32's"
    )


def test_coarser_arithmetic_rounds_at_least_the_answer_itself():
    assert coarse("tf32", own=None, floor=None).limit == pytest.approx(
        20 * math.log10(2**11) - 20 * math.log10(8)
    )


def test_a_file_with_float16_between_its_ops_is_judged_by_its_signal_on_float32_too():
    found = limit("onnx:float16")
    error = math.hypot(2**-11 * OUTPUT.rms, 1e-4)
    assert found.measure == "sqnr_db"
    assert found.limit == pytest.approx(20 * math.log10(OUTPUT.rms / error) - 20 * math.log10(8))
    assert "dB that float16 between the ops lets expect, whose unit roundoff of 0.00049" in found.reason


def test_its_elements_are_judged_by_what_half_precision_does_to_the_original():
    simulated = replace(OUTPUT, precision_noise={HALF: Noise(1e-3, 1e-4, 900.0, 3000.0)})
    target = ExportTarget("onnx", "float16")
    element, rms = noise_tolerance(target, simulated), rms_tolerance(target, simulated)
    assert (element.measure, element.limit) == ("noise_ratio", pytest.approx(8 + 4 * 3000))
    assert (rms.measure, rms.limit) == ("noise_ratio_rms", pytest.approx(4 + 4 * 900))
    assert rms.reason == (
        "4 times the noise floor in root mean square, in every channel; and 4 times the 900 floors that "
        "float16 between the ops, simulated, moves the original by"
    )


def test_rounded_weights_come_on_top_of_coarser_arithmetic():
    assert coarse("float16", "tflite:float16").limit < coarse("float16", "tflite:float32").limit


def test_coarser_arithmetic_never_excuses_a_constant_answer():
    found = coarse("float16", floor=Noise(1e-3, 1e-4))
    assert found.limit == pytest.approx(20 * math.log10(1 / 0.8) + 6)
    assert found.reason == (
        "6 dB over the 1.9 dB of the best answer that ignores the inputs, 18 dB (a factor of 8) under the "
        "1.7 dB that float16 arithmetic lets expect, whose unit roundoff of 0.00049 is 8192 times float32's "
        "being less"
    )


def test_quantized_targets_keep_their_limit_on_coarser_arithmetic():
    assert coarse("float16", "tflite:int8") == limit("tflite:int8")
