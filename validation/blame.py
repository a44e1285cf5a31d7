"""Tells a wrong file from a wrong runtime, by what other engines say of the same file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from validation.split import describe, with_splits
from validation.verdict import UNPROVEN, Verdict


def conclude(verdicts: tuple[Verdict, ...], answers: Path | None = None) -> tuple[Verdict, ...]:
    """The verdicts, each failure with the part that is to blame where another runtime tells.

    Args:
        verdicts: of a whole run.
        answers: where the judges kept what `validation.split` needs; None tells no error apart.

    A file that passes on one runtime (ONNX Runtime without its optimiser, LiteRT's reference kernels)
    and not on another is right, and the other is wrong. One that fails on all, or can't be run on any,
    is wrong itself. What proved nothing blames nobody.
    """
    parted = verdicts if answers is None else with_splits(verdicts, answers)
    return tuple(_conclude(verdict, _others(verdict, parted)) for verdict in parted)


def _others(verdict: Verdict, verdicts: Sequence[Verdict]) -> list[Verdict]:
    """What other runtimes say of the same file."""
    key = verdict.artifact, verdict.target
    return [v for v in verdicts if (v.artifact, v.target) == key and v.runtime != verdict.runtime]


def _conclude(verdict: Verdict, others: list[Verdict]) -> Verdict:
    if not accuses(verdict):
        return verdict
    failed = verdict.verdict == "fail"
    for other in others:
        if other.verdict == "pass":
            word = "is wrong" if failed else "can't run it"
            reason = f"{verdict.reason}; the same file passes on {other.runtime}: {verdict.runtime} {word}"
            return replace(verdict, blame="runtime", reason=reason + _parts(verdict))
    alike = [other.runtime for other in others if accuses(other) and other.verdict == verdict.verdict]
    if not alike:
        return replace(verdict, reason=verdict.reason + _parts(verdict))
    word = "it fails on {} too: the file is wrong" if failed else "{} can't run it either"
    reason = f"{verdict.reason}; {word.format(' and '.join(alike))}"
    return replace(verdict, blame="file", reason=reason + _parts(verdict))


def _parts(verdict: Verdict) -> str:
    """Whose error it is, for the output that fails by the most; "" where that isn't known."""
    wrong = {o.comparison.name for o in verdict.outputs if not o.passed}
    return "".join(f"; {describe(split)}" for split in verdict.split if split.output in wrong)


def accuses(verdict: Verdict) -> bool:
    """Whether a verdict says that something is wrong, and not that nothing was proven or tried."""
    if verdict.verdict == "error":
        return True
    return verdict.verdict == "fail" and not verdict.reason.startswith(UNPROVEN)
