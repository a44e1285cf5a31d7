"""One output on all runtimes: its limits with their reasons, and a row for each runtime."""

from __future__ import annotations

from dataclasses import dataclass

from validation.feed import NATURAL
from validation.report import text
from validation.report.figure import Gauge, Shares, gauge, shares
from validation.room import in_short
from validation.verdict import Comparison, OutputVerdict, Tolerance, Verdict


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit in words, and the runtimes that it is not the same for all of."""

    measure: str
    limit: str
    reason: str
    runtimes: str


@dataclass(frozen=True, slots=True)
class Row:
    """One output on one runtime.

    Attributes:
        limit: what it was held against.
        needed: the smallest limit that would have passed.
        found: what kind of sample broke the limit, and after how many.
        split: whose the error is; None where that isn't known.
    """

    runtime: str
    outcome: str
    measured: str
    limit: str
    needed: str
    gauge: Gauge
    rmse: str
    sqnr: str
    top_class: str
    accuracy: str
    split: Shares | None
    worst: tuple[str, str, str]
    oddities: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Output:
    """One output on all runtimes."""

    name: str
    limits: tuple[Limit, ...]
    has_scores: bool
    has_accuracy: bool
    has_split: bool
    rows: tuple[Row, ...]


def outputs_of(verdicts: tuple[Verdict, ...]) -> tuple[Output, ...]:
    """Every output of an export, in the order of the result."""
    names = dict.fromkeys(output.comparison.name for verdict in verdicts for output in verdict.outputs)
    return tuple(_output(name, verdicts) for name in names)


def _output(name: str, verdicts: tuple[Verdict, ...]) -> Output:
    found = [(v, o) for v in verdicts for o in v.outputs if o.comparison.name == name]
    rows = tuple(_row(verdict, output) for verdict, output in found)
    return Output(
        name=name,
        limits=_limits(found),
        has_scores=any(row.top_class for row in rows),
        has_accuracy=any(row.accuracy for row in rows),
        has_split=any(row.split for row in rows),
        rows=rows,
    )


def _limits(found: list[tuple[Verdict, OutputVerdict]]) -> tuple[Limit, ...]:
    """Each limit once, with its runtimes where it isn't that of all."""
    runtimes: dict[Tolerance, list[str]] = {}
    for verdict, output in found:
        for tolerance in (output.tolerance, *output.also):
            runtimes.setdefault(tolerance, []).append(verdict.runtime)
    return tuple(
        Limit(
            measure=text.measure(tolerance),
            limit=text.limit(tolerance),
            reason=tolerance.reason,
            runtimes="" if len(names) == len(found) else ", ".join(names),
        )
        for tolerance, names in runtimes.items()
    )


def _row(verdict: Verdict, output: OutputVerdict) -> Row:
    c, t = output.comparison, output.tolerance
    split = next((split for split in verdict.split if split.output == c.name), None)
    return Row(
        runtime=verdict.runtime,
        outcome="pass" if output.passed else "fail" if output.proven else "unproven",
        measured=text.measured(c, t),
        limit=text.limit(t),
        needed=text.amount(t.measure, in_short(t.measure, output.needed)),
        gauge=gauge(output),
        rmse=text.number(c.rmse),
        sqnr=text.decibels(c.sqnr_db),
        top_class="" if c.argmax_agreement is None else text.percent(c.argmax_agreement),
        accuracy=text.accuracy(c.accuracy),
        split=None if split is None else shares(split),
        worst=text.worst(c) if c.max_abs > 0 else ("", "", ""),
        oddities=_oddities(output),
    )


def _oddities(output: OutputVerdict) -> tuple[str, ...]:
    """What found a fault; NaN, infinities and elements beyond the limit, where there are any."""
    parts = []
    if not output.passed and output.found_by not in ("", *NATURAL):
        parts.append(f"found by {output.found_by}")
    if not output.passed and output.found_after:
        parts.append(f"after {output.found_after} {'sample' if output.found_after == 1 else 'samples'}")
    return (*parts, *_odd_elements(output.comparison))


def _odd_elements(c: Comparison) -> list[str]:
    parts = []
    if c.mismatched:
        parts.append(f"{c.mismatched} of {c.count} elements beyond the limit")
    if c.nan_expected != c.nan_actual:
        parts.append(f"NaN: {c.nan_expected} expected, {c.nan_actual} got")
    if c.inf_expected != c.inf_actual:
        parts.append(f"infinite: {c.inf_expected} expected, {c.inf_actual} got")
    return parts
