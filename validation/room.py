"""How much of its limit an output uses: one number for every measure, to compare by and to draw."""

from __future__ import annotations

import math
from decimal import ROUND_CEILING, ROUND_FLOOR, Context

from validation.verdict import MORE_IS_BETTER, Comparison, OutputVerdict, Tolerance


def share_of_limit(comparison: Comparison, tolerance: Tolerance) -> float:
    """1 is just at the limit, above is beyond it; Infinity where nothing keeps it.

    Of decibels it is the ratio of amplitudes; of shares (accuracy, agreement) that of what is lost.
    """
    value, limit = getattr(comparison, tolerance.measure), tolerance.limit
    if value is None or math.isnan(value) or math.isinf(comparison.max_abs):
        return math.inf
    if tolerance.measure == "sqnr_db":
        return 10 ** min((limit - value) / 20, 300.0)
    if tolerance.measure in MORE_IS_BETTER:
        value, limit = max(1 - value, 0.0), 1 - limit
    return value / limit if limit else (math.inf if value else 0.0)


def broken(output: OutputVerdict) -> tuple[Tolerance, ...]:
    """Every limit that an output doesn't keep, the one of its verdict first."""
    if output.passed:
        return ()
    also = (t for t in output.also if share_of_limit(output.comparison, t) > 1)
    return output.tolerance, *also


def needed(tolerance: Tolerance, comparison: Comparison) -> float:
    """The smallest limit (greatest, where more is better) that would have passed; NaN where none would."""
    if math.isinf(comparison.max_abs):
        return math.nan
    if tolerance.measure == "accuracy_kept" and comparison.accuracy is not None:
        found = comparison.accuracy
        return found.low if found.low >= tolerance.limit else found.kept
    value = getattr(comparison, tolerance.measure)
    return math.nan if value is None else float(value)


def in_short(measure: str, limit: float) -> float:
    """Such a limit in three digits, rounded to the side that passes."""
    if not math.isfinite(limit):
        return limit
    side = ROUND_FLOOR if measure in MORE_IS_BETTER else ROUND_CEILING
    return float(Context(prec=3, rounding=side).create_decimal(repr(float(limit))))


def nearest(output: OutputVerdict) -> Tolerance:
    """Of all limits that count, the one that an output is nearest to, or furthest beyond."""
    limits = (output.tolerance, *output.also)
    return max(limits, key=lambda tolerance: share_of_limit(output.comparison, tolerance))


def used(output: OutputVerdict) -> float:
    """`share_of_limit` of the limit that an output is nearest to."""
    return share_of_limit(output.comparison, nearest(output))


def worst(outputs: tuple[OutputVerdict, ...]) -> OutputVerdict | None:
    """The output that is nearest to a limit, or furthest beyond; None without any."""
    return max(outputs, key=used, default=None)
