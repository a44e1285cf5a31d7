"""A display for browsers that need one: ours, or Xvfb, which the keeper starts and ends with the browser."""

from __future__ import annotations

import os
import shutil
import sys


def missing() -> str | None:
    """How to get a display, or None where there is one or can be one."""
    if has_display() or xvfb() is not None:
        return None
    return "run `make browsers` or `apt-get install xvfb`, or set DISPLAY: there is no display here"


def has_display() -> bool:
    """Whether there is a display already."""
    if sys.platform == "darwin":
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def xvfb() -> str | None:
    """The program that makes a display in memory, where it is here and needed."""
    return None if has_display() else shutil.which("Xvfb")
