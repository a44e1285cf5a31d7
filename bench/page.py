"""docs/benchmarks.md, from the numbers alone."""

from __future__ import annotations

import platform
import statistics
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING

import psutil

from bench.measure import Run, spread
from pipeline.slots import cores

if TYPE_CHECKING:
    from bench.bench_export import Measured

GOALS = {"export": 0.30, "whole": 0.50}
"""Our time over the vendors', at most."""

PACKAGES = ("tensorflow", "tf2onnx", "tensorflowjs", "onnxruntime", "ai-edge-litert", "numpy")


def write(measured: Sequence[Measured], repeat: int, samples: int) -> str:
    """The whole page."""
    parts = [_head(repeat, samples), _times(measured), _memory(measured), _steps(measured)]
    parts += [_laps(measured), _verdicts(measured), _artifacts(measured)]
    return "\n\n".join(parts) + "\n"


def _head(repeat: int, samples: int) -> str:
    tools = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    memory = psutil.virtual_memory().total / 2**30
    machine = f"{cores()} cores of {platform.machine()}, {memory:.0f} GiB"
    return "\n".join(
        [
            "# Benchmarks",
            "",
            f"Written by `make bench` on {datetime.now(UTC):%Y-%m-%d}: {machine}, "
            f"Python {platform.python_version()}, {tools}.",
            "",
            "Networks of keras.applications with seeded weights and calibrated BatchNorm statistics, "
            "saved as `.keras`. The vendors' way is a SavedModel and then `tflite_convert`, "
            "`python -m tf2onnx.convert` and `tensorflowjs_converter`, one after the other, each with its "
            "own import. Ours is `edgeproof export` for the three float32 targets, which opens every file "
            "again and confirms it; and `edgeproof run`, which also judges each of them on "
            f"{samples} inputs on every CPU runtime, writes the reports and packages the bundle. "
            "Nothing is taken from a cache.",
            "",
            f"{repeat} repetition(s), each of which does everything once; the tables give the median and, in "
            "brackets, the range.",
        ]
    )


def _times(measured: Sequence[Measured]) -> str:
    rows = [
        "## Time",
        "",
        "| network | vendors, s | export, s | ratio | with validation, s | ratio |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for each in measured:
        theirs = _seconds(each.vendors_together)
        cells = [spread(theirs)]
        for ours in (_seconds(each.export), _seconds(each.whole)):
            cells += [spread(ours), f"{_ratio(ours, theirs):.2f}"]
        rows.append(f"| {each.name} | " + " | ".join(cells) + " |")
    rows += [""]
    for key, what in (("export", "the export"), ("whole", "export and validation")):
        ratios = {
            each.name: _ratio(_seconds(getattr(each, key)), _seconds(each.vendors_together))
            for each in measured
        }
        rows.append(_goal(what, GOALS[key], ratios))
    return "\n".join(rows)


def _goal(what: str, goal: float, ratios: dict[str, float]) -> str:
    missed = [f"{name} ({ratio:.2f})" for name, ratio in ratios.items() if ratio > goal]
    verdict = "reached" if not missed else "missed by " + ", ".join(missed)
    return f"- Goal for {what}, at most {goal:.2f} of the vendors' time: {verdict}."


def _memory(measured: Sequence[Measured]) -> str:
    rows = [
        "## Peak memory",
        "",
        "Resident memory of a command and all processes below it, summed, looked at 20 times a second.",
        "",
        "| network | hungriest vendor, MB | export, MB | with validation, MB |",
        "|---|---:|---:|---:|",
    ]
    missed = []
    for each in measured:
        columns = [_peaks(runs) for runs in (each.vendors_together, each.export, each.whole)]
        rows.append(f"| {each.name} | " + " | ".join(spread(peaks, digits=0) for peaks in columns) + " |")
        if statistics.median(columns[1]) > statistics.median(columns[0]):
            missed.append(each.name)
    verdict = "reached" if not missed else "missed by " + ", ".join(missed)
    return "\n".join([*rows, "", f"- Goal, below the hungriest vendor's for the export: {verdict}."])


def _steps(measured: Sequence[Measured]) -> str:
    names = list(measured[0].vendor)
    rows = [
        "## The vendors' steps, s",
        "",
        "| network | " + " | ".join(names) + " |",
        "|---|" + "---:|" * len(names),
    ]
    for each in measured:
        cells = [spread(_seconds(each.vendor[name])) for name in names]
        rows.append(f"| {each.name} | " + " | ".join(cells) + " |")
    return "\n".join(rows)


def _laps(measured: Sequence[Measured]) -> str:
    rows = ["## Where our time goes, s", ""]
    rows += ["The stages of the export in one process, without the command line around it.", ""]
    return "\n".join(rows + _by_name({each.name: each.laps for each in measured}))


def _verdicts(measured: Sequence[Measured]) -> str:
    rows = ["## Where the validation's time goes, s", ""]
    rows += [
        "Each verdict by itself: the file opened, every sample, the first one again, latency. They run "
        "beside each other, and beside the conversions that are still to come; plain JavaScript begins "
        "while the original is still being recorded.",
        "",
    ]
    rows += _by_name({each.name: each.verdicts for each in measured})
    rows += ["", "One sample, s: no order of work makes a verdict shorter than a few of these.", ""]
    rows += _by_name({each.name: each.sample_s for each in measured}, digits=2)
    return "\n".join(rows)


def _by_name(measured: Mapping[str, Sequence[Mapping[str, float]]], digits: int = 1) -> list[str]:
    """A table with a row for each network and a column for each name."""
    names = list(next(iter(measured.values()))[0])
    rows = ["| network | " + " | ".join(names) + " |", "|---|" + "---:|" * len(names)]
    for network, turns in measured.items():
        cells = [spread([turn[name] for turn in turns], digits=digits) for name in names]
        rows.append(f"| {network} | " + " | ".join(cells) + " |")
    return rows


def _artifacts(measured: Sequence[Measured]) -> str:
    rows = [
        "## The files",
        "",
        "Latency of a batch of one, two threads, the two files in turns in one process.",
        "",
        "| network | format | ours, MB | vendor's, MB | ours, ms | vendor's, ms |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for each in measured:
        for format, sizes in each.size_bytes.items():
            size = " | ".join(f"{count / 1e6:.3f}" for count in sizes)
            times = each.latency.get(format)
            cells = [_latency(times[label]) for label in ("edgeproof", "vendor")] if times else ["", ""]
            rows.append(f"| {each.name} | {format} | {size} | " + " | ".join(cells) + " |")
    return "\n".join(rows)


def _latency(times: dict[str, float]) -> str:
    return f"{times['median_ms']:.2f} ({times['least_ms']:.2f}-{times['greatest_ms']:.2f})"


def _seconds(runs: Sequence[Run]) -> list[float]:
    return [each.seconds for each in runs]


def _peaks(runs: Sequence[Run]) -> list[float]:
    return [each.peak_mb for each in runs]


def _ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    return statistics.median(ours) / statistics.median(theirs)
