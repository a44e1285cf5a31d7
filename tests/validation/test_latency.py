"""Latency: what is run, how often, and whose clock counts."""

from __future__ import annotations

import time

import numpy as np

from validation.latency import RUNS, TimedSession, measure
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


SAMPLE = {"x": np.ones((1, 2), np.float32)}
BATCH = {"x": np.ones((4, 2), np.float32)}


def test_single_samples_are_timed_after_a_warm_up() -> None:
    session = Session()
    found = measure(TimedSession(session), SAMPLE, load_s=0.5)
    assert session.sizes == [1] * (RUNS + 1)
    assert (found.load_ms, found.runs, found.software_gpu) == (500.0, RUNS, True)
    assert 0.5 <= found.p50_ms <= found.p95_ms


def test_a_slow_session_is_not_asked_again() -> None:
    session = TimedSession(SlowSession())
    session.run(BATCH)
    assert (session.is_slow, len(session.known(BATCH)), session.known(SAMPLE)) == (True, 1, [])
    session.run(SAMPLE)
    found = measure(session, SAMPLE, load_s=0.5)
    assert (found.runs, session.session.sizes) == (1, [4, 1])
    session.run(SAMPLE)
    assert measure(session, SAMPLE, load_s=0.5).runs == 1, "the first was the warm-up"
    assert session.spent_s >= 1.8


def test_single_samples_that_took_the_budget_together_are_not_run_again() -> None:
    class Usual(Session):
        run_ms = 0.0
        load_ms = 1.0

        def run(self, feed):
            self.run_ms = 100.0 + len(self.sizes)
            return super().run(feed)

    session = TimedSession(Usual())
    for _ in range(6):
        session.run(SAMPLE)
    found = measure(session, SAMPLE, load_s=0.5)
    assert (session.session.sizes, found.runs) == ([1] * 6, 5)
    assert (found.warm_up_ms, found.p50_ms) == (100.0, 103.0)


def test_a_slow_session_that_was_never_given_a_single_sample_is_asked_once() -> None:
    session = TimedSession(SlowSession())
    session.run(BATCH)
    assert measure(session, SAMPLE, load_s=0.5).runs == 1
    assert session.session.sizes == [4, 1]


def test_the_engine_s_own_clock_counts() -> None:
    found = measure(TimedSession(InAPage()), SAMPLE, load_s=0.5)
    assert (found.load_ms, found.warm_up_ms, found.p50_ms, found.p95_ms) == (7.0, 0.25, 0.25, 0.25)


def test_the_report_marks_a_software_gpu() -> None:
    assert latency(None) == ""
    assert latency(Latency(35.21, 9.0, 1.318, 2.1, 20)) == "1.32 ms (p95 2.1 ms), load 35.2 ms"
    assert latency(Latency(35.0, 9.0, 1.0, 2.0, 20, True)) == "1 ms (p95 2 ms), load 35 ms, software GPU"
