"""Limits: where they come from, and what they say about themselves."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from converters.signature import TensorSpec
from converters.target import ExportTarget
from tests.validation.results import comparison
from validation.expected import Noise, OutputReference
from validation.runtime import Arithmetic
from validation.tolerance import find_unproven, greatest_difference, passes, tolerance_for
from validation.verdict import Tolerance

EPS = 2.0**-23

OUTPUT = OutputReference(
    spec=TensorSpec("y", (None, 4), "float32"),
    minimum=-1.0,
    maximum=3.0,
    rms=1.0,
    movement=2.5,
    constant_rms=0.8,
    noise={"eager against graph": Noise(1e-6, 1e-7), "one ulp on inputs and weights": Noise(2e-6, 2e-7)},
    precision_noise={
        "float16": Noise(1e-3, 1e-4),
        "uint16": Noise(4e-5, 4e-6),
        "uint8": Noise(0.03, 0.01),
        "int8": Noise(0.03, 0.01),
    },
)


def limit(target: str, **facts) -> Tolerance:
    return tolerance_for(ExportTarget(*target.split(":")), replace(OUTPUT, **facts))


def test_float32_is_eight_times_the_greatest_noise():
    found = limit("onnx:float32")
    assert found.measure == "max_rel_range"
    assert found.limit == pytest.approx(8 * 2e-6 / 4)
    assert found.reason == (
        "1.6e-05 over a range of 4: 8 times the original's own noise of 2e-06 (one ulp on inputs and weights)"
    )


def test_float32_floor_is_eight_epsilons_of_the_greatest_value():
    found = limit("onnx:float32", noise={"eager against graph": Noise(1e-8, 1e-9)})
    assert found.limit == pytest.approx(8 * EPS * 4 / 4)
    assert found.reason == (
        "3.81e-06 over a range of 4: 8 epsilons of the greatest value 4, its own noise being 1e-08"
    )


def test_floor_follows_the_greatest_value_where_that_exceeds_the_range():
    found = limit("onnx:float32", minimum=1000.0, maximum=1001.0, noise={})
    assert found.limit == pytest.approx(8 * EPS * 1001)


def test_noise_of_a_chaotic_model_does_not_excuse_everything():
    found = limit("onnx:float32", noise={"one ulp on inputs and weights": Noise(math.inf, math.inf)})
    assert found.limit == pytest.approx(8 * 1000 * EPS)
    assert found.reason.endswith(
        "8 times the original's own noise of 0.00048 (one ulp on inputs and weights, cut from inf)"
    )


def test_a_half_precision_original_has_half_precision_limits():
    assert limit("onnx:float32", arithmetic="float16", noise={}).limit == pytest.approx(8 * 2**-10)


def test_coarser_weights_widen_the_limit_by_what_they_do():
    assert limit("tflite:float16").limit * 4 == pytest.approx(1.6e-5 + 8e-3 + 4 * 2**-10)
    assert limit("tfjs:uint16").limit * 4 == pytest.approx(1.6e-5 + 8 * 4e-5 + 4 / 65535)
    assert limit("onnx:float16").limit * 4 == pytest.approx(1.6e-5 + 8e-3 + 4 * 2**-10)
    assert limit("tfjs:float16").reason == (
        "0.0119 over a range of 4: 8 times the 0.001 by which float16 weights move the original, and one "
        "float16 step of the output for constants that the converter makes, on top of 1.6e-05 for float32"
    )


def test_eight_bits_are_judged_by_sqnr():
    found = limit("tfjs:uint8")
    assert found.measure == "sqnr_db"
    assert found.limit == pytest.approx(40 - 20 * math.log10(8))
    assert found.reason == (
        "18 dB (a factor of 8) under the 40.0 dB that 8-bit rounding of weights lets expect of this model"
    )


def test_int8_rounds_activations_and_the_output_too():
    power = 2 * 0.01**2 + (4 / 255) ** 2 / 12
    assert limit("tflite:int8").limit == pytest.approx(-10 * math.log10(64 * power))
    assert limit("tflite:dynamic_int8").limit == pytest.approx(-10 * math.log10(64 * 2 * 0.01**2))


def test_a_quantized_export_must_beat_a_constant():
    found = limit("tflite:int8", constant_rms=0.05)
    assert found.limit == pytest.approx(20 * math.log10(1 / 0.05) + 6)
    assert found.reason == "6 dB over the 26.0 dB of the best answer that ignores the inputs"


def test_a_precision_that_does_nothing_leaves_the_step_of_the_output():
    found = limit("tfjs:uint8", precision_noise={"uint8": Noise(0.0, 0.0)})
    step = 4 / 255
    assert found.limit == pytest.approx(-20 * math.log10(8 * step / math.sqrt(12)))


def test_a_precision_that_was_not_measured_has_a_stated_limit():
    assert limit("tflite:float16", precision_noise={}).limit * 4 == pytest.approx(1.6e-5 + 8 * 2**-10 * 4)
    assert limit("tflite:int8", precision_noise={}).reason.startswith("6 dB over")


@pytest.mark.parametrize("dtype", ["int64", "bool", "string"])
@pytest.mark.parametrize("target", ["onnx:float32", "tflite:int8"])
def test_what_is_not_a_float_is_equal_or_wrong(dtype, target):
    found = limit(target, spec=TensorSpec("y", (None,), dtype))
    assert found == Tolerance("mismatched", 0.0, f"{dtype} outputs are equal or wrong")
    assert greatest_difference(found, OUTPUT) == 0.0


def test_an_output_without_range_has_an_absolute_limit():
    found = limit("onnx:float32", minimum=2.0, maximum=2.0, noise={})
    assert (found.measure, found.limit) == ("max_abs", pytest.approx(16 * EPS))


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
    assert find_unproven(tolerance, replace(OUTPUT, movement=3e-5)) == (
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
    assert coarse("tf32", noise={}).limit == pytest.approx(20 * math.log10(2**11) - 20 * math.log10(8))


def test_rounded_weights_come_on_top_of_coarser_arithmetic():
    assert coarse("float16", "tflite:float16").limit < coarse("float16", "tflite:float32").limit


def test_coarser_arithmetic_never_excuses_a_constant_answer():
    found = coarse("float16", noise={"one ulp on inputs and weights": Noise(1e-3, 1e-4)})
    assert found.limit == pytest.approx(20 * math.log10(1 / 0.8) + 6)
    assert found.reason == (
        "6 dB over the 1.9 dB of the best answer that ignores the inputs, 18 dB (a factor of 8) under the "
        "1.7 dB that float16 arithmetic lets expect, whose unit roundoff of 0.00049 is 8192 times float32's "
        "being less"
    )


def test_quantized_targets_keep_their_limit_on_coarser_arithmetic():
    assert coarse("float16", "tflite:int8") == limit("tflite:int8")
