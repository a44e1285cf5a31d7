"""A small picture of the errors of one output: their quantiles on a logarithmic axis, and the limit."""

from __future__ import annotations

import math
from dataclasses import dataclass

from validation.verdict import Comparison, Tolerance

WIDTH, HEIGHT, MARGIN = 220, 24, 7

LEFT_DECADES = 3
"""The axis begins this many decades under the greatest error or the limit, or at the median."""


@dataclass(frozen=True, slots=True)
class Axis:
    """From error to pixels, logarithmic."""

    low: float
    high: float

    def x(self, value: float) -> float:
        """Pixels from the left; what lies outside stands at the edge."""
        if value <= 0 or math.isnan(value):
            return MARGIN
        share = (math.log10(min(value, 1e308)) - self.low) / (self.high - self.low)
        return round(MARGIN + max(0.0, min(1.0, share)) * (WIDTH - 2 * MARGIN), 1)


@dataclass(frozen=True, slots=True)
class Figure:
    """Where to draw: all in pixels, None where there is nothing to draw.

    Attributes:
        band: from the median to the 99th percentile.
        tail: from there to the greatest error.
        limit: of the measure, in the same units.
        measured: what is held against the limit (greatest error, or root mean square error).
        title: the same in words.
    """

    band: tuple[float, float]
    tail: tuple[float, float]
    limit: float | None
    measured: float
    title: str
    width: int = WIDTH
    height: int = HEIGHT


def axis_for(pairs: list[tuple[Comparison, Tolerance]]) -> Axis:
    """One axis for all runtimes of an output, so that their pictures compare."""
    values = [v for c, t in pairs for v in (c.max_abs, limit_in_units(c, t), c.quantiles.get("p50")) if v]
    logs = [math.log10(v) for v in values if math.isfinite(v) and v > 0]
    if not logs:
        return Axis(-1.0, 1.0)
    high = max(logs)
    return Axis(min(*logs, high - LEFT_DECADES), high + 0.15)


def draw(comparison: Comparison, tolerance: Tolerance, axis: Axis) -> Figure | None:
    """The picture; None where no element differs."""
    if comparison.max_abs == 0 or not comparison.quantiles:
        return None
    median, high = comparison.quantiles.get("p50", 0.0), comparison.quantiles.get("p99", 0.0)
    limit = limit_in_units(comparison, tolerance)
    held = comparison.rmse if tolerance.measure == "sqnr_db" else comparison.max_abs
    title = (
        f"half of the errors up to {median:.2g}, 99 % up to {high:.2g}, all up to {comparison.max_abs:.2g}"
    )
    return Figure(
        band=(axis.x(median), axis.x(high)),
        tail=(axis.x(high), axis.x(comparison.max_abs)),
        limit=None if limit is None else axis.x(limit),
        measured=axis.x(held),
        title=title if limit is None else f"{title}; limit {limit:.2g}",
    )


def limit_in_units(comparison: Comparison, tolerance: Tolerance) -> float | None:
    """The limit in the output's own units; of `sqnr_db` for the root mean square error.

    None where a limit has no such units, or nothing was measured to convert it with.
    """
    if tolerance.measure == "max_abs":
        return tolerance.limit
    if tolerance.measure == "max_rel_range":
        span = comparison.expected_max - comparison.expected_min
        return tolerance.limit * span if math.isfinite(span) else None
    if tolerance.measure == "sqnr_db" and math.isfinite(comparison.sqnr_db) and comparison.rmse > 0:
        return comparison.rmse * 10 ** ((comparison.sqnr_db - tolerance.limit) / 20)
    return None
