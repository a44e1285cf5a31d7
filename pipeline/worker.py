"""A subprocess that holds the frameworks, so that nothing they do can hurt the command.

TensorFlow, LiteRT, ONNX Runtime and the converters run only in here: they crash, hang, eat memory
and print, and the command line stays quick and alive. One worker keeps its imports and its caches
from call to call; after a crash the next call starts a fresh process.

    Worker.call(function, **kwargs)     runs it over there, returns its value
      EdgeproofError                    raised by the function, or why the process had to die
      WorkerError                       any other exception over there, with its traceback

Arguments and values travel as JSON by the function's annotations (`converters.serial`), on pipes of
their own: whatever a library prints goes to the log.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, ParamSpec, TypeVar, get_type_hints

from converters.errors import EdgeproofError, ExitStatus
from converters.progress import Progress, advance
from converters.serial import from_plain, to_plain
from pipeline.worker_process import WorkerProcess

P = ParamSpec("P")
R = TypeVar("R")

_POLL_S = 0.1
_WEIGH_S = 0.5
"""Between two looks at the memory of a worker, its children and theirs: each reads all of /proc."""


class WorkerError(Exception):
    """An exception in a worker that nobody meant for the user: a bug in edgeproof or below it.

    Args:
        summary: last line of the traceback.
        traceback: all of it, as the worker saw it.
        log: where the worker's output went.
    """

    def __init__(self, summary: str, traceback: str, log: Path) -> None:
        super().__init__(summary)
        self.summary = summary
        self.traceback = traceback
        self.log = log


class Worker:
    """One subprocess at a time, started by the first call and after every death.

    Use it as a context manager, from the thread that entered it: on Linux the kernel ends the
    process when that thread ends, so that not even `kill -9` leaves a worker behind.

    Args:
        log: gets everything that is printed over there; appended to. Its directory exists.
        time_s: limit for one call; None for no limit.
        memory_mb: limit for the resident memory of the process and its children; None likewise.

    Attributes:
        peak_mb: greatest resident memory seen so far.
    """

    def __init__(self, log: Path, time_s: float | None = None, memory_mb: int | None = None) -> None:
        self.log = log.resolve()
        self.time_s = time_s
        self.memory_mb = memory_mb
        self.peak_mb = 0
        self._weighed = 0.0
        self._process: WorkerProcess | None = None

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the process and removes its temporary files; the next call starts another."""
        if self._process is not None:
            self._process.kill()
            self._process = None

    def abort(self) -> None:
        """Kills the process from another thread; the call that waits for it ends with an error."""
        process = self._process
        if process is not None:
            process.end_group()

    def call(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """The value of `function(**kwargs)`, computed over there.

        Args:
            function: at module level, with annotated arguments and value.
            kwargs: by keyword only; what `converters.serial` can carry.

        Raises:
            EdgeproofError: the function raised it, or the process was killed by a limit or a signal.
            WorkerError: the function raised anything else.
        """
        return self.call_within(self.time_s, function, *args, **kwargs)

    def call_within(
        self, time_s: float | None, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """As `call`, with another time limit."""
        if args:
            raise TypeError("arguments of a worker's function are given by keyword")
        name = f"{function.__module__}:{function.__qualname__}"
        try:
            plain = self._converse(name, to_plain(kwargs), time_s)
        except (EdgeproofError, WorkerError):
            raise
        except BaseException:
            self.close()
            raise
        return from_plain(plain, get_type_hints(function).get("return", Any))

    def _converse(self, name: str, kwargs: Any, time_s: float | None) -> Any:
        """Sends a call and waits for its value, passing progress on and watching the limits."""
        process = self._process = self._process or WorkerProcess(self.log)
        started = time.monotonic()
        process.send({"call": name, "kwargs": kwargs})
        while True:
            message = process.receive(_POLL_S)
            if message is None or "progress" in message:
                self._check_limits(process, name, time.monotonic() - started, time_s)
            if message is None:
                continue
            if not message:
                raise self._death(process, name, time.monotonic() - started)
            if "progress" not in message:
                return self._outcome(message)
            event = from_plain(message["progress"], Progress)
            advance(event.stage, event.done, event.total, event.detail)

    def _outcome(self, message: dict[str, Any]) -> Any:
        """The value in a message, or the exception that it tells of."""
        if "refused" in message:
            parts = message["refused"]
            raise EdgeproofError(**{**parts, "status": ExitStatus(parts["status"])})
        if "bug" in message:
            raise WorkerError(message["summary"], message["bug"], self.log)
        return message["value"]

    def _check_limits(self, process: WorkerProcess, name: str, seconds: float, time_s: float | None) -> None:
        if time_s is not None and seconds > time_s:
            self.close()
            raise EdgeproofError(
                f"{_plainly(name)} took too long and was stopped",
                got=f"no answer in {seconds:.1f} s",
                want=f"at most {time_s:g} s",
                fix=f"raise --time-limit, or time_limit_s in the recipe; or see {self.log}",
                status=ExitStatus.CONVERSION_FAILED,
            )
        if time.monotonic() >= self._weighed + _WEIGH_S:
            self._weigh(process, name)

    def _weigh(self, process: WorkerProcess, name: str) -> None:
        memory_mb = process.memory_mb()
        self.peak_mb = max(self.peak_mb, memory_mb)
        self._weighed = time.monotonic()
        if self.memory_mb is not None and memory_mb > self.memory_mb:
            self.close()
            raise EdgeproofError(
                f"{_plainly(name)} took too much memory and was stopped",
                got=f"{memory_mb} MB",
                want=f"at most {self.memory_mb} MB",
                fix=f"raise --memory-limit, or memory_limit_mb in the recipe; or see {self.log}",
                status=ExitStatus.CONVERSION_FAILED,
            )

    def _death(self, process: WorkerProcess, name: str, seconds: float) -> EdgeproofError:
        code = process.exit_code()
        self.close()
        return EdgeproofError(
            f"{_plainly(name)} crashed",
            got=f"{_describe_exit(code)} after {seconds:.1f} s",
            want="an answer from the worker process",
            fix=f"see the end of {self.log}",
            status=ExitStatus.CONVERSION_FAILED,
        )


def _plainly(name: str) -> str:
    """`converters.convert:convert` as `converters.convert.convert`."""
    return name.replace(":", ".")


def _describe_exit(code: int) -> str:
    if code >= 0:
        return f"the worker exited with status {code}"
    name = signal.Signals(-code).name
    hint = " (the system may be out of memory)" if -code == signal.SIGKILL else ""
    return f"the worker was killed by {name}{hint}"
