"""Runs an artifact on a runtime, holds it against the original, and says what that proves.

    check hashes ─► open ─► every batch through the same session ─► some calls again ─► latency ─► verdict

Nothing raises for a fault of the artifact or the runtime: it becomes a verdict that is not "pass".
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace

from converters.artifact import Artifact, check_files
from converters.errors import EdgeproofError, ExitStatus
from converters.progress import advance
from validation.ahead import open_session
from validation.blame import conclude
from validation.expected import Reference
from validation.latency import measure
from validation.runtime import Runtime
from validation.split import differences_of
from validation.trial import FailedError, Trial
from validation.verdict import Outcome, Verdict
from validation.weights.check import with_weights

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
            session, load_s = open_session(chosen, artifact, stack)
            device = session.device
            gpu = "gpu" in chosen.groups
            trial = Trial(artifact, reference, session, chosen.arithmetic, on_gpu=gpu)
            if not artifact.target.is_base:
                trial.keep(differences_of(reference.answers, label, str(artifact.target), chosen.name))
            verdict = _try(trial, verdict_without_run(artifact, chosen.name, label, "fail", ""), reference)
            verdict = with_weights(verdict, artifact, reference)
            device = session.device
            latency = measure(session, trial.steadiness.sample(), load_s) if verdict.samples else None
            return replace(verdict, device=device, latency=latency)
    except EdgeproofError as error:
        gone = error.status is ExitStatus.UNAVAILABLE
        reason = f"{error.what}; {error.fix}" if gone else error.in_a_line()
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


def _try(trial: Trial, base: Verdict, reference: Reference) -> Verdict:
    try:
        for batch in reference.batches():
            trial.add(batch)
            done = batch.first_sample + batch.samples
            advance(f"{base.artifact} on {base.runtime}", done, reference.samples)
        trial.repeat()
    except FailedError as error:
        return _found(trial, base, str(error), False)
    outputs = trial.outputs()
    passed = bool(outputs) and all(output.passed for output in outputs) and not trial.not_taken
    return _found(trial, base, trial.reason(outputs), passed)


def _found(trial: Trial, base: Verdict, reason: str, passed: bool) -> Verdict:
    return replace(
        base,
        verdict="pass" if passed else "fail",
        reason=reason,
        samples=trial.samples,
        outputs=trial.outputs(),
        outside=tuple(trial.outside),
        notes=(*base.notes, *trial.notes),
    )
