"""What the report says, in the order in which it says it; the templates only lay it out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import PurePath

from validation.report import text
from validation.report.figure import Figure, axis_for, draw
from validation.verdict import Comparison, Outcome, OutputVerdict, Tolerance, Validation, Verdict

WORDS: dict[Outcome, str] = {"pass": "pass", "fail": "fail", "unavailable": "unavailable", "error": "error"}


@dataclass(frozen=True, slots=True)
class Row:
    """One output on one runtime."""

    runtime: str
    outcome: str
    measured: str
    figure: Figure | None
    rmse: str
    sqnr: str
    top_class: str
    worst: tuple[str, str, str]
    oddities: str


@dataclass(frozen=True, slots=True)
class Output:
    """One output on all runtimes."""

    name: str
    limit: str
    measure: str
    reason: str
    has_scores: bool
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Export:
    """One artifact: a row of the matrix, and a section.

    Attributes:
        shown_artifact: its name says more than the target.
        cells: the verdict on each of the view's runtimes, None where it was not tried.
    """

    anchor: str
    artifact: str
    target: str
    shown_artifact: bool
    size: str
    notes: tuple[str, ...]
    cells: tuple[Verdict | None, ...]
    verdicts: tuple[Verdict, ...]
    outputs: tuple[Output, ...]


@dataclass(frozen=True, slots=True)
class View:
    """The whole report."""

    validation: Validation
    model: str
    headline: str
    summary: str
    runtimes: tuple[str, ...]
    exports: tuple[Export, ...]
    attention: tuple[Verdict, ...]
    facts: tuple[tuple[str, str], ...]


def build_view(validation: Validation) -> View:
    """Everything the templates need, from the result alone."""
    runtimes = tuple(dict.fromkeys(verdict.runtime for verdict in validation.verdicts))
    keys = dict.fromkeys((verdict.artifact, verdict.target) for verdict in validation.verdicts)
    exports = tuple(_export(number, key, validation, runtimes) for number, key in enumerate(keys, 1))
    path = PurePath(str(validation.source.get("path", "the model")))
    return View(
        validation=validation,
        model=str(validation.source.get("name") or path.name or path),
        headline=_headline(validation),
        summary=_summary(validation),
        runtimes=runtimes,
        exports=exports,
        attention=tuple(v for v in validation.verdicts if v.verdict != "pass"),
        facts=_facts(validation),
    )


def _headline(validation: Validation) -> str:
    total = len(validation.verdicts)
    passed = sum(verdict.verdict == "pass" for verdict in validation.verdicts)
    if not total:
        return "Nothing was checked"
    if passed == total and not validation.ok:
        return "Not proven: all that was checked passes, but not all that was asked for was checked"
    if passed == total:
        return "Proven: every check passes" if total > 1 else "Proven: the check passes"
    if validation.ok:
        return f"Good to ship: {passed} of {total} checks pass, the others are allowed not to"
    return f"Not proven: {total - passed} of {total} checks do not pass"


def _summary(validation: Validation) -> str:
    counts = Counter(verdict.verdict for verdict in validation.verdicts)
    return ", ".join(f"{counts[outcome]} {word}" for outcome, word in WORDS.items() if counts[outcome])


def _facts(validation: Validation) -> tuple[tuple[str, str], ...]:
    source = validation.source
    rows = [
        ("Model", str(source.get("path", ""))),
        ("SHA-256", str(source.get("sha256", ""))),
        ("Opened with", str(source.get("loader", ""))),
        ("Inputs", "\n".join(map(str, validation.inputs))),
        ("Outputs", "\n".join(map(str, validation.outputs))),
        ("Data", f"{validation.data}, {validation.samples} samples"),
        ("Tools", ", ".join(f"{name} {version}" for name, version in validation.tools.items())),
    ]
    return tuple((name, value) for name, value in rows if value)


def _export(number: int, key: tuple[str, str], validation: Validation, runtimes: tuple[str, ...]) -> Export:
    verdicts = tuple(v for v in validation.verdicts if (v.artifact, v.target) == key)
    by_runtime = {verdict.runtime: verdict for verdict in verdicts}
    return Export(
        anchor=f"export-{number}",
        artifact=key[0],
        target=key[1],
        shown_artifact=key[0] not in (key[1], key[1].replace(":", "-")),
        size=text.size(max(verdict.size_bytes for verdict in verdicts)),
        notes=tuple(dict.fromkeys(note for verdict in verdicts for note in verdict.notes)),
        cells=tuple(by_runtime.get(runtime) for runtime in runtimes),
        verdicts=verdicts,
        outputs=_outputs(verdicts),
    )


def _outputs(verdicts: tuple[Verdict, ...]) -> tuple[Output, ...]:
    names = dict.fromkeys(output.comparison.name for verdict in verdicts for output in verdict.outputs)
    return tuple(_output(name, verdicts) for name in names)


def _output(name: str, verdicts: tuple[Verdict, ...]) -> Output:
    found = [(v, o) for v in verdicts for o in v.outputs if o.comparison.name == name]
    tolerance = found[0][1].tolerance
    axis = axis_for([(o.comparison, o.tolerance) for _, o in found])
    return Output(
        name=name,
        limit=text.limit(tolerance),
        measure=text.MEASURES.get(tolerance.measure, tolerance.measure),
        reason=tolerance.reason,
        has_scores=any(o.comparison.argmax_agreement is not None for _, o in found),
        rows=tuple(_row(v, o, draw(o.comparison, o.tolerance, axis)) for v, o in found),
    )


def _row(verdict: Verdict, output: OutputVerdict, figure: Figure | None) -> Row:
    c, t = output.comparison, output.tolerance
    agreement = c.argmax_agreement
    return Row(
        runtime=verdict.runtime,
        outcome="pass" if output.passed else "fail" if output.proven else "unproven",
        measured=text.measured(c, t),
        figure=figure,
        rmse=text.number(c.rmse),
        sqnr=text.decibels(c.sqnr_db),
        top_class="" if agreement is None else f"{100 * agreement:.1f} %",
        worst=text.worst(c),
        oddities=_oddities(c, t),
    )


def _oddities(c: Comparison, t: Tolerance) -> str:
    """NaN, infinities and elements beyond the limit, where there are any."""
    parts = []
    if c.mismatched:
        parts.append(f"{c.mismatched} of {c.count} elements beyond the limit")
    if c.nan_expected or c.nan_actual:
        parts.append(f"NaN: {c.nan_expected} expected, {c.nan_actual} got")
    if c.inf_expected or c.inf_actual:
        parts.append(f"infinite: {c.inf_expected} expected, {c.inf_actual} got")
    return "; ".join(parts)
