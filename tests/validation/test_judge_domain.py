"""Directed inputs before the judge: what counts, what is only told, and what is left out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from converters.signature import Signature, TensorSpec
from tests.validation.fakes import FakeRuntime, X, Y, make_artifact, make_reference
from tests.validation.judging import batches, model
from validation.coarser import HALF
from validation.expected import FeedKind, Noise, Reference
from validation.judge import judge_on
from validation.verdict import Outside, Verdict

DATA = FeedKind()
NEGATIVE = FeedKind("directed", True, "negative numbers")
BEYOND = FeedKind("directed", False, "beyond the domain")


@pytest.fixture
def kinds(tmp_path):
    """A reference with batches of these kinds; all numbers are positive but the directed ones."""

    def give(*kinds: FeedKind, feeds=None, signature=None, model=model) -> Reference:
        feeds = feeds or [
            {"x": np.abs(batch["x"]) * (1 if kind == DATA else -10)}
            for kind, batch in zip(kinds, batches(*[4] * len(kinds)), strict=True)
        ]
        made = make_reference(tmp_path / "reference", model, feeds, *([signature] if signature else []))
        return replace(made, kinds=kinds)

    return give


def judged(tmp_path, reference: Reference, model, target: str = "onnx:float32", **record) -> Verdict:
    artifact = replace(make_artifact(tmp_path / "artifact", target=target), **record)
    return judge_on(FakeRuntime(model), artifact, reference, "it")


def wrong_below_zero(feed):
    return {"y": model(feed)["y"] + (feed["x"] < 0).astype(np.float32)}


def test_what_directed_samples_find_is_said_with_their_case(tmp_path, kinds):
    found = judged(tmp_path, kinds(DATA, NEGATIVE, DATA), wrong_below_zero)
    assert (found.verdict, found.samples, found.outside) == ("fail", 12, ())
    (output,) = found.outputs
    assert output.found_by == "directed: negative numbers"
    assert output.found_after == 5, "the first sample of the second batch"
    assert found.reason.endswith("; found by directed: negative numbers")


def test_a_passing_output_was_found_by_nothing(tmp_path, kinds):
    found = judged(tmp_path, kinds(DATA, NEGATIVE), model)
    assert (found.outputs[0].found_by, found.outputs[0].found_after) == ("", 0)


def test_a_difference_outside_the_domain_is_told_and_is_no_failure(tmp_path, kinds):
    reference = kinds(DATA, BEYOND, BEYOND)
    found = judged(tmp_path, reference, wrong_below_zero)
    assert (found.verdict, found.samples) == ("pass", 4), "what is outside isn't counted"
    (told,) = found.outside
    assert (told.output, told.case) == ("y", "beyond the domain")
    assert 4 <= told.sample < 8
    assert told.max_abs == pytest.approx(1)
    assert told.actual == pytest.approx(told.expected + 1)


def test_a_crash_outside_the_domain_is_told(tmp_path, kinds):
    def crash(feed):
        if (feed["x"] < 0).any():
            raise RuntimeError("node 7\n  takes no negative numbers")
        return model(feed)

    found = judged(tmp_path, kinds(DATA, BEYOND), crash)
    assert found.verdict == "pass"
    assert found.outside == (
        Outside(
            "", "beyond the domain", 4, np.inf, "an answer", "RuntimeError: node 7 takes no negative numbers"
        ),
    )


def test_nothing_outside_where_nothing_differs(tmp_path, kinds):
    assert judged(tmp_path, kinds(DATA, BEYOND), model).outside == ()


ROUNDED = {
    "inside-what-it-was-calibrated-on": ({"x": (-100.0, 100.0)}, 1),
    "beyond-what-it-was-calibrated-on": ({"x": (0.0, 100.0)}, 0),
    "beyond-the-data-where-that-is-not-known": ({}, 0),
}


@pytest.mark.parametrize(("calibrated", "counts"), ROUNDED.values(), ids=ROUNDED.keys())
def test_a_rounded_export_is_held_to_what_it_was_calibrated_on(tmp_path, kinds, calibrated, counts):
    def clipped(feed):
        return model({"x": np.clip(feed["x"], 0, None)})

    found = judged(tmp_path, kinds(DATA, DATA, NEGATIVE), clipped, "onnx:float16", calibrated=calibrated)
    assert (found.verdict, found.samples) == (("fail", 12) if counts else ("pass", 8)), found.reason
    assert [told.case for told in found.outside] == ([] if counts else ["negative numbers"])


def test_an_8_bit_export_is_held_to_everyday_samples(tmp_path, kinds):
    def clipped(feed):
        return model({"x": np.clip(feed["x"], 0, None)})

    found = judged(tmp_path, kinds(DATA, DATA, NEGATIVE), clipped, "onnx:int8", calibrated={"x": (-9.0, 9.0)})
    assert (found.verdict, found.samples) == ("pass", 8)
    assert [told.case for told in found.outside] == ["negative numbers"]


def test_the_slow_are_given_as_much_time_for_directed_samples_as_for_the_others(tmp_path, kinds, monkeypatch):
    import time

    monkeypatch.setattr("validation.trial.LEAST_EXTRA_S", 0.0)

    def slow(feed):
        time.sleep(0.05 if (feed["x"] < 0).any() else 0.01)
        return model(feed)

    found = judged(tmp_path, kinds(DATA, *[NEGATIVE] * 4), slow)
    assert (found.verdict, found.samples) == ("pass", 8)
    assert found.notes[-1] == (
        "12 further samples were left out: they would take longer than all others on this runtime"
    )


WIDE = Signature((TensorSpec("x", (None, 3), "int64"),), (TensorSpec("y", (None, 3), "int64"),))


def test_integers_that_a_narrower_file_cannot_be_given_are_no_silent_fault(tmp_path, kinds):
    def add(feed):
        return {"y": feed["x"] + feed["x"].dtype.type(1)}

    feeds = [{"x": np.arange(12).reshape(4, 3)}, {"x": np.full((2, 3), 2**40)}]
    reference = kinds(
        DATA, FeedKind("directed", True, "the ends of the domain"), feeds=feeds, signature=WIDE, model=add
    )
    narrow = Signature(
        *(tuple(replace(s, dtype="int32") for s in side) for side in (WIDE.inputs, WIDE.outputs))
    )
    found = judged(tmp_path, reference, add, signature=narrow)
    assert (found.verdict, found.samples) == ("pass", 4)
    assert found.notes[-1] == "2 further samples were left out: x holds 1099511627776, which int32 can't hold"


def test_other_sizes_find_a_frozen_dimension(tmp_path, kinds):
    free = Signature((replace(X, shape=(None, None)),), (replace(Y, shape=(None, None)),))

    def double(feed):
        return {"y": feed["x"] * np.float32(2)}

    feeds = [*batches(4), *batches(1, width=5)]
    reference = kinds(
        DATA, FeedKind("directed", True, "other sizes"), feeds=feeds, signature=free, model=double
    )
    found = judged(tmp_path, reference, double)
    assert found.verdict == "fail"
    assert found.reason == (
        "1 of 5 samples don't fit the file: shape [1, 5] does not fit x: float32[?, 3]: the file froze "
        "dimensions that are free in the original, x: float32[?, ?]; 1 output keeps its limit over 4 samples"
    )


def steep(feed):
    """Samples of equal elements give answers that are 10,000 times as great."""
    equal = (feed["x"] == feed["x"][:, :1]).all(1, keepdims=True)
    return {"y": model(feed)["y"] * np.where(equal, np.float32(1e4), np.float32(1))}


def test_in_half_precision_the_signal_is_that_of_everyday_samples(tmp_path, kinds):
    """Directed ones count by their elements, whose floors know how far half precision moves these."""
    everyday, equal = batches(64)[0], {"x": np.full((4, 3), 0.5, np.float32)}
    made = kinds(DATA, FeedKind("directed", True, "all elements equal"), feeds=[everyday, equal], model=steep)
    noise = {HALF: Noise(1.0, 1.0, 1e5, 1e5)}
    made = replace(made, outputs=tuple(replace(o, precision_noise=noise) for o in made.outputs))

    def off(everyday: float, directed: float):
        def run(feed):
            answer = steep(feed)["y"]
            return {"y": answer * np.float32(1 + (directed if len(answer) == 4 else everyday))}

        return run

    found = []
    for number, shares in enumerate(((0.0, 0.02), (0.02, 0.0), (0.0, 0.2))):
        (tmp_path / str(number)).mkdir()
        verdict = judged(tmp_path / str(number), made, off(*shares), "onnx:float16")
        found.append((verdict.verdict, verdict.outputs[0].tolerance.measure))
    assert found == [("pass", "sqnr_db"), ("fail", "sqnr_db"), ("fail", "noise_ratio")]
