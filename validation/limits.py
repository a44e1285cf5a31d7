"""All limits of one output, and what a comparison comes to when it is held against them.

The recipe's, where it sets some; else the derived ones: of a float32 or half-precision export its noise,
of a quantized one its budget. A budget has several parts, and all of them must be kept, but for labels
that suffice to show that the accuracy is: then that is what counts.
"""

from __future__ import annotations

import math
from dataclasses import replace

from converters.errors import EdgeproofError
from converters.target import ExportTarget
from validation.accuracy import Accuracy
from validation.coarser import rounds_between
from validation.dtypes import is_float
from validation.expected import OutputReference
from validation.limit import Limit
from validation.quantized import QUANTIZED, SAME_CLASSES, element_tolerance, for_samples
from validation.room import needed
from validation.runtime import Arithmetic
from validation.tolerance import (
    find_unproven,
    find_unsimulated,
    noise_tolerance,
    passes,
    rms_tolerance,
    tolerance_for,
)
from validation.verdict import Comparison, OutputVerdict, Tolerance

ACCURACY_KEPT = 0.99
"""Of the original's accuracy. Source: MLPerf Inference's rules, "99 % of the FP32 reference accuracy"."""

Tolerances = tuple[Tolerance, ...]


def limits_for(
    target: ExportTarget,
    output: OutputReference,
    arithmetic: Arithmetic = "float32",
    *,
    limit: Limit | None = None,
    labelled: bool = False,
    on_gpu: bool = False,
) -> Tolerances:
    """The limits of one output, the one that matters most first.

    Args:
        target: of the export.
        output: of the original.
        arithmetic: of the runtime.
        limit: what the user set, or None.
        labelled: the data's labels belong to this output.
        on_gpu: the runtime's kernels may sum in half precision what a file has in it.

    Raises:
        EdgeproofError: the user's limit has a measure that this output doesn't.
    """
    if limit is not None:
        return _set(limit, output, labelled)
    derived = tolerance_for(target, output, arithmetic)
    if derived.measure == "noise_ratio":
        return derived, rms_tolerance(target, output)
    if rounds_between(target) and is_float(output.spec.dtype):
        return _in_half(derived, target, output, exact=arithmetic == "float32" and not on_gpu)
    if target.precision not in QUANTIZED or not is_float(output.spec.dtype):
        return (derived,)
    parts = [derived, element_tolerance(target, output, derived)]
    if labelled:
        parts.insert(0, _accuracy(ACCURACY_KEPT, "what MLPerf Inference asks of a quantized model"))
    elif output.is_scores:
        parts.append(SAME_CLASSES)
    return tuple(parts)


def _in_half(sqnr: Tolerance, target: ExportTarget, output: OutputReference, *, exact: bool) -> Tolerances:
    """For half precision between the ops: by the signal, and by elements where that can be simulated.

    Args:
        exact: ops compute in float32, as the simulation does in float64.
    """
    why = find_unsimulated(output) if exact else "the runtime may compute in half precision"
    if why:
        return (replace(sqnr, reason=f"{sqnr.reason}; elements aren't judged one by one: {why}"),)
    return sqnr, noise_tolerance(target, output), rms_tolerance(target, output)


def _set(limit: Limit, output: OutputReference, labelled: bool) -> Tolerances:
    """The user's limits as tolerances."""
    reason = "set by the user"
    parts = []
    if limit.accuracy is not None:
        _require(labelled, "accuracy", output, "labels that belong to it", "name them with labels in [data]")
        parts.append(_accuracy(limit.accuracy, reason))
    if limit.agreement is not None:
        names_classes = not is_float(output.spec.dtype) or len(output.spec.shape) >= 2
        _require(
            names_classes,
            "agreement",
            output,
            "an output of integers or score vectors",
            "limit it by another measure",
        )
        parts.append(Tolerance("argmax_agreement", limit.agreement, reason))
    if limit.sqnr_db is not None:
        _require(
            is_float(output.spec.dtype), "sqnr_db", output, "an output of floats", "limit it by agreement"
        )
        parts.append(Tolerance("sqnr_db", limit.sqnr_db, reason))
    if limit.rtol is not None:
        _require(is_float(output.spec.dtype), "rtol", output, "an output of floats", "limit it by agreement")
        pair = f"rtol {limit.rtol:g} and atol {limit.atol:g}, {reason}"
        parts.append(Tolerance("allclose_ratio", 1.0, pair))
    return tuple(parts)


