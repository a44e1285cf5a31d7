"""The budget of 8-bit exports: where its limits come from."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from converters.signature import TensorSpec
from converters.target import ExportTarget
from validation.expected import Noise, OutputReference
from validation.quantized import (
    SAME_CLASSES,
    allowed_of_leaders,
    element_tolerance,
    for_samples,
    quantized_tolerance,
)
from validation.verdict import Tolerance

OUTPUT = OutputReference(
    spec=TensorSpec("y", (None, 4), "float32"),
    minimum=-1.0,
    maximum=3.0,
    rms=1.0,
    movement=2.5,
    constant_rms=0.8,
    precision_noise={
        "uint8": Noise(0.03, 0.01),
        "int8": Noise(0.03, 0.01),
        "int8, simulated": Noise(0.06, 0.02),
        "dynamic_int8, simulated": Noise(0.03, 0.005),
    },
)


def limit(target: str, **facts) -> Tolerance:
    return quantized_tolerance(ExportTarget(*target.split(":")), replace(OUTPUT, **facts))


def decibels(error: float) -> float:
    return -20 * math.log10(error)


def test_the_limit_lies_a_margin_under_what_was_simulated():
    found = limit("tflite:int8")
    assert (found.measure, found.limit) == ("sqnr_db", pytest.approx(decibels(4 * 0.02)))
    assert found.reason == (
        "a factor of 4 (12 dB) under the 34.0 dB of the original with int8 rounding simulated"
    )
    assert limit("tflite:dynamic_int8").limit == pytest.approx(decibels(3 * 0.005))
    assert limit("tfjs:uint8").limit == pytest.approx(decibels(3 * 0.01))


def test_an_int8_output_has_a_step_of_its_own():
    step = 4 / 255 / math.sqrt(12)
    assert limit("tflite:int8_io").limit == pytest.approx(decibels(4 * math.hypot(0.02, step)))


def test_without_a_twin_activations_are_taken_to_do_as_much_as_weights():
    found = limit("tflite:int8", precision_noise={"int8": Noise(0.03, 0.01)})
    assert found.limit == pytest.approx(decibels(8 * math.sqrt(2) * 0.01))
    assert found.reason == (
        "a factor of 8 (18 dB) under the 37.0 dB of the original with its weights rounded to int8"
    )


def test_a_quantized_export_must_beat_a_constant():
    found = limit("tflite:int8", constant_rms=0.05)
    assert found.limit == pytest.approx(decibels(0.05) + 6)
    assert found.reason == (
        "6 dB over the 26.0 dB of the best answer that ignores the inputs, "
        "the original with int8 rounding simulated having 34.0 dB"
    )
    assert limit("tflite:int8", precision_noise={}).reason == (
        "6 dB over the 1.9 dB of the best answer that ignores the inputs, "
        "the original with its weights rounded to int8 having -inf dB"
    )


def test_where_rounding_loses_nothing_one_step_is_allowed():
    step = 4 / 255 / math.sqrt(12)
    assert limit("tfjs:uint8", precision_noise={"uint8": Noise(0.0, 0.0)}).limit == pytest.approx(
        decibels(3 * step)
    )


def test_no_single_element_may_lie_far_out():
    int8 = ExportTarget("tflite", "int8")
    found = element_tolerance(int8, OUTPUT, Tolerance("sqnr_db", 20.0, ""))
    assert (found.measure, found.limit) == ("max_rel_range", pytest.approx(10 * 0.1 / 4))
    assert found.reason == (
        "10 times the root mean square error of 0.1 that the 20.0 dB above leave, over a range of 4"
    )
    flat = replace(OUTPUT, minimum=1.0, maximum=1.0)
    assert element_tolerance(int8, flat, Tolerance("sqnr_db", 20.0, "")).measure == "max_abs"


def test_an_element_may_lie_as_far_out_as_rounding_moves_it():
    """A softmax of 1000 classes is nearly nothing nearly everywhere, and its few scores are far off."""
    uneven = replace(OUTPUT, precision_noise={"int8, simulated": Noise(0.5, 0.02)})
    found = element_tolerance(ExportTarget("tflite", "int8"), uneven, Tolerance("sqnr_db", 20.0, ""))
    assert (found.measure, found.limit) == ("max_rel_range", pytest.approx(4 * 0.5 / 4))
    assert found.reason == (
        "4 times the 0.5 that the worst element of the original is off by with int8 rounding simulated, "
        "over a range of 4"
    )


def test_leading_scores_may_be_off_by_more_than_the_rest():
    int8, sqnr = ExportTarget("tflite", "int8"), Tolerance("sqnr_db", 20.0, "")
    assert allowed_of_leaders(int8, OUTPUT, [sqnr]) == pytest.approx(0.1)
    uneven = replace(OUTPUT, precision_noise={"int8, simulated": Noise(0.5, 0.02, leaders_rms=0.2)})
    assert allowed_of_leaders(int8, uneven, [sqnr]) == pytest.approx(4 * 0.2)
    assert allowed_of_leaders(int8, uneven, []) == 0.0


def test_what_float32_is_off_by_is_no_fault_of_8_bits():
    """Where products are few, rounding them may do less than float32 does by itself."""
    found = limit("tflite:dynamic_int8", floor=Noise(0.04, 0.012))
    assert found.limit == pytest.approx(decibels(3 * math.hypot(0.005, 0.012)))


@pytest.mark.parametrize(("samples", "hits"), [(0, 0), (1, 1), (8, 8), (32, 31), (100, 98), (10_000, 9881)])
def test_few_samples_may_lose_a_class_by_chance(samples, hits):
    found = for_samples(SAME_CLASSES, samples)
    assert found.limit == pytest.approx(hits / samples if samples else 0.0)
    assert found.reason == (
        f"99 % of the original's top classes; of {samples} clear ones, {hits} are the fewest whose 95 % "
        "interval reaches that"
    )


def test_close_calls_may_go_either_way():
    found = for_samples(SAME_CLASSES, 40, 8)
    assert found.limit == 31 / 40
    assert found.reason.endswith(
        "of 32 clear ones, 31 are the fewest whose 95 % interval reaches that; "
        "8 close calls may go either way"
    )
