"""Whose error it is: the file's, as its reference runtime shows it, or the runtime's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.validation.results import comparison, quantized_output, tolerance, verdict
from validation.blame import conclude
from validation.split import DifferenceWriter, describe, differences_of
from validation.verdict import OutputVerdict, Split, Verdict

INT8 = {"artifact": "tflite-int8", "target": "tflite:int8"}


def ran(runtime: str, outcome: str = "pass", **facts) -> Verdict:
    output = quantized_output() if outcome == "pass" else OutputVerdict(comparison(), tolerance(), False)
    return verdict(runtime, **{"verdict": outcome, "reason": "why", "outputs": (output,), **INT8, **facts})


def keep(answers: Path, runtime: str, *errors: list[float]) -> None:
    writer = DifferenceWriter(differences_of(answers, "tflite-int8", "tflite:int8", runtime))
    for error in errors:
        expected = np.array([1.0, 2.0])
        writer.add({"logits": expected}, {"logits": (expected + error).astype(np.float32)})


def test_the_runtime_adds_what_its_reference_lacks(tmp_path):
    keep(tmp_path, "litert-reference", [0.5, 0.0], [0.0, 0.5])
    keep(tmp_path, "litert-cpu", [0.5, 0.25], [0.0, 0.5])
    fast, plain = conclude((ran("litert-cpu"), ran("litert-reference")), tmp_path)
    (split,) = fast.split
    assert (split.output, split.reference) == ("logits", "litert-reference")
    assert split.total == pytest.approx(np.sqrt((0.25 + 0.0625 + 0.25) / 4))
    assert split.quantization == pytest.approx(np.sqrt(0.125))
    assert split.runtime == pytest.approx(0.125)
    assert plain.split == (Split("logits", "litert-reference", split.quantization, split.quantization, 0.0),)


def test_a_failure_says_whose_error_it_is(tmp_path):
    keep(tmp_path, "litert-reference", [0.5, 0.0])
    keep(tmp_path, "litert-cpu", [0.5, 2.0])
    fast, plain = conclude((ran("litert-cpu", "fail"), ran("litert-reference", "fail")), tmp_path)
    assert fast.blame == plain.blame == "file"
    assert fast.reason == (
        "why; it fails on litert-reference too: the file is wrong; of logits's error of 1.46 (rms) the file "
        "has 0.354 itself, on litert-reference, and the runtime adds 1.41"
    )
    assert plain.reason == (
        "why; it fails on litert-cpu too: the file is wrong; the error of logits is the file's own: "
        "0.354 (rms) on litert-reference"
    )


def test_nothing_is_told_apart_without_the_reference(tmp_path):
    keep(tmp_path, "litert-cpu", [0.5, 0.0])
    (alone,) = conclude((ran("litert-cpu"),), tmp_path)
    assert alone.split == ()
    absent = ran("litert-reference", "unavailable", outputs=())
    assert conclude((ran("litert-cpu"), absent), tmp_path)[0].split == ()


def test_other_files_and_earlier_runs_do_not_mix(tmp_path):
    keep(tmp_path, "litert-reference", [0.5, 0.0], [9.0, 9.0])
    keep(tmp_path, "litert-reference", [0.5, 0.0])
    keep(tmp_path, "litert-cpu", [0.5, 0.0])
    other = ran("litert-cpu", artifact="other.tflite")
    fast, _, apart = conclude((ran("litert-cpu"), ran("litert-reference"), other), tmp_path)
    assert fast.split[0].runtime == 0.0
    assert apart.split == ()


def test_numbers_against_nan_are_left_out(tmp_path):
    keep(tmp_path, "litert-reference", [0.5, np.nan])
    keep(tmp_path, "litert-cpu", [0.5, np.nan])
    (split,) = conclude((ran("litert-cpu"), ran("litert-reference")), tmp_path)[0].split
    assert (split.total, split.runtime) == (0.5, 0.0)
    assert describe(split) == "the error of logits is the file's own: 0.5 (rms) on litert-reference"
