"""The log of a run: one line of JSON for each mutant and each correct export that was judged.

It can be read while the run goes on, and a run that is started again with the same log tries only what
isn't in it.
"""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench.detection.alarms import Alarm
from bench.detection.trial import Result

ROOT = Path(__file__).parents[2]
Key = tuple[str, str, str | int]
"""Network, target, and the kind of fault or the seed of a correct export."""


@dataclass(frozen=True)
class Rows:
    """What was judged so far.

    Attributes:
        results: the mutants; likewise `alarms` the correct exports.
        commits: how many rows were judged on each commit, by its short name, in the order of the log.
    """

    results: Sequence[Result] = ()
    alarms: Sequence[Alarm] = ()
    commits: Mapping[str, int] = field(default_factory=dict)

    @property
    def keys(self) -> frozenset[Key]:
        return frozenset((*map(key, self.results), *map(key, self.alarms)))


def key(row: Result | Alarm) -> Key:
    """What was tried."""
    if isinstance(row, Result):
        return row.model, row.target, row.kind
    return row.net, row.target, row.seed


@dataclass(frozen=True)
class Log:
    """A file of rows; several processes may add to it at once.

    Attributes:
        path: of the file; an absent one is empty.
        commit: on which this run's trials are made.
    """

    path: Path
    commit: str

    def add(self, row: Result | Alarm) -> None:
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps({**asdict(row), "commit": self.commit}) + "\n")

    def rows(self) -> Rows:
        """What it holds; of two rows on the same trial the last counts."""
        lines = self.path.read_text(encoding="utf-8").splitlines() if self.path.exists() else []
        given = [json.loads(line) for line in lines]
        commits = [fields.pop("commit") for fields in given]
        rows = [_row(fields) for fields in given]
        last = {key(row): number for number, row in enumerate(rows)}
        kept = sorted(last.values())
        return Rows(
            results=[row for row in (rows[n] for n in kept) if isinstance(row, Result)],
            alarms=[row for row in (rows[n] for n in kept) if isinstance(row, Alarm)],
            commits=Counter(commits[n] for n in kept),
        )


def _row(fields: dict[str, Any]) -> Result | Alarm:
    if "net" in fields:
        return Alarm(**fields)
    guilty = fields["guilty"]
    fields |= {"layers": tuple(fields["layers"]), "guilty": None if guilty is None else tuple(guilty)}
    return Result(**fields)


def checked_out() -> str:
    """The short name of the commit that is checked out, "+" with it where files were changed since."""
    command = ["git", "describe", "--always", "--dirty=+", "--exclude=*"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "no commit"
