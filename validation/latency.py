"""How long loading and one sample take, as a page or an app would see it."""

from __future__ import annotations

import time
from typing import Protocol, runtime_checkable

import numpy as np

from converters.artifact import Artifact
from validation.expected import Reference
from validation.feed import Tensors
from validation.fitting import cut
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


def measure(session: Session, artifact: Artifact, reference: Reference, load_s: float) -> Latency:
    """Runs a single sample a few times.

    Args:
        session: has run this artifact before.
        load_s: what opening it took, where the session doesn't know better.
    """
    sample = _single(artifact, reference)
    start = time.perf_counter()
    warm_up_ms = _run(session, sample)
    # A run that takes the whole budget is not done again: the session has run before, it is warm.
    runs = [warm_up_ms] if warm_up_ms > _BUDGET_S * 1000 else []
    while not runs or (len(runs) < RUNS and time.perf_counter() - start < _BUDGET_S):
        runs.append(_run(session, sample))
    p50_ms, p95_ms = (float(value) for value in np.percentile(runs, (50, 95)))
    return Latency(
        load_ms=session.load_ms if isinstance(session, TimesItself) else load_s * 1000,
        warm_up_ms=warm_up_ms,
        p50_ms=p50_ms,
        p95_ms=p95_ms,
        runs=len(runs),
        software_gpu="software GPU" in session.device,
    )


def _run(session: Session, sample: Tensors) -> float:
    start = time.perf_counter()
    session.run(sample)
    passed_ms = (time.perf_counter() - start) * 1000
    return session.run_ms if isinstance(session, TimesItself) else passed_ms


def _single(artifact: Artifact, reference: Reference) -> Tensors:
    """The first sample, or as many as the file wants at once."""
    batch = next(iter(reference.batches()))
    inputs = next(iter(cut(batch, artifact, reference))).inputs
    if not reference.layout.batched:
        return inputs
    fixed = any(spec.shape and spec.shape[0] is not None for spec in artifact.signature.inputs)
    return inputs if fixed else {name: array[:1] for name, array in inputs.items()}
