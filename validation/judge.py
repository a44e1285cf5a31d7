"""Runs an artifact on a runtime, holds it against the original, and says what that proves.

    check hashes ─► open ─► every batch through the same session ─► first call again ─► latency ─► verdict

Nothing raises for a fault of the artifact or the runtime: it becomes a verdict that is not "pass".
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import replace

from converters.artifact import Artifact, check_files
from converters.errors import EdgeproofError, ExitStatus
from converters.progress import advance
from validation.blame import conclude
from validation.expected import Reference
from validation.latency import measure
from validation.runtime import Runtime, Session
from validation.trial import FailedError, Trial
from validation.verdict import Outcome, Verdict

__all__ = ["conclude", "judge", "verdict_without_run"]


def judge(*, artifact: Artifact, runtime_name: str, reference: Reference, label: str) -> Verdict:
    """The verdict on one artifact on one runtime.

    Args:
        artifact: as its converter or `validation.foreign.adopt` recorded it.
        runtime_name: a name of `validation.runtimes.RUNTIMES`.
        reference: the original's answers.
        label: what the user calls the artifact.

    Raises:
        EdgeproofError: there is no runtime of that name, or it doesn't open this format.
    """
    from validation.runtimes import runtime

    chosen = runtime(runtime_name)
    if artifact.target.format not in chosen.formats:
        raise EdgeproofError(
            f"{label}: {runtime_name} does not open this format",
            got=artifact.target.format,
            want=" or ".join(sorted(chosen.formats)),
            fix=f"choose a runtime for {artifact.target.format}",
        )
    return judge_on(chosen, artifact, reference, label)


def judge_on(chosen: Runtime, artifact: Artifact, reference: Reference, label: str) -> Verdict:
    """As `judge`, on a runtime that is given."""
    hint = chosen.missing()
    if hint is not None:
        return verdict_without_run(artifact, chosen.name, label, "unavailable", hint)
    device = ""
    try:
        check_files(artifact.directory, artifact.files, alone=False)
        with ExitStack() as stack:
            start = time.perf_counter()
            session = stack.enter_context(chosen.open(artifact))
            device = session.device
            load_s = time.perf_counter() - start
            verdict = _try(session, artifact, reference, label, chosen)
            device = session.device
            latency = measure(session, artifact, reference, load_s) if verdict.samples else None
            return replace(verdict, device=device, latency=latency)
    except EdgeproofError as error:
        gone = error.status is ExitStatus.UNAVAILABLE
        reason = (
            f"{error.what}: got {error.got}; want {error.want}" if not gone else f"{error.what}; {error.fix}"
        )
        outcome: Outcome = "unavailable" if gone else "error"
        return replace(verdict_without_run(artifact, chosen.name, label, outcome, reason), device=device)
    except Exception as error:  # an engine may raise anything; it is the verdict, with its text
        reason = f"{type(error).__name__}: {error}"
        return replace(verdict_without_run(artifact, chosen.name, label, "error", reason), device=device)


def verdict_without_run(
    artifact: Artifact, runtime_name: str, label: str, outcome: Outcome, reason: str
) -> Verdict:
    """The verdict on an artifact that could not be run to the end."""
    return Verdict(
        artifact=label,
        target=str(artifact.target),
        runtime=runtime_name,
        device="",
        verdict=outcome,
        reason=" ".join(reason.split()),
        size_bytes=artifact.size_bytes,
        notes=artifact.notes,
    )


def _try(session: Session, artifact: Artifact, reference: Reference, label: str, chosen: Runtime) -> Verdict:
    name = chosen.name
    trial = Trial(artifact, reference, chosen.arithmetic)
    base = verdict_without_run(artifact, name, label, "fail", "")
    try:
        for batch in reference.batches():
            trial.add(session, batch)
            advance(f"{label} on {name}", batch.first_sample + batch.samples, reference.samples)
        trial.repeat_first(session)
    except FailedError as error:
        return replace(base, reason=str(error), samples=trial.samples, outputs=trial.outputs())
    outputs = trial.outputs()
    passed = bool(outputs) and all(output.passed for output in outputs) and not trial.not_taken
    return replace(
        base,
        verdict="pass" if passed else "fail",
        reason=trial.reason(outputs),
        samples=trial.samples,
        outputs=outputs,
    )
