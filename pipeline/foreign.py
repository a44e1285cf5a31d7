"""Judges exports that somebody else made, against the original that they were made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from converters.artifact import Artifact
from converters.errors import EdgeproofError
from converters.source import SourceModel
from converters.target import ExportTarget, all_targets
from pipeline.files import Workplace
from pipeline.job import Job, check_data
from pipeline.judging import Judges
from pipeline.localizing import Localizer
from pipeline.outcome import validation_of
from pipeline.plan import describe, judge_original, submit
from pipeline.steps import Steps
from pipeline.worker import Worker
from validation.foreign import adopt, entry_of
from validation.judge import conclude
from validation.reference import Reference
from validation.result import Validation


def judge_foreign(
    job: Job, paths: tuple[Path, ...], place: Workplace, reproducers: Path
) -> tuple[Validation, Mapping[tuple[str, str], float]]:
    """Verdicts on files or directories, and how long each took.

    Args:
        job: names the original, its data and the runtimes.
        paths: what to judge.
        place: gets the reference.
        reproducers: gets a directory for each failing case that can be made smaller.

    Raises:
        EdgeproofError: a path doesn't exist or is no export, or its inputs and outputs can't be told
            apart.
    """
    for path in paths:
        _check_exists(path)
    check_data(job)
    job = replace(job, targets=_possible(paths))
    with Worker(place.log, job.conversion.time_s, job.conversion.memory_limit_mb) as worker:
        steps = Steps(job, place.directory, place.directory, worker)
        source = steps.source(None)
        reference = steps.reference(source)
    artifacts = _adopt(job, paths, source, reference, place)
    with Judges(reference, place.log, job.judging) as judges:
        judge_original(judges, job, steps, source)
        for path, artifact in artifacts.items():
            submit(judges, job, artifact, str(path))
        verdicts = conclude(judges.verdicts(), reference.answers)
    labelled = {str(path): artifact for path, artifact in artifacts.items()}
    with Worker(place.log, job.conversion.time_s, job.conversion.memory_limit_mb) as worker:
        steps = Steps(job, place.directory, place.directory, worker)
        localizer = Localizer(reference, lambda: steps.graph(source), worker, job, reproducers)
        verdicts = localizer.explain(verdicts, labelled)
    named = describe(source, source.path.name)
    validation = validation_of(job, named, reference, verdicts, source.notes)
    return validation, judges.seconds


def _possible(paths: tuple[Path, ...]) -> tuple[ExportTarget, ...]:
    """What the files may be, by their suffixes: roundings that none can have needn't be measured."""
    formats = {entry_of(path)[1] for path in paths}
    return tuple(target for target in all_targets() if target.format in formats)


def _adopt(
    job: Job, paths: tuple[Path, ...], source: SourceModel, reference: Reference, place: Workplace
) -> dict[Path, Artifact]:
    """Each file opened and its names mapped, in a worker without TensorFlow."""
    with Worker(place.log, job.judging.time_s, job.judging.memory_limit_mb) as worker:
        return {
            path: worker.call(adopt, path=path.absolute(), signature=source.signature, reference=reference)
            for path in paths
        }


def _check_exists(path: Path) -> None:
    if not path.exists():
        raise EdgeproofError(
            f"{path}: no such export",
            got="no file or directory of this name",
            want="a .tflite or .onnx file, or a directory with a TF.js model.json",
            fix="correct the path",
        )
