"""Time and peak memory of commands, their child processes included."""

from __future__ import annotations

import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

INTERVAL_S = 0.05
"""Between two looks at the memory; a peak shorter than this may be missed."""


@dataclass(frozen=True)
class Run:
    """One command, or several one after the other.

    Attributes:
        seconds: wall time.
        peak_mb: greatest resident memory of the process and all below it, summed.
    """

    seconds: float
    peak_mb: float


def run(command: Sequence[str], log: Path) -> Run:
    """Runs a command to its end.

    Raises:
        SystemExit: it failed; the end of its output is shown.
    """
    started = time.perf_counter()
    with log.open("ab") as stream:
        process = subprocess.Popen(command, stdout=stream, stderr=subprocess.STDOUT)
        peak = _Peak(process.pid)
        status = process.wait()
    seconds = time.perf_counter() - started
    peak.stop()
    if status != 0:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        sys.exit(f"{' '.join(command)}\nended with status {status}:\n{tail}")
    return Run(seconds, peak.most / 2**20)


def one_after_the_other(runs: Sequence[Run]) -> Run:
    """The sum of their times, and the memory of the hungriest."""
    return Run(sum(each.seconds for each in runs), max(each.peak_mb for each in runs))


def spread(numbers: Sequence[float], unit: str = "", digits: int = 1) -> str:
    """The median and the range: `12.3 (11.9-12.8) s`."""
    middle, low, high = statistics.median(numbers), min(numbers), max(numbers)
    return f"{middle:.{digits}f} ({low:.{digits}f}-{high:.{digits}f}) {unit}".strip()


class _Peak:
    """Watches a process tree from a thread of its own."""

    def __init__(self, pid: int) -> None:
        self.most = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, args=(pid,), daemon=True)
        self._thread.start()

    def _watch(self, pid: int) -> None:
        while not self._done.wait(INTERVAL_S):
            self.most = max(self.most, _tree_bytes(pid))

    def stop(self) -> None:
        self._done.set()
        self._thread.join()


def _tree_bytes(pid: int) -> int:
    try:
        root = psutil.Process(pid)
        family = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    total = 0
    for process in family:
        try:
            total += process.memory_info().rss
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return total
