"""Judges artifacts on runtimes: one process without TensorFlow for each engine, side by side.

An engine that crashes takes its own process along, and nothing else: that verdict is `error`, the next
one gets a fresh process. Artifacts are judged while later ones are still being converted. An engine's
runtimes share its process, so that it is imported once and one browser serves them all; TF.js in Node
is one engine for each of its backends, since they share nothing. What takes longest begins first: plain
JavaScript while the original is still being recorded.
"""

from __future__ import annotations

import contextvars
import itertools
import queue
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from types import TracebackType

from converters.artifact import Artifact
from converters.errors import EdgeproofError
from converters.progress import advance
from converters.writing import explained
from pipeline.job import Limits
from pipeline.slots import Slots, cores
from pipeline.worker import Worker, WorkerError
from validation.ahead import Recording, ask_ahead
from validation.judge import judge
from validation.reference import Reference
from validation.verdict import Verdict

SLOWEST = ("*tfjs*-cpu", "*webgpu*", "*webgl*", "litert-gpu*", "litert-reference")
"""Runtimes that take longest, the slowest first: plain JavaScript, then software GPUs, then kernels
that are written to be read. `docs/benchmarks.md` has the seconds of each for one sample."""


class Judges:
    """One judge for each engine, each in a thread that owns its worker.

    Use it as a context manager: leaving it early ends every worker at once.

    Args:
        reference: what the original answers; None while that is being recorded.
        log: for the workers' output.
        limits: for one artifact on one runtime.

    Attributes:
        seconds: how long each verdict took, by artifact label and runtime.
    """

    def __init__(self, reference: Reference | None, log: Path, limits: Limits) -> None:
        self.seconds: dict[tuple[str, str], float] = {}
        self._reference: Future[Reference] = Future()
        if reference is not None:
            self.recorded(reference)
        self.log = log
        self.limits = limits
        self._judges: dict[str, _Judge] = {}
        self._verdicts: list[Verdict] = []
        self._submitted: set[tuple[str, str]] = set()
        # While conversions go on, one core is theirs.
        self.slots = Slots(max(1, cores() - 1))
        self._lock = threading.Lock()

    def __enter__(self) -> Judges:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._reference.cancel()
        for each in self._judges.values():
            each.stop()
        for each in self._judges.values():
            each.thread.join()

    def recorded(self, reference: Reference) -> None:
        """What the original answers, now that it is known."""
        self._reference.set_result(reference)

    def submit(
        self, artifact: Artifact, label: str, runtime: str, recording: Recording | None = None
    ) -> None:
        """Has an artifact judged on a runtime, now or when that engine is free; once.

        Args:
            recording: of the reference, while there is none: the runtime is asked ahead.
        """
        if (label, runtime) in self._submitted:
            return
        self._submitted.add((label, runtime))
        engine = engine_of(runtime)
        if engine not in self._judges:
            self._judges[engine] = _Judge(engine, self)
        self._judges[engine].submit(_Task(runtime, artifact, label, recording))

    def verdicts(self) -> tuple[Verdict, ...]:
        """All verdicts, when the last one is there.

        Raises:
            EdgeproofError: a judge could not work at all, for lack of room on the disk.
        """
        if cores() > 1:
            self.slots.add(1)
        for each in self._judges.values():
            each.finish()
        for each in self._judges.values():
            while each.thread.is_alive():  # with a timeout, so that Ctrl-C gets through
                each.thread.join(0.1)
            if each.fault is not None:
                raise each.fault
        return tuple(self._verdicts)

    def hear(self, worker: Worker, task: _Task) -> None:
        """Gets one verdict; called in the judge's own thread."""
        artifact, label, runtime = task.artifact, task.label, task.runtime
        ahead_s, started = 0.0, time.monotonic()
        try:
            if task.recording is not None:
                # Waiting is not its fault: the recording has a limit of its own, and so has each run.
                ahead_s = worker.call_within(
                    None, ask_ahead, artifact=artifact, runtime_name=runtime, recording=task.recording
                )
            reference = self._reference.result()
            started = time.monotonic()
            verdict = worker.call(
                judge, artifact=artifact, runtime_name=runtime, reference=reference, label=label
            )
        except EdgeproofError as error:  # killed by a limit or a signal
            verdict = _error(artifact, label, runtime, error.in_a_line())
        except WorkerError as error:
            reason = f"{error.summary} (a bug in edgeproof; its traceback is in {error.log})"
            verdict = _error(artifact, label, runtime, reason)
        with self._lock:
            self._verdicts.append(verdict)
            self.seconds[label, runtime] = ahead_s + time.monotonic() - started
            advance("validate", len(self._verdicts), len(self._submitted), f"{label} on {runtime}")


def engine_of(runtime: str) -> str:
    """The program behind a runtime: `litert` of `litert-cpu`, `chromium` of `chromium-tfjs-webgl`."""
    return runtime if runtime.startswith("tfjs-node-") else runtime.partition("-")[0]


def _rank(runtime: str) -> int:
    """0 for the slowest."""
    slow = (index for index, pattern in enumerate(SLOWEST) if fnmatchcase(runtime, pattern))
    return next(slow, len(SLOWEST))


def is_slowest(runtime: str) -> bool:
    """Whether it takes so long that it is asked ahead, while the original is being recorded."""
    return _rank(runtime) == 0


@dataclass(frozen=True, slots=True)
class _Task:
    """One verdict to be got; see `Judges.submit`."""

    runtime: str
    artifact: Artifact
    label: str
    recording: Recording | None


class _Judge:
    """An engine's queue, and the thread that works it off."""

    def __init__(self, engine: str, court: Judges) -> None:
        self._tasks: queue.PriorityQueue[tuple[int, int, _Task | None]]
        self._tasks = queue.PriorityQueue()
        self._tickets = itertools.count()
        self._court = court
        self._worker: Worker | None = None
        self._stopped = False
        self.fault: BaseException | None = None
        """What ended the thread early: what it had still to do would be missing in silence."""
        context = contextvars.copy_context()  # progress goes to the submitter's listener
        self.thread = threading.Thread(target=context.run, args=(self._work,), name=engine)
        self.thread.start()

    def submit(self, task: _Task) -> None:
        self._tasks.put((_rank(task.runtime), next(self._tickets), task))

    def finish(self) -> None:
        """Lets the thread end after everything that was submitted."""
        self._tasks.put((len(SLOWEST) + 1, next(self._tickets), None))

    def stop(self) -> None:
        """Ends the worker in the middle of what it does, and the thread after that."""
        self._stopped = True
        self.finish()
        if self._worker is not None:
            self._worker.abort()

    def _work(self) -> None:
        try:
            with explained(self._court.log.parent):
                self._work_off()
        except Exception as error:  # crosses to the thread that waits, which raises it
            self.fault = error

    def _work_off(self) -> None:
        court = self._court
        with Worker(court.log, court.limits.time_s, court.limits.memory_limit_mb) as self._worker:
            while True:
                rank, _, task = self._tasks.get()
                if task is None:
                    return
                with court.slots.one(rank):
                    if not self._stopped:
                        court.hear(self._worker, task)


def _error(artifact: Artifact, label: str, runtime: str, reason: str) -> Verdict:
    return Verdict(label, str(artifact.target), runtime, "", "error", reason)
