"""The other end of `pipeline.worker`: answers calls until the pipe closes.

Started as `python -m pipeline.worker_main REQUESTS REPLIES PARENT`: two inherited file descriptors and
the parent's process id.
"""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import importlib
import json
import os
import queue
import signal
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any, Protocol, TextIO, get_type_hints

from converters.errors import EdgeproofError
from converters.progress import Progress, listening
from converters.serial import from_plain, to_plain
from converters.writing import explain

_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
_PROGRESS_INTERVAL_S = 0.05


class SupportsWrite(Protocol):
    def write(self, text: str, /) -> object: ...


def main(arguments: list[str]) -> None:
    """Serves calls, one after the other."""
    requests, replies, parent = (int(text) for text in arguments)
    _die_with(parent)
    faulthandler.enable()
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    incoming: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(requests, incoming), daemon=True).start()
    with os.fdopen(replies, "w", buffering=1, encoding="utf-8") as outgoing:
        while True:
            outgoing.write(json.dumps(answer(json.loads(incoming.get()), outgoing, sys.stderr)) + "\n")


def _write_traceback(log: TextIO) -> None:
    """Of the exception at hand; a disk that is full must not hide what went wrong."""
    with contextlib.suppress(OSError):
        traceback.print_exc(file=log)
        log.flush()


def _die_with(parent: int) -> None:
    """Asks the kernel for SIGKILL when the parent ends; elsewhere the closing pipe must do."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before we asked
        os._exit(1)


def _read(requests: int, incoming: queue.SimpleQueue[str]) -> None:
    """Queues each line; when the parent closes the pipe, ends the whole process group at once."""
    with os.fdopen(requests, encoding="utf-8") as stream:
        for line in stream:
            incoming.put(line)
    os.killpg(0, signal.SIGKILL)


def answer(request: dict[str, Any], outgoing: SupportsWrite, log: TextIO) -> dict[str, Any]:
    """Runs a call: its value, or what it raised, ready to be sent; its traceback goes to the log."""
    try:
        with listening(_Reporter(outgoing)):
            return {"value": _call(request["call"], request["kwargs"])}
    except EdgeproofError as error:
        _write_traceback(log)
        return {"refused": _parts(error)}
    except Exception as error:  # crosses the process border as text; the parent raises it again
        _write_traceback(log)
        if (explanation := explain(error, Path(request["kwargs"].get("out", ".")))) is not None:
            return {"refused": _parts(explanation)}
        summary = traceback.format_exception_only(error)[-1].strip()
        return {"bug": traceback.format_exc(), "summary": summary}


def _parts(error: EdgeproofError) -> dict[str, Any]:
    return {name: getattr(error, name) for name in ("what", "got", "want", "fix", "status")}


def _call(name: str, plain: dict[str, Any]) -> Any:
    module, _, function_name = name.partition(":")
    function = getattr(importlib.import_module(module), function_name)
    hints = get_type_hints(function)
    return to_plain(function(**{key: from_plain(value, hints[key]) for key, value in plain.items()}))


class _Reporter:
    """Sends progress to the parent, not more often than anybody can read it."""

    def __init__(self, outgoing: SupportsWrite) -> None:
        self._outgoing = outgoing
        self._next_s = 0.0
        self._stage = ""

    def __call__(self, event: Progress) -> None:
        now = time.monotonic()
        if now < self._next_s and event.stage == self._stage and event.done != event.total:
            return
        self._next_s, self._stage = now + _PROGRESS_INTERVAL_S, event.stage
        self._outgoing.write(json.dumps({"progress": to_plain(event)}) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
