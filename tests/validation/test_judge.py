"""Verdicts on runtimes that do what the test wants: right, wrong, forgetful, missing, crashing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from converters.artifact import Quantization
from converters.errors import EdgeproofError, ExitStatus
from converters.signature import Signature, TensorSpec
from tests.validation.fakes import FakeRuntime, X, Y, make_artifact, make_reference
from validation.judge import judge, judge_on
from validation.verdict import Verdict

SCALE = np.array([1.0, -2.0, 0.5], np.float32)


def model(feed):
    return {"y": feed["x"] * SCALE}


def batches(*sizes: int, width: int = 3, seed: int = 0):
    random = np.random.default_rng(seed)
    return [{"x": random.standard_normal((size, width)).astype(np.float32)} for size in sizes]


@pytest.fixture
def reference(tmp_path):
    return make_reference(tmp_path / "reference", model, batches(4, 4, 2))


@pytest.fixture
def verdict(tmp_path, reference):
    """Judges a model on a fake runtime."""

    def give(model=model, artifact=None, reference=reference, **facts) -> Verdict:
        artifact = artifact or make_artifact(tmp_path / "artifact")
        return judge_on(FakeRuntime(model, **facts), artifact, reference, "the artifact")

    return give


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
    assert [len(call) for call in calls[3:7]] == [2, 4, 4, 4], "in another order, the first one twice"
    np.testing.assert_array_equal(calls[0], calls[5])
    np.testing.assert_array_equal(calls[0], calls[6])
    assert {len(call) for call in calls[7:]} == {1}, "samples alone, and for the latency"
    np.testing.assert_array_equal(calls[0][[0, 3]], np.concatenate(calls[7:9]))


def test_state_that_leaks_is_found_by_the_repetition(verdict):
    calls = []

    def forgetful(feed):
        calls.append(1)
        return {"y": model(feed)["y"] + np.float32(0.5 * (len(calls) > 3))}

    found = verdict(forgetful)
    assert (found.verdict, found.reason) == (
        "fail",
        "state leaks between invocations: the batch at sample 8 run again gives another y, off by 0.5",
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
    (ExitStatus.VERDICT_FAILED, "error", "m.onnx: can't open: got bytes; want a model"),
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
        "want the 1 recorded file(s), unchanged",
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


# batches that a file can or can't take


@pytest.mark.parametrize("batch", [1, 2, 3])
def test_a_fixed_batch_is_fed_in_parts_and_filled_up(tmp_path, reference, batch):
    runtime = FakeRuntime(model)
    fixed = make_artifact(
        tmp_path / "artifact", (replace(X, shape=(batch, 3)),), (replace(Y, shape=(batch, 3)),)
    )
    found = judge_on(runtime, fixed, reference, "a")
    assert (found.verdict, found.samples) == ("pass", 10)
    assert {call["x"].shape for call in runtime.session.calls} == {(batch, 3)}


def test_what_fills_a_batch_up_is_not_compared(tmp_path, reference):
    def wrong_where_equal(feed):
        """Wrong in the rows that repeat the one before."""
        repeated = np.r_[False, (feed["x"][1:] == feed["x"][:-1]).all(1)]
        return {"y": model(feed)["y"] + repeated[:, None].astype(np.float32)}

    fixed = make_artifact(tmp_path / "artifact", (replace(X, shape=(3, 3)),), (replace(Y, shape=(3, 3)),))
    assert judge_on(FakeRuntime(wrong_where_equal), fixed, reference, "a").verdict == "pass"


DYNAMIC = Signature((replace(X, shape=(None, None)),), (replace(Y, shape=(None, None)),))


def double(feed):
    return {"y": feed["x"] * np.float32(2)}


def test_a_file_that_does_not_take_every_sample_fails_with_their_number(tmp_path, verdict):
    feeds = batches(4, 4) + batches(3, width=5)
    reference = make_reference(tmp_path / "dynamic", double, feeds, DYNAMIC)
    found = verdict(double, reference=reference)
    assert (found.verdict, found.samples) == ("fail", 8)
    assert found.reason == (
        "3 of 11 samples don't fit the file: shape [3, 5] does not fit x: float32[?, 3]: the file froze "
        "dimensions that are free in the original, x: float32[?, ?]; "
        "1 output keeps its limit over 8 samples"
    )


def test_a_file_that_takes_no_sample_proves_nothing(tmp_path, verdict):
    reference = make_reference(tmp_path / "dynamic", double, batches(3, width=5), DYNAMIC)
    found = verdict(double, reference=reference)
    assert (found.verdict, found.samples, found.outputs) == ("fail", 0, ())
    assert found.reason == (
        "3 of 3 samples don't fit the file: shape [3, 5] does not fit x: float32[?, 3]: the file froze "
        "dimensions that are free in the original, x: float32[?, ?]; "
        "nothing was proven: the file takes none of the samples"
    )


def test_an_output_of_the_whole_batch_cannot_be_put_together_from_parts(tmp_path):
    signature = Signature((X,), (TensorSpec("y", (3,), "float32"),))

    def total(feed):
        return {"y": feed["x"].sum(0)}

    reference = make_reference(tmp_path / "total", total, batches(4, 4), signature)
    whole = make_artifact(tmp_path / "whole", outputs=signature.outputs)
    assert judge_on(FakeRuntime(total), whole, reference, "a").verdict == "pass"
    single = make_artifact(tmp_path / "single", (replace(X, shape=(1, 3)),), signature.outputs)
    assert judge_on(FakeRuntime(total), single, reference, "a").reason == (
        "8 of 8 samples don't fit the file: output y belongs to a whole batch, the file takes fewer samples; "
        "nothing was proven: the file takes none of the samples"
    )


def test_scalar_inputs_make_every_sample_a_call(tmp_path):
    signature = Signature((TensorSpec("x", (), "float32"),), (TensorSpec("y", (), "float32"),))

    def half(feed):
        return {"y": np.asarray(feed["x"] / np.float32(2))}

    feeds = [{"x": np.asarray(np.float32(value))} for value in (1, 2, 3)]
    reference = make_reference(tmp_path / "scalar", half, feeds, signature)
    artifact = make_artifact(tmp_path / "artifact", signature.inputs, signature.outputs)
    assert judge_on(FakeRuntime(half), artifact, reference, "a").verdict == "pass"

    def late(feed):
        return {"y": np.asarray(half(feed)["y"] + np.float32(feed["x"] == 3))}

    found = judge_on(FakeRuntime(late), artifact, reference, "a")
    assert found.outputs[0].comparison.worst_index == (2,)


# dtypes


def test_int8_inputs_and_outputs_are_quantized_by_the_record(tmp_path, reference):
    quantization = {"x": Quantization(0.05, 3, "int8"), "y": Quantization(0.1, -5, "int8")}
    specs = replace(X, dtype="int8"), replace(Y, dtype="int8")
    artifact = make_artifact(tmp_path / "artifact", (specs[0],), (specs[1],), "onnx:int8", quantization)

    def quantized(feed):
        assert feed["x"].dtype == np.int8
        real = 0.05 * (feed["x"].astype(float) - 3)
        return {"y": (np.clip(np.rint(real * SCALE / 0.1) - 5, -128, 127)).astype(np.int8)}

    found = judge_on(FakeRuntime(quantized), artifact, reference, "a")
    assert found.verdict == "pass", found.reason
    assert 0.02 < found.outputs[0].comparison.max_abs < 0.3


def test_wide_integers_are_cast_for_a_file_that_has_narrow_ones(tmp_path):
    signature = Signature((TensorSpec("x", (None, 3), "int64"),), (TensorSpec("y", (None, 3), "int64"),))
    narrow = [
        tuple(replace(s, dtype="int32") for s in side) for side in (signature.inputs, signature.outputs)
    ]
    artifact = make_artifact(tmp_path / "artifact", *narrow)

    def add(feed):
        return {"y": feed["x"] + feed["x"].dtype.type(1)}

    small = [{"x": np.arange(12).reshape(4, 3)}]
    reference = make_reference(tmp_path / "small", add, small, signature)
    assert judge_on(FakeRuntime(add), artifact, reference, "a").verdict == "pass"
    great = [*small, {"x": np.full((2, 3), 2**40)}]
    reference = make_reference(tmp_path / "great", add, great, signature)
    assert judge_on(FakeRuntime(add), artifact, reference, "a").reason == (
        "2 of 6 samples don't fit the file: x holds 1099511627776, which int32 can't hold; "
        "1 output keeps its limit over 4 samples"
    )


# nothing proven


def test_a_dead_original_proves_nothing(tmp_path, verdict):
    def dead(feed):
        return {"y": np.full_like(feed["x"], 0.25)}

    found = verdict(dead, reference=make_reference(tmp_path / "dead", dead, batches(4)))
    assert (found.verdict, found.outputs[0].passed, found.outputs[0].proven) == ("fail", False, False)
    assert found.reason == (
        "nothing was proven for y: the original's answer does not move with the inputs "
        "(by 0, within 0.25 to 0.25)"
    )


def test_one_sample_proves_nothing(tmp_path, verdict):
    found = verdict(reference=make_reference(tmp_path / "one", model, batches(1)))
    assert found.reason == (
        "nothing was proven for y: there is only one sample: give two or more that differ"
    )


def test_equal_samples_prove_nothing(tmp_path, verdict):
    feeds = [{"x": np.ones((3, 3), np.float32)}] * 2
    found = verdict(reference=make_reference(tmp_path / "equal", model, feeds))
    assert found.reason == "nothing was proven for y: all 6 samples are equal: give samples that differ"


def test_a_difference_is_a_difference_even_where_nothing_could_be_proven(tmp_path, verdict):
    def dead(feed):
        return {"y": np.full_like(feed["x"], 0.25)}

    found = verdict(reference=make_reference(tmp_path / "dead", dead, batches(4)))
    assert found.verdict == "fail"
    assert found.outputs[0].proven
    assert found.reason.startswith("y: noise_ratio ")


def test_a_saturated_softmax_proves_nothing(tmp_path, verdict):
    def saturated(feed):
        """0.001 for each class, but for a few bits: MobileNetV2 without weights."""
        return {"y": np.float32(0.001) + feed["x"] * np.float32(1e-10)}

    found = verdict(saturated, reference=make_reference(tmp_path / "flat", saturated, batches(4)))
    assert found.verdict == "fail"
    assert found.reason.startswith("nothing was proven for y: the original's answer does not move")


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
