"""One mutant before the judge, and before the checkers of others."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from bench.detection import others
from bench.detection.catalogue import Mutant
from bench.detection.observable import Search
from bench.detection.watch import RUNTIMES, Watch, plain_runtime
from bench.detection.workshop import Workshop
from converters.artifact import Artifact
from validation.expected import Reference
from validation.judge import judge_on
from validation.verdict import Verdict

DETECTED, SILENT, MISSED = "detected", "changes nothing", "missed"


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one mutant.

    Attributes:
        model: likewise `target` and `kind`.
        where: the op, and what was done to it.
        layers: Keras layers of the place; none where the fault is in no layer.
        outcome: "detected", "changes nothing" or "missed".
        verdict: the judge's word: "fail", "error" (it can't be run), "pass".
        reason: the judge's sentence; of an undetected mutant how it was proven, or how much it changes.
        found_by: what kind of input found it first; "running" where it can't be run.
        found_after: how many samples had been run till then.
        guilty: layers that localization names first; several where the export has fused them; None where
            it was not asked.
        others: by checker, whether it finds the mutant.
    """

    model: str
    target: str
    kind: str
    where: str
    layers: tuple[str, ...]
    outcome: str
    verdict: str
    reason: str
    found_by: str = ""
    found_after: int = 0
    guilty: tuple[str, ...] | None = None
    others: dict[str, bool] = field(default_factory=dict)

    @property
    def named(self) -> bool | None:
        """Whether the layer that localization names first is one of the place's; None where not asked."""
        if self.guilty is None or not self.layers:
            return None
        return not set(self.guilty).isdisjoint(self.layers)


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict, and what was seen on the way.

    Attributes:
        found: by checker of others, whether it finds a fault in the first sample.
        seconds: of inference, the measurement of latency left out.
    """

    verdict: Verdict
    found: dict[str, bool]
    seconds: float


def judge_watched(artifact: Artifact, reference: Reference) -> Judged:
    """The verdict on a file, with what the checkers of others say of its first sample.

    Raises:
        RuntimeError: it could not be judged, and the engine is not why: that finds no fault.
    """
    watch = Watch(plain_runtime(artifact.target.format))
    # Several processes judge mutants of one export at once: each file has a name of its own.
    verdict = judge_on(watch, artifact, reference, str(artifact.entry_path))
    if verdict.verdict == "error" and not watch.at_work:
        raise RuntimeError(f"judging {artifact.entry_path} broke down: {verdict.reason}")
    timed = min(watch.again, verdict.latency.runs + 1) if verdict.latency and watch.again > 1 else 0
    seconds = sum(watch.seconds[: len(watch.seconds) - timed])
    return Judged(verdict, _found_by_others(watch, artifact, reference), seconds)


def _found_by_others(watch: Watch, artifact: Artifact, reference: Reference) -> dict[str, bool]:
    """A file that can't be run is found by anybody."""
    if watch.first is None:
        return dict.fromkeys(others.CHECKERS, True)
    batch = next(iter(reference.batches()))
    expected = {name: array[:1] for name, array in batch.expected.items()}
    actual = {name: np.asarray(array)[:1] for name, array in watch.first.items()}
    return {checker: not passed for checker, passed in others.passes(expected, actual).items()}


def try_mutant(workshop: Workshop, model: str, mutant: Mutant, search: Search) -> Result:
    """Judges a mutant; one that passes is looked at further, until it is known whether it changes anything.

    Args:
        search: for this network.
    """
    judged = judge_watched(mutant.artifact, workshop.reference)
    verdict = judged.verdict
    result = Result(
        model=model,
        target=str(mutant.artifact.target),
        kind=mutant.kind.name,
        where=mutant.hit.where,
        layers=mutant.hit.layers,
        outcome=DETECTED,
        verdict=verdict.verdict,
        reason=verdict.reason,
        others=judged.found,
    )
    if verdict.verdict == "pass":
        change = search.change(mutant.artifact)
        return replace(result, outcome=SILENT if change.within_floor else MISSED, reason=change.describe())
    found_by, found_after = _first_find(verdict)
    result = replace(result, found_by=found_by, found_after=found_after)
    if mutant.hit.layers and verdict.outputs:
        result = replace(result, guilty=find_layer(workshop, mutant.artifact))
    return result


def _first_find(verdict: Verdict) -> tuple[str, int]:
    """The first input that broke a limit, over all outputs."""
    finds = [(o.found_after, o.found_by) for o in verdict.outputs if not o.passed and o.found_by]
    if finds:
        after, by = min(finds)
        return by, after
    if verdict.verdict == "error":
        return "running", verdict.samples
    return ("weights" if verdict.weights else "shape, repetition or order"), verdict.samples


def find_layer(workshop: Workshop, artifact: Artifact) -> tuple[str, ...]:
    """The first layer that creates an error, with those that it is fused with; none where none is told."""
    from validation.localize import localize

    with tempfile.TemporaryDirectory(prefix="edgeproof-localize-") as out:
        try:
            found = localize(
                artifact=artifact,
                runtime_name=RUNTIMES[artifact.target.format],
                reference=workshop.reference,
                graph=workshop.graph,
                out=Path(out),
            )
        except Exception as error:  # a crash names no layer: it counts, and the next mutant is tried
            print(f"localizing a fault of {artifact.target} broke down: {error!r}", flush=True)
            return ()
    return next((row.layers for row in found.layers if row.guilty), ())
