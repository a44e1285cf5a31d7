"""Verdicts on runtimes that do what the test wants: right, wrong, forgetful, missing, crashing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from converters.errors import EdgeproofError, ExitStatus
from converters.signature import Signature
from tests.validation.fakes import FakeRuntime, X, Y, make_artifact, make_reference
from tests.validation.judging import SCALE, batches, model
from validation.judge import judge, judge_on


def wrong_by(error: float):
    def wrong(feed):
        answer = model(feed)["y"].copy()
        answer[-1, 1] += np.float32(error)
        return {"y": answer}

    return wrong


def test_a_right_export_passes(verdict):
    found = verdict()
    assert (found.verdict, found.reason) == ("pass", "1 output keeps its limit over 10 samples")
    assert (found.artifact, found.target, found.runtime, found.device) == (
        "the artifact", "onnx:float32", "fake-cpu", "a fake")  # fmt: skip
    assert (found.samples, found.size_bytes, found.notes) == (10, 4, ("made by hand",))
    assert found.outputs[0].comparison.max_abs == 0


def test_a_wrong_export_fails_with_the_worst_element(verdict, reference):
    found = verdict(wrong_by(0.25))
    worst = next(iter(reference.batches()))
    assert worst.samples == 4
    assert found.verdict == "fail"
    output = found.outputs[0]
    assert not output.passed
    assert output.comparison.mismatched == 3
    assert output.comparison.worst_index[1] == 1
    start = f"y: noise_ratio {output.comparison.noise_ratio:.3g} > 8, worst at ["
    assert found.reason.startswith(start), found.reason


def test_every_batch_runs_in_one_session_and_some_again(tmp_path, reference):
    runtime = FakeRuntime(model)
    judge_on(runtime, make_artifact(tmp_path / "artifact"), reference, "a")
    calls = [call["x"] for call in runtime.session.calls]
    assert [len(call) for call in calls[:3]] == [4, 4, 2]
    for first, again in ((1, 3), (0, 4)):
        np.testing.assert_array_equal(calls[first], calls[again], "in another order")
    assert {len(call) for call in calls[5:]} == {1}, "samples alone, and for the latency"
    np.testing.assert_array_equal(calls[0][[0, 3]], np.concatenate(calls[5:7]))


def test_state_that_leaks_is_found_by_the_repetition(verdict):
    calls = []

    def forgetful(feed):
        calls.append(1)
        return {"y": model(feed)["y"] + np.float32(0.5 * (len(calls) > 3))}

    found = verdict(forgetful)
    assert (found.verdict, found.reason) == (
        "fail",
        "state leaks between invocations: the batch at sample 4 run again gives another y, off by 0.5",
    )
    assert found.outputs[0].passed  # the values themselves were right


OUTPUT_FAULTS = {
    "missing": (lambda feed: {}, "outputs are missing: got [], want ['y']"),
    "extra": (lambda feed: model(feed) | {"z": SCALE}, "there are extra outputs: got ['y', 'z'], want ['y']"),
    "shape": (lambda feed: {"y": model(feed)["y"][:1]}, "output y has shape [1, 3], want [4, 3]"),
    "dtype": (lambda feed: {"y": model(feed)["y"].astype(int)}, "output y is int64, want float32"),
}


@pytest.mark.parametrize(("wrong", "reason"), OUTPUT_FAULTS.values(), ids=OUTPUT_FAULTS.keys())
def test_outputs_that_do_not_compare_fail(verdict, wrong, reason):
    found = verdict(wrong)
    assert (found.verdict, found.reason, found.samples, found.outputs) == ("fail", reason, 0, ())


def test_other_names_in_the_record_fail(tmp_path, verdict):
    artifact = make_artifact(tmp_path / "artifact", inputs=(replace(X, name="input_1"),))
    found = verdict(artifact=artifact)
    assert (found.verdict, found.reason) == ("fail", "the file has other inputs: got ['input_1'], want ['x']")


def test_a_runtime_that_is_not_here_is_unavailable(verdict):
    found = verdict(hint="pip install fake")
    assert (found.verdict, found.reason, found.device) == ("unavailable", "pip install fake", "")


def test_a_crash_is_an_error_with_its_text(verdict):
    def crash(feed):
        raise RuntimeError("node 7\n  is out of range")

    found = verdict(crash)
    assert (found.verdict, found.reason) == ("error", "RuntimeError: node 7 is out of range")
    assert found.device == "a fake"


@pytest.mark.parametrize(("status", "outcome", "reason"), [
    (ExitStatus.VERDICT_FAILED, "error", "m.onnx: can't open: got bytes; want a model; get a GPU"),
    (ExitStatus.UNAVAILABLE, "unavailable", "m.onnx: can't open; get a GPU"),
])  # fmt: skip
def test_what_a_runtime_reports(verdict, status, outcome, reason):
    def refuse(feed):
        raise EdgeproofError(
            "m.onnx: can't open", got="bytes", want="a model", fix="get a GPU", status=status
        )

    found = verdict(refuse)
    assert (found.verdict, found.reason) == (outcome, reason)


def test_interruption_is_no_verdict(verdict):
    def interrupt(feed):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        verdict(interrupt)


def test_changed_files_are_an_error(tmp_path, verdict):
    artifact = make_artifact(tmp_path / "artifact")
    artifact.entry_path.write_bytes(b"fakf")
    found = verdict(artifact=artifact)
    assert (found.verdict, found.reason) == (
        "error",
        f"{artifact.directory}: files are not the ones that were recorded: got model.onnx has other bytes; "
        "want the 1 recorded file(s), unchanged; export and validate again, or restore the files",
    )


def test_unknown_runtime_and_wrong_format_are_usage_errors(tmp_path, reference):
    artifact = make_artifact(tmp_path / "artifact")
    with pytest.raises(EdgeproofError) as caught:
        judge(artifact=artifact, runtime_name="litert-cpu", reference=reference, label="a")
    assert str(caught.value) == (
        "a: litert-cpu does not open this format\n"
        "  got:  onnx\n"
        "  want: tflite\n"
        "  fix:  choose a runtime for onnx"
    )
    with pytest.raises(EdgeproofError, match="gpu-9: no such runtime"):
        judge(artifact=artifact, runtime_name="gpu-9", reference=reference, label="a")


def test_two_outputs_are_judged_apart(tmp_path):
    signature = Signature((X,), (Y, replace(Y, name="z")))

    def both(feed):
        return model(feed) | {"z": feed["x"] + np.float32(1)}

    def swapped(feed):
        answer = both(feed)
        return {"y": answer["z"], "z": answer["y"]}

    reference = make_reference(tmp_path / "both", both, batches(4, 4), signature)
    artifact = make_artifact(tmp_path / "artifact", outputs=signature.outputs)
    assert (
        judge_on(FakeRuntime(both), artifact, reference, "a").reason
        == "2 outputs keep their limits over 8 samples"
    )
    found = judge_on(FakeRuntime(swapped), artifact, reference, "a")
    assert [output.passed for output in found.outputs] == [False, False]
    assert found.reason.endswith(" (2 of 2 outputs fail)")
