"""Quantized exports, labels and the user's limits, from the judge's door to the verdict."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from converters.signature import Signature
from converters.target import ExportTarget
from tests.validation.fakes import FakeRuntime, X, Y, make_artifact, make_reference
from tests.validation.judging import model
from validation.blame import conclude
from validation.expected import Noise, Reference
from validation.judge import judge_on
from validation.labels import LabelRecorder
from validation.limit import Limit
from validation.verdict import Verdict

SAMPLES = 600


@pytest.fixture
def reference(tmp_path: Path) -> Reference:
    """600 samples whose labels are what the original answers, all but each tenth."""
    values = np.random.default_rng(0).uniform(-2, 2, (SAMPLES, 3)).astype(np.float32)
    made = make_reference(tmp_path / "reference", model, [{"x": values}])
    truth = np.argmax(model({"x": values})["y"], axis=1)
    recorder = LabelRecorder(Signature((X,), (Y,)))
    recorder.add({"y": np.where(np.arange(SAMPLES) % 10, truth, (truth + 1) % 3)})
    noise = {"int8, simulated": Noise(0.05, 0.02)}
    outputs = tuple(replace(output, precision_noise=noise) for output in made.outputs)
    return replace(made, labels=recorder.write(tmp_path / "labels.npz"), outputs=outputs)


def rounded(step: float, wrong: int = 0):
    """The model with answers rounded to steps, and the first samples' classes turned."""

    def run(feed):
        answer = np.round(model(feed)["y"] / step) * step
        answer[:wrong] = np.roll(answer[:wrong], 1, axis=1)
        return {"y": answer.astype(np.float32)}

    return run


def judged(tmp_path: Path, reference: Reference, run, target: str = "onnx:float32") -> Verdict:
    artifact = replace(make_artifact(tmp_path / "artifact"), target=ExportTarget(*target.split(":")))
    return judge_on(FakeRuntime(run), artifact, reference, "a")


def test_an_export_that_keeps_its_accuracy_passes_whatever_the_noise(tmp_path, reference):
    found = judged(tmp_path, reference, rounded(0.02), "onnx:int8")
    (output,) = found.outputs
    assert (found.verdict, output.tolerance.measure, output.also) == ("pass", "accuracy_kept", ())
    assert output.comparison.accuracy.samples == SAMPLES
    assert output.comparison.accuracy.original == 0.9


def test_an_export_that_loses_accuracy_fails_with_numbers(tmp_path, reference):
    found = judged(tmp_path, reference, rounded(0.02, wrong=60), "onnx:int8")
    assert found.verdict == "fail"
    assert found.reason == (
        "y: 81.8 % right and the original 90.0 %, so 90.9 % kept (88.2 % to 93.7 %; 600 samples), want 99 %"
    )
    assert found.outputs[0].needed == pytest.approx(found.outputs[0].comparison.accuracy.kept)


def test_without_labels_the_noise_counts(tmp_path, reference):
    bare = replace(reference, labels=None)
    assert judged(tmp_path, bare, rounded(0.02), "onnx:int8").verdict == "pass"
    (tmp_path / "2").mkdir()
    found = judged(tmp_path / "2", bare, rounded(1.0), "onnx:int8")
    assert (found.verdict, found.outputs[0].tolerance.measure) == ("fail", "sqnr_db")


def test_the_users_limit_decides(tmp_path, reference):
    wide = replace(reference, limits={"y": Limit(rtol=0.0, atol=0.02)})
    assert judged(tmp_path, wide, rounded(0.02)).verdict == "pass"
    narrow = replace(reference, limits={"y": Limit(rtol=0.0, atol=0.005)})
    (tmp_path / "2").mkdir()
    found = judged(tmp_path / "2", narrow, rounded(0.02))
    assert found.verdict == "fail"
    assert found.outputs[0].needed == pytest.approx(2.0, abs=0.05)
    assert found.outputs[0].tolerance.reason == "rtol 0 and atol 0.005, set by the user"


def test_a_limit_that_cannot_be_measured_is_the_verdict(tmp_path, reference):
    odd = replace(reference, labels=None, limits={"y": Limit(accuracy=0.9)})
    found = judged(tmp_path, odd, model)
    assert found.verdict == "error"
    assert found.reason == (
        "limit of y: accuracy can't be measured there: got y: float32[?, 3]; want labels that belong to it; "
        "name them with labels in [data]"
    )


def test_differences_are_kept_for_telling_whose_error_it_is(tmp_path, reference):
    plain, fast = FakeRuntime(rounded(0.02)), FakeRuntime(rounded(0.02, wrong=3))
    plain.name, fast.name = "onnxruntime-unoptimized", "onnxruntime-cpu"
    artifact = replace(make_artifact(tmp_path / "artifact"), target=ExportTarget("onnx", "int8"))
    verdicts = tuple(judge_on(runtime, artifact, reference, "a") for runtime in (fast, plain))
    (split,), (own,) = (verdict.split for verdict in conclude(verdicts, reference.answers))
    assert own.runtime == 0
    assert split.quantization == own.quantization == pytest.approx(0.02 / np.sqrt(12), rel=0.1)
    assert split.runtime > split.quantization


def test_float32_exports_keep_nothing_behind(tmp_path, reference):
    judged(tmp_path, reference, model)
    assert not reference.answers.exists()
