"""What is printed of verdicts: the measure, the limit with its reason, and what would have passed."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from pipeline.console import Printer, describe_output
from tests.validation.results import comparison, quantized_output, tolerance, validation, verdict
from validation.verdict import OutputVerdict, Outside, Tolerance


def printed(capsys, *verdicts) -> list[str]:
    Printer().verdicts(validation(*verdicts), {})
    return capsys.readouterr().out.splitlines()


def test_a_pass_is_a_line_and_each_limit_stands_once_at_the_end(capsys):
    other = replace(verdict("onnxruntime-cpu"), target="onnx:float32", artifact="onnx-float32")
    assert printed(capsys, verdict(), verdict("litert-reference"), other) == [
        "pass         tflite:float32       litert-cpu               max_rel_range 1.6e-07 (want <= 1.28e-06)",
        "pass         tflite:float32       litert-reference         max_rel_range 1.6e-07 (want <= 1.28e-06)",
        "pass         onnx:float32         onnxruntime-cpu          max_rel_range 1.6e-07 (want <= 1.28e-06)",
        "limit: logits: max_rel_range <= 1.28e-06 for tflite:float32, onnx:float32",
        f"             {tolerance().reason}",
    ]


def test_exports_of_one_target_are_told_apart(capsys):
    lines = printed(capsys, *(replace(verdict(), artifact=name) for name in ("a.tflite", "b.tflite")))
    assert [line.split()[:4] for line in lines[:2]] == [
        ["pass", "tflite:float32", name, "litert-cpu"] for name in ("a.tflite", "b.tflite")
    ]


@pytest.mark.parametrize(("measure", "needed", "said"), [
    ("max_rel_range", 2e-6, "logits: max_rel_range <= 2e-06 would pass"),
    ("sqnr_db", 17.25, "logits: sqnr_db >= 17.2 would pass"),
    ("allclose_ratio", 3.5, "logits: rtol and atol 3.5 times as great would pass"),
    ("noise_ratio", math.nan, "logits: no limit of noise_ratio would pass"),
])  # fmt: skip
def test_a_failure_says_what_would_have_passed(capsys, measure, needed, said):
    wrong = OutputVerdict(comparison(), Tolerance(measure, 1.0, "why"), False, needed=needed)
    lines = printed(capsys, verdict(verdict="fail", reason="it is wrong", outputs=(wrong,)))
    assert lines[1:3] == ["             it is wrong", f"             {said}"]


@pytest.mark.parametrize(("measure", "needed", "said"), [
    ("max_rel_range", 1.2341e-6, "max_rel_range <= 1.24e-06"),
    ("max_rel_range", 0.16, "max_rel_range <= 0.16"),
    ("sqnr_db", 42.77, "sqnr_db >= 42.7"),
    ("argmax_agreement", 67 / 68, "argmax_agreement >= 0.985"),
    ("mismatched", 1234, "mismatched <= 1.24e+03"),
])  # fmt: skip
def test_a_limit_that_would_have_passed_does_so_as_it_is_printed(capsys, measure, needed, said):
    wrong = OutputVerdict(comparison(), Tolerance(measure, 1.0, "why"), False, needed=needed)
    lines = printed(capsys, verdict(verdict="fail", reason="it is wrong", outputs=(wrong,)))
    assert lines[2] == f"             logits: {said} would pass"


def test_of_several_broken_limits_each_is_told(capsys):
    noisy = comparison(noise_ratio=40.0, noise_ratio_rms=9.0, sqnr_db=60.0)
    element, rms, kept = (
        Tolerance("noise_ratio", 8.0, "why"),
        Tolerance("noise_ratio_rms", 4.0, "why"),
        Tolerance("sqnr_db", 50.0, "why"),
    )
    wrong = OutputVerdict(noisy, element, False, needed=40.0, also=(rms, kept))
    lines = printed(capsys, verdict(verdict="fail", reason="it is wrong", outputs=(wrong,)))
    assert lines[2:4] == [
        "             logits: noise_ratio <= 40 would pass",
        "             logits: noise_ratio_rms <= 9 would pass",
    ]
    assert lines[4].startswith("limit: logits: noise_ratio <= 8")


def test_differences_outside_the_domain_are_told_once(capsys):
    nan = Outside("logits", "NaN", 50, math.inf, math.nan, 0.0)
    far = replace(nan, case="beyond the domain")
    crash = Outside("", "NaN", 50, math.inf, "an answer", "RuntimeError: no NaN")
    other = replace(verdict("onnxruntime-cpu", outside=(nan, far)), target="onnx:float32")
    lines = printed(
        capsys,
        verdict(outside=(nan,)),
        verdict("litert-reference", outside=(nan, far)),
        other,
        replace(verdict(outside=(crash,)), target="tfjs:float32"),
    )
    assert lines[-2:] == [
        "outside the domain, no failure: logits: other answers by tflite:float32, onnx:float32 "
        "to NaN, beyond the domain",
        "outside the domain, no failure: no answers by tfjs:float32 to NaN",
    ]


def test_what_proves_nothing_has_no_limit_that_would_pass(capsys):
    empty = OutputVerdict(comparison(), tolerance(), False, False, needed=1e-7)
    lines = printed(capsys, verdict(verdict="fail", reason="nothing was proven", outputs=(empty,)))
    assert lines[1:3] == [
        "             nothing was proven",
        "limit: logits: max_rel_range <= 1.28e-06 for tflite:float32",
    ]


def test_an_accuracy_has_its_interval():
    kept = replace(quantized_output(), tolerance=Tolerance("accuracy_kept", 0.99, "as MLPerf"))
    assert describe_output(kept) == "accuracy_kept 0.996 [0.987, 1.004] (want >= 0.99)"
