"""docs/detection.md, from the results alone."""

from __future__ import annotations

import platform
import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from bench.detection.alarms import Alarm
from bench.detection.catalogue import KINDS
from bench.detection.definitions import CORRECT, DEFINITIONS
from bench.detection.log import Rows
from bench.detection.others import CHECKERS
from bench.detection.trial import DETECTED, MISSED, SILENT, Result
from pipeline.slots import cores
from validation.tolerance import FACTOR, RMS_FACTOR

PACKAGES = ("tensorflow", "onnxruntime", "ai-edge-litert", "tf2onnx", "tensorflowjs", "numpy")


def write(rows: Rows) -> str:
    """The whole page."""
    results, alarms = rows.results, rows.alarms
    parts = [_head(rows), _goals(results, alarms), "## What is counted", DEFINITIONS, _kinds(results)]
    parts += [_places(results), _finders(results), _missed(results), _unnamed(results)]
    parts += [_silent(results), _alarms(alarms)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(rows: Rows) -> str:
    tools = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    kinds, models = {r.kind for r in rows.results}, {r.model for r in rows.results}
    seeds = Counter(net for net, _ in {(a.net, a.seed) for a in rows.alarms})
    *fewer, most = sorted({*seeds.values()} or {0})
    text = [
        f"Written by `make bench-detection` on {datetime.now(UTC):%Y-%m-%d}, {_commits(rows)}:",
        f"{cores()} cores of {platform.machine()}, Python {platform.python_version()}, {tools}.",
        f"{_number(len(kinds), 'kind')} of fault in {_number(len(models), 'network')} and three formats;",
        f"{_number(len(seeds), 'network')} exported rightly, each with the weights and inputs of",
        f"{' or '.join(map(str, [*fewer, _number(most, 'seed')]))}.",
    ]
    return "# Detection power\n\n" + " ".join(text)


def _commits(rows: Rows) -> str:
    """The commit that all was tried on; of several, as a run goes on that was cut short, how much on each."""
    if len(rows.commits) == 1:
        return f"all on commit {next(iter(rows.commits))}"
    parts = [f"{_number(count, 'trial')} on commit {name}" for name, count in rows.commits.items()]
    return f"in a run that was stopped and went on: {', '.join(parts)}"


def _goals(results: Sequence[Result], alarms: Sequence[Alarm]) -> str:
    loud = _observable(results)
    named = [r for r in results if r.named is not None]
    rows = [
        ["mutants", str(len(results)), ""],
        ["that change something", str(len(loud)), ""],
        ["of these detected", _share(loud, _is_detected), "100 %"],
        ["right layer named", _share(named, _is_named), "95 %"],
        ["false alarms", _share(alarms, _is_false), "none"],
        ["greatest error of a correct float32 export", _nearest(alarms), f"{FACTOR} and {RMS_FACTOR}"],
        ["inference time over the plain check's", _ratio(alarms), "at most 2"],
    ]
    for checker in CHECKERS:
        rows.append([f"detected by {checker}'s check", _share(loud, _found_by(checker)), ""])
        alarmed = _share([a for a in alarms if a.others], _found_by(checker))
        rows.append([f"false alarms of {checker}'s check", alarmed, ""])
    return _table(["", "measured", "goal"], rows)


def _kinds(results: Sequence[Result]) -> str:
    rows = []
    for name, kind in KINDS.items():
        own = [r for r in results if r.kind == name]
        loud = _observable(own)
        named = [r for r in own if r.named is not None]
        if not own:
            continue
        row = [kind.what, str(len(own)), str(len(own) - len(loud)), _count(loud, _is_detected)]
        row += [_count(loud, _found_by(checker)) for checker in CHECKERS]
        row += [_origins(own), _samples(own), _count(named, _is_named)]
        rows.append(row)
    head = ["fault", "mutants", "silent", "detected", *CHECKERS, "found by", "samples till then", "layer"]
    return "## By kind of fault\n\n" + _table(head, rows)


def _places(results: Sequence[Result]) -> str:
    rows = []
    for model, target in sorted({(r.model, r.target) for r in results}):
        own = [r for r in results if (r.model, r.target) == (model, target)]
        loud, named = _observable(own), [r for r in own if r.named is not None]
        row = [model, target, str(len(own)), _count(loud, _is_detected)]
        rows.append([*row, *(_count(loud, _found_by(c)) for c in CHECKERS), _count(named, _is_named)])
    head = ["network", "export", "mutants", "detected", *CHECKERS, "layer"]
    return "## By network and export\n\n" + _table(head, rows)


def _finders(results: Sequence[Result]) -> str:
    found = Counter(_origin(r.found_by) for r in results if r.outcome == DETECTED)
    rows = [[origin, str(count)] for origin, count in found.most_common()]
    cases = Counter(r.found_by for r in results if r.outcome == DETECTED and ": " in r.found_by)
    listed = ", ".join(f"{case.partition(': ')[2]} ({count})" for case, count in cases.most_common())
    note = f"\n\nBy what the directed and searched inputs try: {listed}." if listed else ""
    return "## Which inputs find them first\n\n" + _table(["inputs", "mutants"], rows) + note


def _missed(results: Sequence[Result]) -> str:
    rows = [[r.model, r.target, r.kind, r.where, r.reason] for r in results if r.outcome == MISSED]
    head = ["network", "export", "fault", "place", "how much it changes"]
    return "## Missed\n\n" + (_table(head, rows) if rows else "None.")


def _unnamed(results: Sequence[Result]) -> str:
    rows = [
        [r.model, r.target, r.kind, ", ".join(r.layers), ", ".join(r.guilty or ()) or "none"]
        for r in results
        if r.named is False
    ]
    head = ["network", "export", "fault", "layers of the place", "named"]
    return "## Another layer named\n\n" + (_table(head, rows) if rows else "None.")


def _silent(results: Sequence[Result]) -> str:
    rows = [[r.model, r.target, r.kind, r.where, r.reason] for r in results if r.outcome == SILENT]
    head = ["network", "export", "fault", "place", "proof"]
    return "## Mutants that change nothing\n\n" + (_table(head, rows) if rows else "None.")


def _alarms(alarms: Sequence[Alarm]) -> str:
    rows = []
    for net in dict.fromkeys(a.net for a in alarms):
        own = [a for a in alarms if a.net == net]
        targets = ", ".join(dict.fromkeys(a.target for a in own))
        row = [net, targets, str(len({a.seed for a in own})), _count(own, lambda a: a.verdict == "pass")]
        rows.append([*row, _floors(own), *(_count(own, _found_by(c)) for c in CHECKERS)])
    wrong = [a for a in alarms if _is_false(a)]
    lines = [f"- {a.net}, {a.target}, seed {a.seed}: {a.verdict}: {a.reason}" for a in wrong]
    told = "\n\nThe false alarms:\n\n" + "\n".join(lines) if wrong else ""
    head = ["network", "exports", "seeds", "pass", "greatest error, floors"]
    head += [f"{c} alarms" for c in CHECKERS]
    return f"## Correct exports\n\n{CORRECT}\n\n{_table(head, rows)}{told}"


def _observable(results: Iterable[Result]) -> list[Result]:
    return [r for r in results if r.outcome != SILENT]


def _is_detected(result: Result) -> bool:
    return result.outcome == DETECTED


def _is_named(result: Result) -> bool:
    return bool(result.named)


def _found_by(checker: str) -> Callable[[Result | Alarm], bool]:
    return lambda row: row.others.get(checker, False)


def _origin(found_by: str) -> str:
    return found_by.partition(": ")[0]


def _origins(results: Iterable[Result]) -> str:
    found = Counter(_origin(r.found_by) for r in results if r.outcome == DETECTED)
    return ", ".join(f"{origin} {count}" for origin, count in found.most_common())


def _samples(results: Iterable[Result]) -> str:
    counts = [r.found_after for r in results if r.outcome == DETECTED and r.verdict == "fail"]
    return f"{statistics.median_low(counts)} ({max(counts)})" if counts else ""


def _is_false(alarm: Alarm) -> bool:
    return alarm.verdict != "pass"


def _floors(alarms: Iterable[Alarm]) -> str:
    """The greatest error of an element; nothing of exports that aren't judged by their floor."""
    ratios = [a.ratio for a in alarms if a.ratio is not None and a.target.endswith(":float32")]
    return f"{max(ratios):.2g}" if ratios else ""


def _nearest(alarms: Iterable[Alarm]) -> str:
    """In noise floors: of an element, and in root mean square of a channel."""
    judged = [a for a in alarms if a.target.endswith(":float32") and not _is_false(a)]
    elements = [a.ratio for a in judged if a.ratio is not None]
    channels = [a.ratio_rms for a in judged if a.ratio_rms is not None]
    if not elements or not channels:
        return ""
    return f"{max(elements):.2g} noise floors; {max(channels):.2g} of them in root mean square"


def _ratio(alarms: Sequence[Alarm]) -> str:
    """Of all inference together, and of the network in the middle."""
    timed = [a for a in alarms if a.plain_s]
    if not timed:
        return ""
    whole = sum(a.seconds for a in timed) / sum(a.plain_s for a in timed)
    return f"{whole:.2f} in all, {statistics.median(a.seconds / a.plain_s for a in timed):.2f} in the median"


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _count(items: Sequence[Any], holds: Callable[[Any], object]) -> str:
    return f"{sum(map(bool, map(holds, items)))}/{len(items)}" if items else ""


def _share(items: Sequence[Any], holds: Callable[[Any], object]) -> str:
    if not items:
        return ""
    count = sum(map(bool, map(holds, items)))
    return f"{count} of {len(items)} ({100 * count / len(items):.1f} %)"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
