"""Starts a browser, and ends it with everything that it started when the parent is gone.

    python keeper.py PROFILE XVFB COMMAND…      XVFB: a program that makes a display first; "" for none

A program of its own, with nothing of edgeproof in it: it has to outlive a parent that is killed. It ends
when its stdin closes, which the kernel sees to however the parent dies, or when the browser ends. Then
every descendant is killed and the profile directory removed. Should the keeper itself be killed,
the kernel ends browser and display (Linux), and the browser's children notice that their pipes are closed.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import secrets
import select
import shutil
import signal
import struct
import subprocess
import sys
import threading
import time
from typing import Any

import psutil

_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
_PR_SET_CHILD_SUBREAPER = 36  # descendants whose parents die become ours, and don't slip away
_PATIENCE_S = 5.0
_DISPLAY_S = 15.0


def main(profile: str, xvfb: str, command: list[str]) -> int:
    """The browser's exit status; negative for a signal."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)
    environment = {**os.environ, **(_start_display(xvfb, profile) if xvfb else {})}
    browser = _start(command, env=environment)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: browser.kill())
    threading.Thread(target=_kill_at_end_of_stdin, args=(browser,), daemon=True).start()
    code = browser.wait()
    _kill_descendants()
    _remove(profile)
    return code


def _start_display(xvfb: str, profile: str) -> dict[str, str]:
    """Where a new display is, for this user only; nothing where Xvfb can't make one, as it will have said."""
    authority = os.path.join(profile, "Xauthority")  # noqa: PTH118 - starts faster without
    cookie, name = secrets.token_bytes(16), b"MIT-MAGIC-COOKIE-1"
    with open(authority, "wb") as file:  # noqa: PTH123
        # Any address and any display. Source: Xauth's file format, Xau(3).
        file.write(
            struct.pack(">HHHH", 0xFFFF, 0, 0, len(name)) + name + struct.pack(">H", len(cookie)) + cookie
        )
    ours, theirs = os.pipe()
    screen = ("-screen", "0", "1280x1024x24", "-nolisten", "tcp", "-auth", authority)
    # It takes the first number that is free: several can start at once.
    _start([xvfb, "-displayfd", str(theirs), *screen], pass_fds=[theirs])
    os.close(theirs)
    ready = select.select([ours], [], [], _DISPLAY_S)[0]
    number = os.read(ours, 16).decode().strip() if ready else ""
    return {"DISPLAY": f":{number}", "XAUTHORITY": authority} if number else {}


def _start(command: list[str], **options: Any) -> subprocess.Popen[bytes]:
    keeper = os.getpid()
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=lambda: _die_with(keeper),  # noqa: PLW1509 - no other thread runs yet
        **options,
    )


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
    status = main(sys.argv[1], sys.argv[2], sys.argv[3:])
    sys.exit(status if status >= 0 else 128 - status)
