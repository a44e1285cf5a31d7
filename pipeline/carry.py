"""Exports, original and answers in one directory, to be judged on a machine that has no TensorFlow.

carried.json      what there is; its paths are relative to the directory
artifacts/        one folder for each target
original/         the model, for runtimes that open it
reference/        the inputs, and what the original answers
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from converters.artifact import Artifact
from converters.errors import EdgeproofError, ExitStatus
from converters.serial import from_plain, to_plain
from converters.target import ORIGINAL, ExportTarget
from pipeline.cache import moved
from pipeline.files import Workplace, write_text
from pipeline.job import Job, check_data
from pipeline.judging import Judges
from pipeline.outcome import all_well, in_order
from pipeline.places import scratch
from pipeline.plan import describe, runtimes_of
from pipeline.state import label_of
from pipeline.steps import FailedTarget, Steps
from pipeline.versions import tool_versions
from pipeline.worker import Worker
from validation.judge import conclude
from validation.reference import Reference
from validation.verdict import SCHEMA, Validation

CARRIED = "carried.json"
_HERE = "HERE:"
"""Stands where a path of the record starts with the directory itself."""


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


def carry(job: Job, place: Workplace) -> Carried:
    """Makes a job's exports and records the original's answers, into the work directory.

    Raises:
        EdgeproofError: an export could not be made.
    """
    check_data(job)
    here = place.directory
    limits = job.conversion
    with scratch(place) as work, Worker(place.log, limits.time_s, limits.memory_limit_mb) as worker:
        # Everything is made in its final place, except for what is only needed on the way.
        steps = Steps(job, work.directory, here / "artifacts", worker)
        training = steps.train()
        source = steps.source(training)
        graph = steps.graph(source)
        artifacts = tuple(map(_made, steps.convert(graph, steps.options(source.signature))))
        reference = steps.reference(source)
        found = Carried(
            name=job.name,
            source=describe(source, job.name),
            artifacts=artifacts,
            original=steps.original(source),
            reference=reference,
            allow_failing=job.allow_failing,
            notes=(*source.notes, *graph.notes, *reference.notes),
        )
        plain = to_plain(found)
        for name in ("reference", "original"):
            (work.directory / name).replace(here / name)
    plain = moved(plain, str(work.directory.absolute()), str(here.absolute()))
    write_text(here / CARRIED, json.dumps(moved(plain, str(here.absolute()), _HERE), indent=1) + "\n")
    return from_plain(plain, Carried)


def read_carried(directory: Path) -> Carried:
    """What such a directory holds, wherever it lies now.

    Raises:
        EdgeproofError: it is not one, or one of another version.
    """
    path = directory / CARRIED
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
        return from_plain(moved(plain, _HERE, str(directory.absolute())), Carried)
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
        job: names the runtimes.
        log: for what engines print.
    """
    with Judges(carried.reference, log, job.judging) as judges:
        for runtime in runtimes_of(job, ORIGINAL):
            judges.submit(carried.original, str(carried.source["path"]), runtime)
        for artifact in carried.artifacts:
            for runtime in runtimes_of(job, artifact.target.format):
                judges.submit(artifact, label_of(artifact), runtime)
        verdicts = in_order(conclude(judges.verdicts(), carried.reference.answers))
    signature = carried.reference.signature
    validation = Validation(
        schema=SCHEMA,
        ok=all_well(verdicts, {str(target) for target in carried.allow_failing}),
        source=carried.source,
        inputs=signature.inputs,
        outputs=signature.outputs,
        data=carried.reference.data,
        samples=carried.reference.samples,
        verdicts=verdicts,
        tools=tool_versions(),
        notes=carried.notes,
    )
    return validation, judges.seconds


def _made(item: Artifact | FailedTarget) -> Artifact:
    if isinstance(item, Artifact):
        return item
    raise EdgeproofError(
        item.what, got=item.got, want=item.want, fix=item.fix, status=ExitStatus.CONVERSION_FAILED
    )
