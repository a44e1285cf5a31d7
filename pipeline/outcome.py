"""What the verdicts of a run come to: the result, whether all is well, and the exit status."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from converters.errors import ExitStatus
from converters.target import ORIGINAL, all_targets
from pipeline.job import Job
from pipeline.versions import tool_versions
from validation.expected import Reference
from validation.result import SCHEMA, Validation
from validation.runtimes import select
from validation.verdict import Verdict, proven

CONVERSION = "conversion"
"""Stands where a verdict names its runtime, when there was no artifact to run."""


def validation_of(
    job: Job,
    source: Mapping[str, Any],
    reference: Reference,
    verdicts: tuple[Verdict, ...],
    notes: Iterable[str],
) -> Validation:
    """The result of a run.

    Args:
        job: says what may fail.
        source: the original, as the result names it.
        reference: what it answers.
        verdicts: in any order.
        notes: what a reader should know, besides those of the reference.
    """
    return Validation(
        schema=SCHEMA,
        ok=all_well(verdicts, {str(target) for target in job.allow_failing}),
        source=source,
        inputs=reference.signature.inputs,
        outputs=reference.signature.outputs,
        data=reference.data,
        samples=reference.samples,
        verdicts=in_order(verdicts),
        tools=tool_versions(),
        notes=(*notes, *reference.notes),
        truth=reference.truth,
    )


def all_well(verdicts: Collection[Verdict], allowed: Collection[str] = ()) -> bool:
    """Whether each artifact that isn't allowed to fail has passed; no verdict at all proves nothing.

    The original is no export: a runtime for it may be missing.

    Args:
        verdicts: of a whole run.
        allowed: targets that may fail, such as "tflite:int8".
    """
    present = [verdict for verdict in verdicts if not _is_absent_original(verdict)]
    judged = {verdict.artifact for verdict in present if verdict.target not in allowed}
    return bool(present) and all(proven(verdicts, artifact) for artifact in judged)


def _is_absent_original(verdict: Verdict) -> bool:
    return verdict.target.startswith(f"{ORIGINAL}:") and verdict.verdict == "unavailable"


def exit_status(
    verdicts: Collection[Verdict], required: Collection[str] = (), allowed: Collection[str] = ()
) -> ExitStatus:
    """The exit status of a run; the first of these that holds.

    A conversion failed: 3. A verdict is `fail` or `error`: 1. A required runtime is not here or had
    nothing to run, or an artifact could be tried nowhere: 4. So 4 always means that whatever could
    be tried was right.

    Args:
        verdicts: of a whole run.
        required: names of runtimes that must have judged something.
        allowed: targets that may fail.
    """
    counted = [verdict for verdict in verdicts if verdict.target not in allowed]
    wrong = [verdict for verdict in counted if verdict.verdict in ("fail", "error")]
    if any(verdict.runtime == CONVERSION for verdict in wrong):
        return ExitStatus.CONVERSION_FAILED
    if wrong:
        return ExitStatus.VERDICT_FAILED
    if missing_runtimes(verdicts, required) or not all_well(verdicts, allowed):
        return ExitStatus.UNAVAILABLE
    return ExitStatus.OK


def missing_runtimes(verdicts: Collection[Verdict], required: Collection[str]) -> list[str]:
    """Required runtimes that are not here, or that no artifact was judged on."""
    here = {verdict.runtime for verdict in verdicts if verdict.verdict != "unavailable"}
    return [name for name in required if name not in here]


def in_order(verdicts: tuple[Verdict, ...]) -> tuple[Verdict, ...]:
    """Verdicts in the order of targets and runtimes, whichever came in first."""
    targets = [str(target) for target in all_targets()]
    runtimes = [row.name for row in select(("all",))]

    def rank(verdict: Verdict) -> tuple[int, str, int]:
        return _place(verdict.target, targets), verdict.artifact, _place(verdict.runtime, runtimes)

    return tuple(sorted(verdicts, key=rank))


def _place(name: str, known: list[str]) -> int:
    return known.index(name) if name in known else len(known)