def _require(holds: bool, measure: str, output: OutputReference, want: str, fix: str) -> None:
    if not holds:
        raise EdgeproofError(
            f"limit of {output.spec.name}: {measure} can't be measured there",
            got=str(output.spec),
            want=want,
            fix=fix,
        )


def _accuracy(share: float, why: str) -> Tolerance:
    return Tolerance("accuracy_kept", share, f"{100 * share:g} % of the original's accuracy: {why}")


def settle(
    tolerances: Tolerances, comparison: Comparison, output: OutputReference, *, by_user: bool = False
) -> OutputVerdict:
    """What a comparison comes to: the first limit that is broken, or the one that matters most.

    Labels decide alone where they suffice, unless the user set limits beside theirs. Too few of them leave
    it to the other limits, as long as at least the share that is asked for was kept; if it wasn't, nothing
    is proven.

    Args:
        tolerances: as `limits_for` gives them.
        comparison: of the whole trial.
        output: of the original.
        by_user: the user set them: all must be kept.
    """
    first, rest = tolerances[0], tolerances[1:]
    if first.measure == "accuracy_kept":
        doubt = find_doubt(first, comparison)
        if not doubt and not by_user:
            return _verdict(first, (), comparison, output)
        if doubt:
            first = Tolerance(first.measure, first.limit, f"{first.reason}; {doubt}")
        kept = comparison.accuracy_kept is not None and comparison.accuracy_kept >= first.limit
        if doubt and not kept:
            return _verdict(first, rest, comparison, output, open_question=True)
    counts = comparison.score_vectors, comparison.close_calls
    parts = [for_samples(part, *counts) if part == SAME_CLASSES else part for part in (first, *rest)]
    broken = next((part for part in parts if not passes(part, comparison)), first)
    return _verdict(broken, tuple(part for part in parts if part is not broken), comparison, output)


def _verdict(
    tolerance: Tolerance,
    also: Tolerances,
    comparison: Comparison,
    output: OutputReference,
    open_question: bool = False,
) -> OutputVerdict:
    proven = not find_unproven(tolerance, output) and not open_question
    kept = passes(tolerance, comparison)
    return OutputVerdict(
        comparison,
        tolerance,
        kept and proven,
        proven or (not kept and not open_question),
        needed=needed(tolerance, comparison),
        also=also,
    )


def why_unproven(verdict: OutputVerdict, output: OutputReference) -> str:
    """Why an output that is not proven isn't, in a sentence."""
    if verdict.tolerance.measure == "accuracy_kept":
        return find_doubt(verdict.tolerance, verdict.comparison)
    return find_unproven(verdict.tolerance, output)


def find_doubt(tolerance: Tolerance, comparison: Comparison) -> str:
    """Why labels can't tell whether the accuracy is kept, in a sentence; "" where they can."""
    found = comparison.accuracy
    if found is None or math.isnan(found.kept):
        return "the original gets no sample right"
    if found.constant >= tolerance.limit * found.original:
        return (
            f"the commonest label alone makes {100 * found.constant:.1f} %, so that accuracy proves nothing"
        )
    if found.low >= tolerance.limit or found.high < tolerance.limit:
        return ""
    more = _enough(found, tolerance.limit)
    hint = f"; about {more} would" if more else ""
    return (
        f"{found.samples} samples can't tell, {100 * found.kept:.1f} % kept being anything from "
        f"{100 * found.low:.1f} % to {100 * found.high:.1f} %{hint}"
    )


def _enough(found: Accuracy, limit: float) -> int:
    """Samples that would settle it if they came out alike: an interval shrinks with their square root."""
    distance = abs(found.kept - limit)
    if not distance:
        return 0
    reach = found.kept - found.low if found.kept > limit else found.high - found.kept
    wanted = found.samples * (reach / distance) ** 2
    digits = max(len(str(int(wanted))) - 2, 0)
    return math.ceil(wanted / 10**digits) * 10**digits
