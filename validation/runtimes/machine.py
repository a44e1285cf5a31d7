"""Facts about this machine that belong into a device string."""

from __future__ import annotations

import platform
from functools import cache
from pathlib import Path

THREADS = 2
"""Threads of each engine. Fixed, so that results don't depend on how many cores a machine has:
a reduction that is split into more pieces rounds otherwise."""

# From the widest down; names as in /proc/cpuinfo.
_X86 = ("avx512f", "avx2", "avx", "sse4_2")
_ARM = ("sve2", "sve", "asimd")


@cache
def instruction_set() -> str:
    """Architecture and widest vector extension of the CPU, as far as the system tells: `x86_64 avx2`."""
    machine = platform.machine()
    info = Path("/proc/cpuinfo")
    words = set(info.read_text().split()) if info.exists() else set()
    widest = next((name for name in _X86 + _ARM if name in words), "")
    return f"{machine} {widest}".strip()
