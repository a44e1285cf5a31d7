"""A program as a child that answers frames: started, asked, watched and stopped."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from threading import Timer
from typing import Any

import numpy as np

from validation.runtimes.wire import decode_frame, encode_frame

_LOG_LINES = 20
# Enough for Node's own report of an exception, which has the message above ten lines of stack.

_COLOUR = re.compile(r"\x1b\[[\d;]*m")


class ChildError(Exception):
    """The program crashed, hung, or said that a request failed; the message has its last words."""


class ChildProcess:
    """A program that reads frames on stdin and answers each on stdout.

    It ends when its stdin closes or this process dies. After any failure other than an answer
    that says so, it is gone.

    Args:
        name: what errors call it.
        command: its command line.
        environment: variables for it; None passes on those of this process.
    """

    def __init__(
        self, name: str, command: Sequence[str], environment: Mapping[str, str] | None = None
    ) -> None:
        self._name = name
        # A file, not a pipe: nobody reads along while an answer is awaited, and pipes fill up.
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed in `close`
        self._process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def ask(
        self, header: Mapping[str, Any], tensors: Mapping[str, np.ndarray], limit_s: float
    ) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Sends one request and waits for its answer.

        Raises:
            ChildError: it crashed, took longer than `limit_s`, or answered with an error.
        """
        watchdog = _Watchdog(self._process, limit_s)
        try:
            with watchdog:
                reply = self._exchange(header, tensors)
        except OSError as error:  # it ended while the request was being written
            raise ChildError(self._epitaph(watchdog)) from error
        if reply is None:
            raise ChildError(self._epitaph(watchdog))
        answer, results = reply
        if not answer.pop("ok"):
            raise ChildError(answer["error"])
        return answer, results

    def _exchange(
        self, header: Mapping[str, Any], tensors: Mapping[str, np.ndarray]
    ) -> tuple[dict[str, Any], dict[str, np.ndarray]] | None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        for piece in encode_frame(header, tensors):
            self._process.stdin.write(piece)
        self._process.stdin.flush()
        return decode_frame(self._process.stdout.read)

    def _epitaph(self, watchdog: _Watchdog) -> str:
        code = self._process.wait()
        if watchdog.fired:
            what = f"{self._name} did not answer within {watchdog.limit_s:g} s and was stopped"
        elif code < 0:
            what = f"{self._name} was killed by signal {-code}"
        else:
            what = f"{self._name} ended with exit status {code}"
        return "\n".join([what, *self.last_words()])

    def last_words(self) -> list[str]:
        """The last lines that it has printed so far, without colours."""
        # Not by seeking: the position is the program's as well.
        printed = os.pread(self._log.fileno(), os.fstat(self._log.fileno()).st_size, 0)
        return _COLOUR.sub("", printed.decode(errors="replace")).strip().splitlines()[-_LOG_LINES:]

    def close(self) -> None:
        """Ends the program, by force when it doesn't end by itself."""
        try:
            self._process.communicate(timeout=2)
        except (subprocess.TimeoutExpired, OSError, ValueError):
            self._process.kill()
            self._process.wait()
        self._log.close()


class _Watchdog:
    """Kills a process that takes too long; a kill ends the read or write that waits for it."""

    def __init__(self, process: subprocess.Popen[bytes], limit_s: float) -> None:
        self.limit_s = limit_s
        self.fired = False
        self._process = process
        self._timer = Timer(limit_s, self._fire)
        self._timer.daemon = True

    def _fire(self) -> None:
        self.fired = True
        self._process.kill()

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
