"""Starts a browser, and ends it with everything that it started when the parent is gone.

    python keeper.py PROFILE COMMAND…

A program of its own, with nothing of edgeproof in it: it has to outlive a parent that is killed. It ends
when its stdin closes, which the kernel sees to however the parent dies, or when the browser ends. Then
every descendant is killed and the profile directory removed. Should the keeper itself be killed,
the kernel ends the browser (Linux), whose children notice that their pipes are closed.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import threading
import time

import psutil

_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
_PR_SET_CHILD_SUBREAPER = 36  # descendants whose parents die become ours, and don't slip away
_PATIENCE_S = 5.0


def main(profile: str, command: list[str]) -> int:
    """The browser's exit status; negative for a signal."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)
    keeper = os.getpid()
    browser = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=lambda: _die_with(keeper),  # noqa: PLW1509 - no other thread runs yet
    )
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: browser.kill())
    threading.Thread(target=_kill_at_end_of_stdin, args=(browser,), daemon=True).start()
    code = browser.wait()
    _kill_descendants()
    _remove(profile)
    return code


def _die_with(keeper: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != keeper:  # it ended before we asked
        os._exit(1)


def _kill_at_end_of_stdin(browser: subprocess.Popen[bytes]) -> None:
    while os.read(0, 4096):
        pass
    browser.kill()


def _kill_descendants() -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while (left := psutil.Process().children(recursive=True)) and time.monotonic() < deadline:
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(left, timeout=0.5)


def _remove(profile: str) -> None:
    """Again while something is still being written into it."""
    deadline = time.monotonic() + _PATIENCE_S
    while os.path.exists(profile) and time.monotonic() < deadline:  # noqa: PTH110 - starts faster without
        shutil.rmtree(profile, ignore_errors=True)
        time.sleep(0.02)


if __name__ == "__main__":
    status = main(sys.argv[1], sys.argv[2:])
    sys.exit(status if status >= 0 else 128 - status)
