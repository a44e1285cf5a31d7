"""Exports, original and answers in one directory, to be judged on a machine that has no TensorFlow.

carried/record.json   what there is; its paths are relative to this directory
carried/artifacts/    one folder for each target
carried/original/     the model, for runtimes that open it
carried/reference/    the inputs, and what the original answers
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

import msgspec

from converters.artifact import Artifact
from converters.errors import EdgeproofError
from converters.serial import from_plain, to_plain
from converters.target import ExportTarget
from converters.writing import write_text
from pipeline.cache import build_directory, moved
from pipeline.files import Workplace
from pipeline.job import Job, check_data
from pipeline.judging import Judges
from pipeline.outcome import validation_of
from pipeline.places import scratch
from pipeline.plan import describe, submit
from pipeline.state import label_of
from pipeline.steps import FailedTarget, Steps
from pipeline.worker import Worker
from validation.judge import conclude
from validation.reference import Reference
from validation.result import Validation

CARRIED = Path("carried")
"""Below the directory that is copied; replaced whole, or not at all."""

_RECORD = CARRIED / "record.json"
_HERE = "HERE:"
"""Stands where a path of the record starts with the directory of the record."""


@dataclass(frozen=True, slots=True)
class Carried:
    """What is judged elsewhere.

    Attributes:
        name: of the model.
        source: the original, as the result names it.
        artifacts: the exports, in registry order.
        original: the model itself as an artifact, and under which name it is reported.
        reference: what it answers.
        allow_failing: targets that need not pass.
        notes: for the report.
    """

    name: str
    source: dict[str, Any]
    artifacts: tuple[Artifact, ...]
    original: Artifact
    reference: Reference
    allow_failing: tuple[ExportTarget, ...]
    notes: tuple[str, ...]


def is_carried(path: Path) -> bool:
    """Whether `carry` has filled a directory."""
    return (path / _RECORD).is_file()


def carry(job: Job, place: Workplace) -> Carried:
    """Makes a job's exports and records the original's answers, below the work directory.

    What an earlier call left there stays until all is made.

    Raises:
        EdgeproofError: an export could not be made.
    """
    check_data(job)

    def make(out: Path) -> Carried:
        with scratch(place) as work:
            found = _make(job, work, out / "artifacts")
            for name in ("reference", "original"):
                (work.directory / name).rename(out / name)
            plain = moved(to_plain(found), str(work.directory), str(out))
        write_text(out / _RECORD.name, json.dumps(moved(plain, str(out), _HERE), indent=1) + "\n")
        return from_plain(plain, Carried)

    return build_directory(Carried, place.directory / CARRIED, make)


def _make(job: Job, work: Workplace, artifacts: Path) -> Carried:
    """Everything, with the answers and the original in the work directory."""
    limits = job.conversion
    with Worker(work.log, limits.time_s, limits.memory_limit_mb) as worker:
        steps = Steps(job, work.directory, artifacts, worker)
        source = steps.source(steps.train())
        graph = steps.graph(source)
        made = tuple(map(_made, steps.convert(graph, steps.options(source.signature))))
        return Carried(
            name=job.name,
            source=describe(source, job.name),
            artifacts=made,
            original=steps.original(source),
            reference=steps.reference(source),
            allow_failing=job.allow_failing,
            notes=(*source.notes, *graph.notes),
        )


def _made(item: Artifact | FailedTarget) -> Artifact:
    if isinstance(item, FailedTarget):
        raise item.error()
    return item


def read_carried(directory: Path) -> Carried:
    """What such a directory holds, wherever it lies now.

    Raises:
        EdgeproofError: it is of another version.
    """
    path = directory / _RECORD
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
        return from_plain(moved(plain, _HERE, str(path.parent.absolute())), Carried)
    except (OSError, ValueError, msgspec.ValidationError) as error:
        raise EdgeproofError(
            f"{path}: can't be read",
            got=str(error),
            want="what this version of edgeproof wrote",
            fix="edgeproof carry RECIPE -o DIR, with the same version",
        ) from error


def judge_carried(
    carried: Carried, job: Job, log: Path
) -> tuple[Validation, Mapping[tuple[str, str], float]]:
    """Verdicts on all of it, and how long each took.

    Args:
        job: names the runtimes, and the targets that may fail.
        log: for what engines print.
    """
    reference = carried.reference
    shutil.rmtree(reference.answers, ignore_errors=True)  # of an earlier call, maybe with an older version
    with Judges(reference, log, job.judging) as judges:
        submit(judges, job, carried.original, PurePath(carried.source["path"]).name)
        for artifact in carried.artifacts:
            submit(judges, job, artifact, label_of(artifact))
        verdicts = conclude(judges.verdicts(), reference.answers)
    return validation_of(job, carried.source, reference, verdicts, carried.notes), judges.seconds
