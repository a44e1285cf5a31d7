"""What the commands print: a line for each verdict, progress on a terminal, colours where they are wanted."""

from __future__ import annotations

import contextlib
import math
import os
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from converters.progress import Progress, listening
from validation.room import broken, in_short, needed, worst
from validation.verdict import MORE_IS_BETTER, names_of

if TYPE_CHECKING:
    from rich.progress import Progress as Bars

    from validation.result import Validation
    from validation.verdict import OutputVerdict, Tolerance, Verdict

_COLOURS = {"pass": "green", "fail": "red", "error": "red", "unavailable": "yellow"}


class Printer:
    """Prints for people, to standard output, or to standard error when that is taken by JSON.

    Args:
        json_to: where `--json` goes; "-" is standard output.
    """

    def __init__(self, json_to: str | None = None) -> None:
        self._json_to = json_to
        self._stream: TextIO = sys.stderr if json_to == "-" else sys.stdout

    def say(self, text: str) -> None:
        click.echo(text, file=self._stream, color=wants_colour(self._stream))

    def json(self, text: str) -> None:
        """Writes machine-readable output where `--json` asked for it, if it did."""
        from converters.writing import write_text

        if self._json_to == "-":
            click.echo(text, nl=not text.endswith("\n"))
        elif self._json_to is not None:
            write_text(Path(self._json_to), text)

    def verdicts(self, validation: Validation, seconds: Mapping[tuple[str, str], float]) -> None:
        """One line for each artifact and runtime, and why below it where it isn't a pass.

        Then each limit, and what is answered otherwise where it doesn't count.
        """
        names = names_of(validation.verdicts)
        for verdict in validation.verdicts:
            self.say(
                _line(verdict, names[verdict.artifact], seconds.get((verdict.artifact, verdict.runtime)))
            )
            if verdict.verdict != "pass":
                for line in _why(verdict):
                    self.say(f"             {line}")
        for line in (*_limits(validation), *_outside(validation)):
            self.say(line)


def shown(path: Path) -> str:
    """A path as people want to read it: relative where it lies below the current directory."""
    path = path.absolute()
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def wants_colour(stream: TextIO) -> bool:
    """Whether colours are for this stream: a terminal that can, and no NO_COLOR (no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


@contextlib.contextmanager
def progress() -> Iterator[None]:
    """Shows where long work stands, on standard error; nothing without a terminal or in CI."""
    if not sys.stderr.isatty() or os.environ.get("CI"):
        yield
        return
    from rich.console import Console
    from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    console = Console(stderr=True, no_color=not wants_colour(sys.stderr))
    with Bars(*columns, console=console, transient=True) as bars, listening(_Display(bars)):
        yield


class _Display:
    """One bar for each stage of the work."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._tasks: dict[str, int] = {}
        self._lock = threading.Lock()  # judges report from threads of their own

    def __call__(self, event: Progress) -> None:
        text = f"{event.stage} {event.detail}".strip()
        with self._lock:
            if event.stage not in self._tasks:
                self._tasks[event.stage] = self._bars.add_task(text)
            self._bars.update(
                self._tasks[event.stage],  # type: ignore[arg-type]
                description=text,
                completed=event.done,
                total=event.total,
                visible=event.total is None or event.done < event.total,
            )


def _line(verdict: Verdict, name: str, seconds: float | None) -> str:
    word = click.style(f"{verdict.verdict:<12}", fg=_COLOURS[verdict.verdict])
    nearest = worst(verdict.outputs)
    measure = "" if nearest is None else describe_output(nearest)
    time = "" if seconds is None else f"{seconds:.1f} s"
    return f"{word} {name:<20} {verdict.runtime:<24} {measure:<46} {time:>8}".rstrip()


def describe_output(output: OutputVerdict) -> str:
    """The smallest limit that passes, and the one that counts: `max_abs 1.2e-07 (want <= 1e-05)`."""
    tolerance = output.tolerance
    value = getattr(output.comparison, tolerance.measure)
    shown = "none" if value is None else f"{value:.3g}"
    accuracy = output.comparison.accuracy
    if tolerance.measure == "accuracy_kept" and accuracy is not None:
        shown += f" [{accuracy.low:.3f}, {accuracy.high:.3f}]"
    return f"{tolerance.measure} {shown} (want {_limit(tolerance)})"


def _limit(tolerance: Tolerance) -> str:
    sign = ">=" if tolerance.measure in MORE_IS_BETTER else "<="
    return f"{sign} {tolerance.limit:.3g}"


def _why(verdict: Verdict) -> Iterator[str]:
    """Why it isn't a pass: the reason, and what limit would have done."""
    yield verdict.reason
    for output in verdict.outputs:
        if not output.passed and output.proven:
            yield f"{output.comparison.name}: {_would_pass(output.tolerance, output.needed)}"
            for also in broken(output)[1:]:
                yield f"{output.comparison.name}: {_would_pass(also, needed(also, output.comparison))}"


def _would_pass(tolerance: Tolerance, least: float) -> str:
    if math.isnan(least):
        return f"no limit of {tolerance.measure} would pass"
    short = in_short(tolerance.measure, least)
    if tolerance.measure == "allclose_ratio":
        return f"rtol and atol {short:.3g} times as great would pass"
    return f"{tolerance.measure} {_limit(replace(tolerance, limit=short))} would pass"


def _limits(validation: Validation) -> Iterator[str]:
    """Each limit once, with its reason and the exports that were held against it."""
    held: dict[tuple[str, Tolerance], dict[str, None]] = {}
    for verdict in validation.verdicts:
        for output in verdict.outputs:
            for tolerance in (output.tolerance, *output.also):
                held.setdefault((output.comparison.name, tolerance), {})[verdict.target] = None
    for (name, tolerance), targets in held.items():
        yield f"limit: {name}: {tolerance.measure} {_limit(tolerance)} for {', '.join(targets)}"
        yield f"             {tolerance.reason}"


def _outside(validation: Validation) -> Iterator[str]:
    """The inputs outside the domain to which exports give other answers, each set of them once."""
    cases: dict[tuple[str, str], dict[str, None]] = {}
    for verdict in validation.verdicts:
        for each in verdict.outside:
            cases.setdefault((each.output, verdict.target), {})[each.case] = None
    told: dict[tuple[str, str], list[str]] = {}
    for (output, target), differing in cases.items():
        told.setdefault((output, ", ".join(differing)), []).append(target)
    for (output, inputs), targets in told.items():
        wrong = f"{output}: other answers" if output else "no answers"
        yield f"outside the domain, no failure: {wrong} by {', '.join(targets)} to {inputs}"
