"""The record of every training run: one JSON object a line, from which a history can be fed."""

from __future__ import annotations

import json
from pathlib import Path

from converters.serial import to_plain
from converters.training import TrainingRecord
from converters.writing import write_text

RUNS_NAME = "runs.jsonl"


def remember_run(directory: Path, record: TrainingRecord) -> None:
    """Adds a run to the history of a directory; one that is there already is not added again."""
    line = json.dumps(to_plain(record), allow_nan=False, ensure_ascii=False)
    _add(directory / RUNS_NAME, [line])


def copy_runs(source: Path, destination: Path) -> None:
    """Adds the runs of one directory's history to another's."""
    history = source / RUNS_NAME
    if history.is_file():
        _add(destination / RUNS_NAME, history.read_text(encoding="utf-8").splitlines())


def _add(history: Path, lines: list[str]) -> None:
    known = history.read_text(encoding="utf-8").splitlines() if history.is_file() else []
    new = [line for line in dict.fromkeys(lines) if line not in known]
    if new:
        write_text(history, "".join(f"{line}\n" for line in [*known, *new]))
