"""The whole way of a job: source ─► graph ─► artifacts, reference ─► verdicts."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from converters.artifact import Artifact
from converters.source import SourceModel
from converters.target import ORIGINAL
from converters.training import TrainingRecord
from pipeline.files import Workplace
from pipeline.job import Job, check_data
from pipeline.judging import Judges, is_slowest
from pipeline.localizing import REPRODUCERS, Localizer
from pipeline.outcome import CONVERSION, validation_of
from pipeline.runs import remember_run
from pipeline.state import label_of
from pipeline.steps import FailedTarget, Steps
from pipeline.worker import Worker
from validation.ahead import Recording
from validation.judge import conclude
from validation.result import Validation
from validation.runtimes import select
from validation.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Exports:
    """What a job's conversions came to.

    Attributes:
        source: the original.
        training: how it was trained, if it was.
        artifacts: in registry order.
        failures: of targets that could not be made, likewise.
        peak_mb: greatest memory of the converting worker.
    """

    source: SourceModel
    training: TrainingRecord | None
    artifacts: tuple[Artifact, ...]
    failures: tuple[FailedTarget, ...]
    peak_mb: int = 0


@dataclass(frozen=True, slots=True)
class Proof:
    """Exports and what was found out about them.

    Attributes:
        exports: what was made.
        validation: the machine-readable result.
        seconds: how long each verdict took, by artifact label and runtime.
    """

    exports: Exports
    validation: Validation
    seconds: Mapping[tuple[str, str], float]


def export(job: Job, place: Workplace, artifacts: Path, fresh: bool = False) -> Exports:
    """Makes every target of a job; none is run.

    Args:
        job: what to make.
        place: work directory and log.
        artifacts: gets one folder for each target.
        fresh: do again what was done before with the same inputs.
    """
    with _steps(job, place, artifacts, fresh) as (steps, worker):
        training, source = _original(steps, place)
        graph = steps.graph(source)
        made = tuple(steps.convert(graph, steps.options(source.signature)))
        return _exports(source, training, made, worker)


def prove(job: Job, place: Workplace, fresh: bool = False) -> Proof:
    """Makes every target of a job, and judges each on every runtime that was asked for."""
    with _steps(job, place, place.directory / "artifacts", fresh) as (steps, worker):
        training, source = _original(steps, place)
        graph = steps.graph(source)
        converting = steps.convert(graph, steps.options(source.signature))
        with Judges(None, place.log, job.judging) as judges:
            early = list(itertools.islice(converting, _early(job)))
            reference = steps.reference(source, lambda out: _ask_ahead(judges, job, source, early, out))
            judges.recorded(reference)
            judge_original(judges, job, steps, source)
            made = []
            for item in itertools.chain(early, converting):
                made.append(item)
                if isinstance(item, Artifact):
                    submit(judges, job, item, label_of(item))
            verdicts = conclude(judges.verdicts(), reference.answers)
        labelled = {label_of(item): item for item in made if isinstance(item, Artifact)}
        localizer = Localizer(reference, lambda: graph, worker, job, place.directory / REPRODUCERS)
        verdicts = localizer.explain(verdicts, labelled)
        exports = _exports(source, training, tuple(made), worker)
        notes = [*source.notes, *graph.notes]
        notes += [f"{item.target}: {note}" for item in exports.artifacts for note in item.notes]
    verdicts = (*verdicts, *map(_not_made, exports.failures))
    validation = validation_of(job, describe(source, job.name), reference, verdicts, notes)
    return Proof(exports, validation, judges.seconds)


@contextlib.contextmanager
def _steps(job: Job, place: Workplace, artifacts: Path, fresh: bool) -> Iterator[tuple[Steps, Worker]]:
    check_data(job)
    with Worker(place.log, job.conversion.time_s, job.conversion.memory_limit_mb) as worker:
        yield Steps(job, place.directory, artifacts, worker, fresh), worker


def _original(steps: Steps, place: Workplace) -> tuple[TrainingRecord | None, SourceModel]:
    training = steps.train()
    if training is not None:
        remember_run(place.directory, training)
    return training, steps.source(training)


def _exports(
    source: SourceModel,
    training: TrainingRecord | None,
    made: tuple[Artifact | FailedTarget, ...],
    worker: Worker,
) -> Exports:
    artifacts = tuple(item for item in made if isinstance(item, Artifact))
    failures = tuple(item for item in made if isinstance(item, FailedTarget))
    return Exports(source, training, artifacts, failures, worker.peak_mb)


def judge_original(judges: Judges, job: Job, steps: Steps, source: SourceModel) -> None:
    """Has the original itself judged, on those of the job's runtimes that open it."""
    if _runtimes_of(job, ORIGINAL):
        submit(judges, job, steps.original(source), source.path.name)


def submit(judges: Judges, job: Job, artifact: Artifact, label: str) -> None:
    """Has an artifact judged on those of the job's runtimes that open it."""
    for runtime in _runtimes_of(job, artifact.target.format):
        judges.submit(artifact, label, runtime)


def _early(job: Job) -> int:
    """Targets that are made before the original is recorded: up to the first that is asked ahead."""
    slow = [any(map(is_slowest, _runtimes_of(job, target.format))) for target in job.targets]
    return slow.index(True) + 1 if any(slow) else 0


def _ask_ahead(
    judges: Judges, job: Job, source: SourceModel, early: list[Artifact | FailedTarget], directory: Path
) -> None:
    """Has the last of these begun on its slowest runtime, while the reference is recorded."""
    for item in early[-1:]:
        if isinstance(item, Artifact):
            runtime = next(filter(is_slowest, _runtimes_of(job, item.target.format)))
            judges.submit(item, label_of(item), runtime, Recording(directory, source.signature))


def _runtimes_of(job: Job, format: str) -> list[str]:
    return [row.name for row in select((*job.runtimes, *job.require), format)]


def _not_made(failure: FailedTarget) -> Verdict:
    reason = failure.error().in_a_line()
    return Verdict(failure.target.slug, str(failure.target), CONVERSION, "", "error", reason)


def describe(source: SourceModel, name: str) -> dict[str, Any]:
    """The original, as the result names it."""
    return {
        "name": name,
        "path": _portable(source.path),
        "kind": source.kind,
        "loader": source.loader,
        "sha256": source.sha256,
        "notes": list(source.notes),
    }


def _portable(path: Path) -> str:
    """A path that means the same on another machine: below the current directory, or a mere name."""
    return path.relative_to(Path.cwd()).as_posix() if path.is_relative_to(Path.cwd()) else path.name
