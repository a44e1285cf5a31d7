"""Tells a wrong file from a wrong runtime, by what a second engine says of the same file."""

from __future__ import annotations

from dataclasses import replace

from validation.verdict import UNPROVEN, Verdict

SIBLINGS = {
    "litert-cpu": "litert-reference",
    "litert-reference": "litert-cpu",
    "onnxruntime-cpu": "onnxruntime-unoptimized",
    "onnxruntime-unoptimized": "onnxruntime-cpu",
    "tfjs-node-cpu": "tfjs-node-wasm",
    "tfjs-node-wasm": "tfjs-node-cpu",
}
"""The same format, other kernels or no optimiser."""


def conclude(verdicts: tuple[Verdict, ...]) -> tuple[Verdict, ...]:
    """The verdicts, each failure with the part that is to blame where a sibling runtime tells.

    A file that passes on one runtime and not on its sibling is right, and the sibling is wrong. One that
    fails on both, or can't be run on either, is wrong itself. What proved nothing blames nobody.
    """
    known = {(verdict.artifact, verdict.target, verdict.runtime): verdict for verdict in verdicts}
    return tuple(_conclude(verdict, known.get(_sibling_key(verdict))) for verdict in verdicts)


def _sibling_key(verdict: Verdict) -> tuple[str, str, str]:
    return verdict.artifact, verdict.target, SIBLINGS.get(verdict.runtime, "")


def _conclude(verdict: Verdict, sibling: Verdict | None) -> Verdict:
    if sibling is None or not accuses(verdict):
        return verdict
    if sibling.verdict == "pass":
        word = "is wrong" if verdict.verdict == "fail" else "can't run it"
        reason = f"{verdict.reason}; the same file passes on {sibling.runtime}: {verdict.runtime} {word}"
        return replace(verdict, blame="runtime", reason=reason)
    if verdict.verdict == sibling.verdict and accuses(sibling):
        reason = f"{verdict.reason}; it does so on {sibling.runtime} too: the file is wrong"
        return replace(verdict, blame="file", reason=reason)
    return verdict


def accuses(verdict: Verdict) -> bool:
    """Whether a verdict says that something is wrong, and not that nothing was proven or tried."""
    if verdict.verdict == "error":
        return True
    return verdict.verdict == "fail" and not verdict.reason.startswith(UNPROVEN)
