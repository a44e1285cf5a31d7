"""All limits of one output, and what a comparison comes to under them."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from converters.errors import EdgeproofError
from converters.signature import TensorSpec
from converters.target import ExportTarget
from tests.validation.results import comparison
from tests.validation.test_quantized import OUTPUT
from validation.accuracy import Accuracy, accuracy_of, ratio_interval, share_interval
from validation.coarser import HALF
from validation.expected import Batch, Noise, OutputReference
from validation.limit import Limit, check_limits
from validation.limits import limits_for, settle, why_unproven
from validation.task_meters import meters_for
from validation.verdict import Comparison, OutputVerdict

INT8 = ExportTarget("tflite", "int8")
LOGITS = replace(OUTPUT, spec=TensorSpec("logits", (None, 4), "float32"))
SCORES = replace(LOGITS, is_scores=True)
CLASSES = OutputReference(spec=TensorSpec("class", (None,), "int64"), movement=3.0)

GOOD = comparison(sqnr_db=30.0, max_rel_range=0.05, max_abs=0.2)


def measures(*args, **facts) -> list[str]:
    return [tolerance.measure for tolerance in limits_for(*args, **facts)]


def test_what_is_held_against_an_output():
    assert measures(INT8, LOGITS) == ["sqnr_db", "max_rel_range"]
    assert measures(INT8, SCORES) == ["sqnr_db", "max_rel_range", "argmax_agreement"]
    assert measures(INT8, LOGITS, labelled=True) == ["accuracy_kept", "sqnr_db", "max_rel_range"]
    assert measures(INT8, CLASSES, labelled=True) == ["mismatched"]
    assert measures(ExportTarget("onnx", "float32"), LOGITS, labelled=True)[0] == "noise_ratio"


HALVED = ExportTarget("onnx", "float16")
UNEVEN = {HALF: Noise(1e-3, 1e-4, 900.0, 3000.0)}


def test_elements_count_beside_the_signal_where_half_precision_was_simulated():
    simulated = replace(LOGITS, precision_noise=UNEVEN)
    three = ["sqnr_db", "noise_ratio", "noise_ratio_rms"]
    assert measures(HALVED, simulated) == three
    assert measures(HALVED, simulated, labelled=True) == three
    assert measures(HALVED, simulated, limit=Limit(sqnr_db=20)) == ["sqnr_db"]
    assert measures(HALVED, replace(CLASSES, precision_noise=UNEVEN)) == ["mismatched"]
    assert measures(ExportTarget("tflite", "float16"), simulated) == ["noise_ratio", "noise_ratio_rms"]


@pytest.mark.parametrize(("noise", "facts", "why"), [
    ({}, {}, "float16 between the ops could not be simulated"),
    ({HALF: Noise(math.inf, math.inf, math.inf, math.inf)}, {}, "the original leaves its range there"),
    (UNEVEN, {"on_gpu": True}, "the runtime may compute in half precision"),
    (UNEVEN, {"arithmetic": "tf32"}, "the runtime may compute in half precision"),
])  # fmt: skip
def test_the_signal_alone_counts_where_elements_cannot_be_judged_and_says_why(noise, facts, why):
    (found,) = limits_for(HALVED, replace(LOGITS, precision_noise=noise), **facts)
    assert found.measure == "sqnr_db"
    assert found.reason.endswith(f"times float32's; elements aren't judged one by one: {why}")


def test_the_users_limit_takes_the_place_of_all():
    limit = Limit(rtol=1e-3, atol=1e-5, sqnr_db=20, agreement=0.9, accuracy=0.95)
    found = limits_for(INT8, SCORES, limit=limit, labelled=True)
    assert [(t.measure, t.limit) for t in found] == [
        ("accuracy_kept", 0.95), ("argmax_agreement", 0.9), ("sqnr_db", 20),
        ("allclose_ratio", 1.0)]  # fmt: skip
    assert found[-1].reason == "rtol 0.001 and atol 1e-05, set by the user"


@pytest.mark.parametrize(("limit", "output", "message"), [
    (Limit(accuracy=0.9), LOGITS,
     "limit of logits: accuracy can't be measured there\n  got:  logits: float32[?, 4]\n"
     "  want: labels that belong to it\n  fix:  name them with labels in [data]"),
    (Limit(sqnr_db=20), CLASSES,
     "limit of class: sqnr_db can't be measured there\n  got:  class: int64[?]\n"
     "  want: an output of floats\n  fix:  limit it by agreement"),
    (Limit(agreement=0.9), replace(LOGITS, spec=TensorSpec("p", (None,), "float32")),
     "limit of p: agreement can't be measured there\n  got:  p: float32[?]\n"
     "  want: an output of integers or score vectors\n  fix:  limit it by another measure"),
])  # fmt: skip
def test_a_measure_that_an_output_does_not_have(limit, output, message):
    with pytest.raises(EdgeproofError) as caught:
        limits_for(INT8, output, limit=limit)
    assert str(caught.value) == message


def test_a_limit_for_an_output_that_does_not_exist():
    with pytest.raises(EdgeproofError) as caught:
        check_limits({"logit": Limit(sqnr_db=20)}, ("logits", "box"))
    assert str(caught.value) == (
        "limit of logit: the model has no such output\n  got:  logit\n  want: some of logits, box\n"
        "  fix:  name the output as the model does"
    )


# labels


def judged(original: int, export: int, both: int, samples: int, **facts) -> OutputVerdict:
    """A verdict on an int8 export with labels, by how many samples each side gets right."""
    neither = samples - original - export + both
    right = np.array([[neither, export - both], [original - both, both]])
    found = replace(GOOD, accuracy=accuracy_of(right, samples // 10), **facts)
    return settle(limits_for(INT8, LOGITS, labelled=True), found, LOGITS)


def test_labels_that_suffice_decide_alone():
    kept = judged(1960, 1958, 1955, 2000, sqnr_db=2.0)
    assert (kept.passed, kept.tolerance.measure, kept.also) == (True, "accuracy_kept", ())
    assert kept.tolerance.reason == (
        "99 % of the original's accuracy: what MLPerf Inference asks of a quantized model"
    )
    assert kept.needed == kept.comparison.accuracy.low > 0.99
    lost = judged(1960, 1860, 1855, 2000)
    assert (lost.passed, lost.proven, lost.tolerance.measure) == (False, True, "accuracy_kept")
    assert lost.needed == pytest.approx(1860 / 1960)


def test_labels_that_suffice_are_not_all_that_the_user_asks():
    right = np.array([[35, 3], [5, 1957]])
    found = replace(GOOD, accuracy=accuracy_of(right, 200), sqnr_db=2.0)
    limits = limits_for(INT8, LOGITS, limit=Limit(accuracy=0.9, sqnr_db=20), labelled=True)
    verdict = settle(limits, found, LOGITS, by_user=True)
    assert (verdict.passed, verdict.tolerance.measure) == (False, "sqnr_db")
    assert [part.measure for part in verdict.also] == ["accuracy_kept"]


def test_too_few_labels_leave_it_to_the_other_limits():
    kept = judged(98, 98, 97, 100)
    assert (kept.passed, kept.tolerance.measure) == (True, "accuracy_kept")
    assert [tolerance.measure for tolerance in kept.also] == ["sqnr_db", "max_rel_range"]
    assert kept.tolerance.reason.endswith(
        "; 100 samples can't tell, 100.0 % kept being anything from 96.6 % to 103.5 %; about 1200 would"
    )
    lost = judged(98, 98, 97, 100, sqnr_db=2.0)
    assert (lost.passed, lost.proven, lost.tolerance.measure) == (False, True, "sqnr_db")


def test_too_few_labels_of_which_too_many_are_lost_prove_nothing():
    open_question = judged(98, 96, 96, 100)
    assert (open_question.passed, open_question.proven) == (False, False)
    assert why_unproven(open_question, LOGITS) == (
        "100 samples can't tell, 98.0 % kept being anything from 94.7 % to 101.4 %; about 1100 would"
    )


def test_labels_that_a_constant_answer_gets_right_prove_nothing():
    right = np.array([[10, 0], [0, 990]])
    found = replace(GOOD, sqnr_db=2.0, accuracy=accuracy_of(right, 985))
    verdict = settle(limits_for(INT8, LOGITS, labelled=True), found, LOGITS)
    assert (verdict.passed, verdict.tolerance.measure) == (False, "sqnr_db")
    assert verdict.also[0].reason.endswith(
        "; the commonest label alone makes 98.5 %, so that accuracy proves nothing"
    )


def test_an_original_that_gets_nothing_right_proves_nothing():
    verdict = judged(0, 0, 0, 50)
    assert (verdict.passed, verdict.proven) == (False, False)
    assert why_unproven(verdict, LOGITS) == "the original gets no sample right"


@pytest.mark.parametrize(("facts", "broken", "needed"), [
    ({}, "", 30.0), ({"sqnr_db": 20.0}, "sqnr_db", 20.0), ({"max_rel_range": 0.9}, "max_rel_range", 0.9),
    ({"argmax_agreement": 0.5}, "argmax_agreement", 0.5),
    ({"max_abs": math.inf, "sqnr_db": -math.inf}, "sqnr_db", math.nan),
])  # fmt: skip
def test_every_part_of_a_budget_must_be_kept(facts, broken, needed):
    found = replace(GOOD, **{"argmax_agreement": 1.0, "score_vectors": 32, **facts})
    verdict = settle(limits_for(INT8, SCORES), found, SCORES)
    assert (verdict.passed, verdict.tolerance.measure) == (not broken, broken or "sqnr_db")
    assert verdict.needed == pytest.approx(needed, nan_ok=True)
    assert len(verdict.also) == 2


# intervals


def test_intervals_of_the_sources():
    """Wilson: 81 of 263 (Newcombe 1998, table I). Bonett and Price: zero differences still leave doubt."""
    assert share_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert share_interval(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert share_interval(0, 0) == (0.0, 1.0)
    low, high = ratio_interval(441, 0, 0)
    assert low == pytest.approx(1 / high)
    assert 0.99 < low < 1 < high
    assert all(math.isnan(end) for end in ratio_interval(0, 0, 9))


@pytest.mark.parametrize(("samples", "chances"), [(100, (0.85, 0.03, 0.02)), (450, (0.96, 0.01, 0.005))])
def test_the_ratio_lies_in_its_interval_as_often_as_is_said(samples, chances):
    rng = np.random.default_rng(0)
    both, only_original, only_export = chances
    true = (both + only_export) / (both + only_original)
    draws = rng.multinomial(samples, [*chances, 1 - sum(chances)], 2000)
    inside = [low <= true <= high for low, high in (ratio_interval(*map(int, d[:3])) for d in draws)]
    assert 0.94 <= np.mean(inside) <= 0.98


# meters


def measured(
    output: OutputReference, expected, actual, *, limit=None, labels=None, leaders_noise=0.0, origin="data"
) -> Comparison:
    found = comparison()
    batch = Batch({}, {}, 0, len(expected), origin=origin)
    for meter in meters_for(output, limit, labels, leaders_noise):
        meter.add(np.asarray(expected), np.asarray(actual), 0, batch)
        found = meter.apply(found)
    return found


ROWS = [[0.1, 0.9], [0.8, 0.2], [0.5, 0.5]]


def test_same_classes_are_counted_with_ties():
    two = replace(SCORES, spec=TensorSpec("p", (None, 2), "float32"))
    found = measured(two, ROWS, [[0.2, 0.8], [0.4, 0.6], [0.4, 0.6]])
    assert (found.argmax_agreement, found.score_vectors) == (pytest.approx(2 / 3), 3)
    assert measured(two, ROWS, ROWS, leaders_noise=0.1).close_calls == 1
    assert measured(two, ROWS, ROWS, origin="searched").argmax_agreement is None
    whole = measured(CLASSES, [1, 2, 3, 4], [1, 2, 3, 5], limit=Limit(agreement=0.9))
    assert whole.argmax_agreement == 0.75


@pytest.mark.parametrize(("shape", "dtype", "low", "values"), [
    ((None, 2), "float32", -5.0, [[0.0, 1.0], [3.0, 1.0], [0.0, 2.0]]),
    ((None, 1), "float32", 0.0, [[0.7], [0.4], [0.6]]),
    ((None, 1), "float32", -5.0, [[0.7], [-0.4], [0.6]]),
    ((None,), "int64", 0.0, [1, 0, 1]),
])  # fmt: skip
def test_accuracy_by_kind_of_output(shape, dtype, low, values):
    output = OutputReference(spec=TensorSpec("y", shape, dtype), minimum=low, maximum=1.0)
    expected = np.asarray(values, dtype)
    found = measured(output, expected, expected[::-1], labels=np.array([1, 0, 0])).accuracy
    assert found == replace(found, samples=3, original=2 / 3, export=2 / 3, constant=2 / 3, kept=1.0)
    assert isinstance(found, Accuracy)


def test_rtol_and_atol_are_held_together():
    limit = Limit(rtol=0.1, atol=0.5)
    found = measured(LOGITS, [10.0, 0.0, -20.0], [11.0, 0.25, -25.0], limit=limit)
    assert (found.allclose_ratio, found.mismatched) == (2.0, 1)
    exact = measured(LOGITS, [0.0, 1.0], [0.0, 1.5], limit=Limit(rtol=0.0, atol=1.0))
    assert exact.allclose_ratio == 0.5
    assert measured(LOGITS, [0.0], [math.nan], limit=limit).allclose_ratio == math.inf
