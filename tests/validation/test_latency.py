"""Latency: what is run, how often, and whose clock counts."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from tests.validation.hand_made import Line, Port, write
from validation.expected import Reference
from validation.latency import RUNS, measure
from validation.report.text import latency
from validation.verdict import Latency


class Session:
    """Takes half a millisecond and remembers what it was given."""

    device = "a chip, software GPU"

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def run(self, feed):
        self.sizes.append(len(feed["x"]))
        time.sleep(0.0005)
        return {"y": feed["x"]}


class SlowSession(Session):
    def run(self, feed):
        time.sleep(0.6)
        return super().run(feed)


class InAPage(Session):
    """The way there takes long, the engine doesn't."""

    load_ms = 7.0
    run_ms = 0.25


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    artifact = write("tflite", tmp_path, {"x": Port((None, 2))}, {"y": Line("x")})
    batch = {"x": np.ones((4, 2), np.float32)}

    class Layout:
        batched = True

    class Recorded:
        layout = Layout()

        def batches(self):
            return iter([object()])

    class Call:
        inputs = batch

    monkeypatch.setattr("validation.latency.cut", lambda *_: iter([Call()]))
    return artifact, Recorded()


def test_single_samples_are_timed_after_a_warm_up(scene: tuple[object, Reference]) -> None:
    session = Session()
    found = measure(session, *scene, load_s=0.5)  # type: ignore[arg-type]
    assert session.sizes == [1] * (RUNS + 1)
    assert (found.load_ms, found.runs, found.software_gpu) == (500.0, RUNS, True)
    assert 0.5 <= found.p50_ms <= found.p95_ms


def test_a_slow_device_is_asked_once_only(scene: tuple[object, Reference]) -> None:
    session = SlowSession()
    assert measure(session, *scene, load_s=0.5).runs == 1  # type: ignore[arg-type]


def test_the_engine_s_own_clock_counts(scene: tuple[object, Reference]) -> None:
    found = measure(InAPage(), *scene, load_s=0.5)  # type: ignore[arg-type]
    assert (found.load_ms, found.warm_up_ms, found.p50_ms, found.p95_ms) == (7.0, 0.25, 0.25, 0.25)


def test_the_report_marks_a_software_gpu() -> None:
    assert latency(None) == ""
    assert latency(Latency(35.21, 9.0, 1.318, 2.1, 20)) == "1.32 ms (p95 2.1 ms), load 35.2 ms"
    assert latency(Latency(35.0, 9.0, 1.0, 2.0, 20, True)) == "1 ms (p95 2 ms), load 35 ms, software GPU"
