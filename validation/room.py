"""How much of its limit an output uses: one number for every measure, to compare by and to draw."""

from __future__ import annotations

import math

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


def used(output: OutputVerdict) -> float:
    """`share_of_limit` of an output that was judged."""
    return share_of_limit(output.comparison, output.tolerance)


def worst(outputs: tuple[OutputVerdict, ...]) -> OutputVerdict | None:
    """The output that is nearest to its limit, or furthest beyond; None without any."""
    return max(outputs, key=used, default=None)
