"""The outcome of a trial in a sentence."""

from __future__ import annotations

from collections.abc import Sequence

from validation.accuracy import describe_accuracy
from validation.expected import Reference
from validation.feed import NATURAL
from validation.limits import why_unproven
from validation.verdict import MORE_IS_BETTER, UNPROVEN, OutputVerdict


def reason_of(outputs: Sequence[OutputVerdict], samples: int, reference: Reference) -> str:
    """Why an artifact passes or fails that was run to the end.

    Args:
        outputs: the verdict on each; none where no sample could be tried.
        samples: how many were compared.
        reference: what they were held against.
    """
    failed = [output for output in outputs if not output.passed]
    if not outputs:
        return f"{UNPROVEN}: the file takes none of the samples"
    if not failed:
        word = "output keeps its limit" if len(outputs) == 1 else "outputs keep their limits"
        return f"{len(outputs)} {word} over {samples} samples"
    wrong = [output for output in failed if output.proven]
    if wrong:
        more = f" ({len(wrong)} of {len(outputs)} outputs fail)" if len(outputs) > 1 else ""
        return _describe(wrong[0]) + more
    name = failed[0].comparison.name
    return f"{UNPROVEN} for {name}: {why_unproven(failed[0], reference.output(name))}"


def _describe(output: OutputVerdict) -> str:
    c, t = output.comparison, output.tolerance
    if t.measure == "accuracy_kept" and c.accuracy is not None:
        return f"{c.name}: {describe_accuracy(c.accuracy)}, want {100 * t.limit:g} %"
    value = getattr(c, t.measure)
    sign = "<" if t.measure in MORE_IS_BETTER else ">"
    by = "" if output.found_by in ("", *NATURAL) else f"; found by {output.found_by}"
    return (
        f"{c.name}: {t.measure} {value:.3g} {sign} {t.limit:.3g}, worst at {list(c.worst_index)}: "
        f"expected {c.worst_expected}, got {c.worst_actual}{by}"
    )
