"""How long loading and one sample take, as a page or an app would see it.

Every run of a session is clocked anyway. A session that was asked for single samples for half a second in all
is not run again for its latency; any other is a few times more.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np

from validation.feed import Tensors
from validation.runtime import Session
from validation.verdict import Latency

RUNS = 20
_BUDGET_S = 0.5
"""No further run is begun after so long: a software GPU takes seconds for some."""


@runtime_checkable
class TimesItself(Protocol):
    """A session behind a pipe or a socket, which knows what the engine alone took."""

    load_ms: float
    run_ms: float


@dataclass(frozen=True, slots=True)
class _Run:
    """One run: what it gave, and what it took with the way there and back, and by the engine's clock."""

    answer: dict[str, np.ndarray]
    passed_s: float
    took_ms: float


@dataclass(slots=True)
class TimedSession:
    """A session, and what each run took.

    Attributes:
        session: does the work.
        spent_s: by all runs together, the way to the engine and back included.
        is_slow: some run took longer than all of a latency's runs should.
    """

    session: Session
    spent_s: float = 0.0
    is_slow: bool = False
    _runs_ms: dict[object, list[float]] = field(default_factory=dict)
    _ahead: dict[object, list[_Run | Exception]] = field(default_factory=dict)

    @property
    def device(self) -> str:
        return self.session.device

    def run(self, feed: Tensors) -> dict[str, np.ndarray]:
        """As the session's own; what it was asked ahead of just these inputs is given once."""
        ahead = self._ahead.get(_contents(feed)) if self._ahead else None
        run = ahead.pop(0) if ahead else self._run(feed)
        if isinstance(run, Exception):
            raise run
        self.spent_s += run.passed_s
        self.is_slow = self.is_slow or run.passed_s > _BUDGET_S
        self._runs_ms.setdefault(_shapes(feed), []).append(run.took_ms)
        return run.answer

    def ask_ahead(self, feed: Tensors) -> int:
        """Runs it for a later `run` with the same inputs, which raises what is raised here.

        Returns:
            bytes of the answer that is kept; 0 where there is none.
        """
        run: _Run | Exception
        try:
            run = self._run(feed)
        except Exception as error:  # an engine may raise anything
            run = error
        self._ahead.setdefault(_contents(feed), []).append(run)
        return 0 if isinstance(run, Exception) else sum(array.nbytes for array in run.answer.values())

    def _run(self, feed: Tensors) -> _Run:
        start = time.perf_counter()
        answer = self.session.run(feed)
        passed_s = time.perf_counter() - start
        took_ms = self.session.run_ms if isinstance(self.session, TimesItself) else passed_s * 1000
        return _Run(answer, passed_s, took_ms)

    def known(self, feed: Tensors) -> list[float]:
        """What the runs on inputs of these shapes took, in milliseconds."""
        return self._runs_ms.get(_shapes(feed), [])


def measure(session: TimedSession, sample: Tensors, load_s: float) -> Latency:
    """The latency of one sample.

    Args:
        session: has run this artifact before.
        sample: a single one, or as many as the file wants at once.
        load_s: what opening it took, where the session doesn't know better.
    """
    inner = session.session
    warm_up_ms, runs = _runs(session, sample)
    p50_ms, p95_ms = (float(value) for value in np.percentile(runs, (50, 95)))
    return Latency(
        load_ms=inner.load_ms if isinstance(inner, TimesItself) else load_s * 1000,
        warm_up_ms=warm_up_ms,
        p50_ms=p50_ms,
        p95_ms=p95_ms,
        runs=len(runs),
        software_gpu="software GPU" in session.device,
    )


def _runs(session: TimedSession, sample: Tensors) -> tuple[float, list[float]]:
    """Of a single sample: what the first run took, and those after it.

    Where it was run for as long before, as in batches of one, that has to do.
    """
    known = list(session.known(sample))
    if sum(known) > _BUDGET_S * 1000:
        return known[0], known[1:] or known
    start = time.perf_counter()
    session.run(sample)
    warm_up_ms = session.known(sample)[-1]
    # A run that takes the whole budget is not done again: the session has run before, it is warm.
    runs = [warm_up_ms] if warm_up_ms > _BUDGET_S * 1000 else []
    while not runs or (len(runs) < RUNS and time.perf_counter() - start < _BUDGET_S):
        session.run(sample)
        runs.append(session.known(sample)[-1])
    return warm_up_ms, runs


def _contents(feed: Tensors) -> object:
    """Equal for the same inputs, bit by bit."""
    return tuple(sorted((name, str(a.dtype), a.shape, _bytes(a)) for name, a in feed.items()))


def _bytes(array: np.ndarray) -> bytes:
    held = repr(array.tolist()).encode() if array.dtype.hasobject else array.tobytes()
    return hashlib.sha256(held).digest()


def _shapes(feed: Tensors) -> object:
    return tuple(sorted((name, array.shape) for name, array in feed.items()))
