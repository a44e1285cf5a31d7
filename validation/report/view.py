"""What the report says, in the order in which it says it; the templates only lay it out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import PurePath
from typing import get_args

from validation.report import text
from validation.report.outputs import Output, outputs_of
from validation.result import Validation
from validation.room import nearest, used, worst
from validation.verdict import Outcome, Verdict, proven


@dataclass(frozen=True, slots=True)
class Cell:
    """One artifact on one runtime, in the matrix: the verdict, and how much of the limit it uses."""

    verdict: Outcome
    used: str
    title: str


@dataclass(frozen=True, slots=True)
class Strange:
    """What some exports answer differently outside the domain.

    Attributes:
        case: what the inputs try.
        output: name of the output; "" where the runtime gave no answer at all.
        exports: those that do.
        example: one of them: runtime, expected and actual value.
    """

    case: str
    output: str
    exports: str
    example: str


@dataclass(frozen=True, slots=True)
class Export:
    """One artifact: a row of the matrix, and a section.

    Attributes:
        shown_artifact: its name says more than the target.
        proven: it passes somewhere, and wherever it could be tried.
        accuracy: the worst of all runtimes, with its interval; "" without labels.
        cells: the verdict on each of the view's runtimes, None where it was not tried.
    """

    anchor: str
    artifact: str
    target: str
    shown_artifact: bool
    size: str
    proven: bool
    accuracy: str
    notes: tuple[str, ...]
    cells: tuple[Cell | None, ...]
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
    has_accuracy: bool
    attention: tuple[Verdict, ...]
    outside: tuple[Strange, ...]
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
        has_accuracy=any(export.accuracy for export in exports),
        outside=_outside(validation),
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
    return ", ".join(f"{counts[outcome]} {outcome}" for outcome in get_args(Outcome) if counts[outcome])


def _facts(validation: Validation) -> tuple[tuple[str, str], ...]:
    source = validation.source
    rows = [
        ("Model", str(source.get("path", ""))),
        ("SHA-256", str(source.get("sha256", ""))),
        ("Opened with", str(source.get("loader", ""))),
        ("Inputs", "\n".join(map(str, validation.inputs))),
        ("Outputs", "\n".join(map(str, validation.outputs))),
        ("Data", f"{validation.data}, {validation.samples} samples"),
        ("Truth", validation.truth),
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
        shown_artifact=PurePath(key[0]).parts[:1] not in ((key[1],), (key[1].replace(":", "-"),)),
        size=text.size(max(verdict.size_bytes for verdict in verdicts)),
        proven=proven(verdicts, key[0]),
        accuracy=_accuracy(verdicts),
        notes=tuple(dict.fromkeys(note for verdict in verdicts for note in verdict.notes)),
        cells=tuple(_cell(by_runtime.get(runtime)) for runtime in runtimes),
        verdicts=verdicts,
        outputs=outputs_of(verdicts),
    )


def _cell(verdict: Verdict | None) -> Cell | None:
    if verdict is None:
        return None
    output = worst(verdict.outputs)
    if output is None:
        return Cell(verdict.verdict, "", verdict.reason)
    limit = nearest(output)
    title = f"{output.comparison.name}: {text.measure(limit)} " + (
        f"{text.measured(output.comparison, limit)}, limit {text.limit(limit)}"
    )
    return Cell(verdict.verdict, text.percent(used(output)), title)


def _accuracy(verdicts: tuple[Verdict, ...]) -> str:
    found = [o.comparison.accuracy for v in verdicts for o in v.outputs if o.comparison.accuracy]
    return text.accuracy(min(found, key=lambda accuracy: accuracy.export, default=None))


def _outside(validation: Validation) -> tuple[Strange, ...]:
    """By case and output, each with the exports that differ and one example."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for verdict in validation.verdicts:
        for each in verdict.outside:
            values = f"{text.value(each.expected)} → {text.value(each.actual)}"
            example = f"{verdict.target} on {verdict.runtime}: {values}"
            found.setdefault((each.case, each.output), {}).setdefault(verdict.target, example)
    return tuple(
        Strange(case, output, ", ".join(targets), next(iter(targets.values())))
        for (case, output), targets in found.items()
    )
