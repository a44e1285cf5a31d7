"""A slow runtime is asked while the original is recorded: its answers count once, and so do its faults."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import validation.runtimes
from converters.artifact import Artifact
from tests.validation.fakes import XY, FakeRuntime, make_artifact, make_reference
from tests.validation.judging import batches, model
from validation import ahead
from validation.ahead import Recording, ask_ahead
from validation.expected import Reference
from validation.judge import judge_on
from validation.latency import TimedSession


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """Asks a runtime ahead of a reference whose files appear one by one, and gives both for judging."""

    def ask(runtime: FakeRuntime) -> tuple[Artifact, Reference, float]:
        monkeypatch.setattr(validation.runtimes, "runtime", lambda name: runtime)
        artifact = make_artifact(tmp_path / "artifact")
        reference = make_reference(tmp_path / "reference", model, [*batches(4, 4, 2)])
        partial = tmp_path / "partial"
        partial.mkdir()
        thread = threading.Thread(target=_record, args=(tmp_path / "reference", partial, tmp_path / "final"))
        thread.start()
        recording = Recording(partial, XY)
        spent_s = ask_ahead(artifact=artifact, runtime_name=runtime.name, recording=recording)
        thread.join()
        return artifact, reference, spent_s

    yield ask
    assert ahead._waiting == [], "whoever judges takes the session over"


def _record(source: Path, partial: Path, final: Path) -> None:
    for number in range(len(list(source.glob("feed-*.npz")))):
        for kind in ("feed", "expected", "noise"):
            name = f"{kind}-{number:05}.npz"
            (partial / name).write_bytes((source / name).read_bytes())
        time.sleep(0.3)
    partial.rename(final)


def test_every_batch_is_asked_once_in_the_session_that_is_judged(asked):
    runtime = FakeRuntime(model)
    artifact, reference, spent_s = asked(runtime)
    assert runtime.session is not None
    session, early = runtime.session, len(runtime.session.calls)
    assert [len(call["x"]) for call in session.calls] == [4, 4, 2]
    assert 0 < spent_s < 0.3, "without waiting for the recording"
    found = judge_on(runtime, artifact, reference, "a")
    assert runtime.session is session, "the same session goes on"
    assert (found.verdict, found.samples) == ("pass", 10)
    again = session.calls[early:][:2]
    np.testing.assert_array_equal([call["x"] for call in again], [call["x"] for call in session.calls[1::-1]])


def test_the_verdict_is_that_of_a_session_which_was_not_asked_ahead(asked, tmp_path):
    def wrong(feed):
        return {"y": model(feed)["y"] + np.float32(0.25) * (feed["x"] > 1)}

    artifact, reference, _ = asked(FakeRuntime(wrong))
    one = judge_on(FakeRuntime(wrong), artifact, reference, "a")
    other = judge_on(FakeRuntime(wrong), artifact, reference, "a")
    assert (one.verdict, one.reason, one.outputs) == (other.verdict, other.reason, other.outputs)
    assert one.verdict == "fail"


def test_state_that_leaks_is_found_all_the_same(asked):
    count = 0

    def forgetful(feed):
        nonlocal count
        count += 1
        return {"y": model(feed)["y"] + np.float32(count > 3)}

    runtime = FakeRuntime(forgetful)
    artifact, reference, _ = asked(runtime)
    found = judge_on(runtime, artifact, reference, "a")
    assert found.reason == (
        "state leaks between invocations: the batch at sample 4 run again gives another y, off by 1"
    )


def test_a_fault_on_the_way_is_the_verdict(asked):
    left = [None, ValueError("out of memory")]

    def once(feed):
        fault = left.pop(0) if left else None
        if fault:
            raise fault
        return model(feed)

    runtime = FakeRuntime(once)
    artifact, reference, _ = asked(runtime)
    found = judge_on(runtime, artifact, reference, "a")
    assert (found.verdict, found.reason) == ("error", "ValueError: out of memory")


def test_a_session_of_another_file_is_closed(asked, tmp_path):
    runtime = FakeRuntime(model)
    _, reference, _ = asked(runtime)
    session = runtime.session
    found = judge_on(runtime, make_artifact(tmp_path / "other"), reference, "b")
    assert (found.verdict, runtime.session is session) == ("pass", False)


def test_no_more_is_asked_than_can_be_kept(asked, monkeypatch):
    monkeypatch.setattr(ahead, "MOST_BYTES", 50)
    runtime = FakeRuntime(model)
    artifact, reference, _ = asked(runtime)
    assert runtime.session is not None
    assert [len(call["x"]) for call in runtime.session.calls] == [4, 4], "48 bytes each"
    assert judge_on(runtime, artifact, reference, "a").verdict == "pass"


def test_a_runtime_that_is_not_here_is_waited_out(asked):
    runtime = FakeRuntime(model, hint="install it")
    artifact, reference, spent_s = asked(runtime)
    assert (spent_s, runtime.session) == (0.0, None)
    assert judge_on(runtime, artifact, reference, "a").reason == "install it"


def test_equal_inputs_are_answered_as_often_as_they_were_asked():
    runtime = FakeRuntime(model)
    (feed,) = batches(2)
    with runtime.open(None) as session:
        timed = TimedSession(session)
        timed.ask_ahead(feed)
        timed.ask_ahead({"x": feed["x"].copy()})
        assert timed.spent_s == 0
        for _ in range(3):
            timed.run(feed)
        timed.run({"x": -feed["x"]})
    assert (len(session.calls), len(timed.known(feed))) == (4, 4)
    text = {"x": np.array([b"a", b"bc"], object)}
    timed.session.model = lambda feed: {"y": feed["x"]}
    timed.ask_ahead(text)
    timed.run({"x": np.array([b"a", b"bd"], object)})
    timed.run(text)
    assert len(session.calls) == 6
