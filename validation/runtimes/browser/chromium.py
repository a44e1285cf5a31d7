"""How Chromium, Chrome and Edge are started: headless, quiet, without a network, float32 on the GPU."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

_LEAST_SHARED_MEMORY = 2**31

_QUIET = (
    "--headless=new",
    "--no-first-run",
    "--no-default-browser-check",
    "--no-pings",
    "--no-proxy-server",
    "--mute-audio",
    "--password-store=basic",
    "--use-mock-keychain",
    "--disable-background-networking",
    "--disable-breakpad",
    "--disable-client-side-phishing-detection",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-extensions",
    "--disable-sync",
    "--metrics-recording-only",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
_AWAKE = (
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    "--disable-hang-monitor",
    # The GPU's own watchdog: a software GPU takes longer than it allows.
    "--disable-gpu-watchdog",
)
_SOFTWARE_GPU = (
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--use-webgpu-adapter=swiftshader",
)


def command(program: Path, profile: Path, url: str) -> list[str]:
    """The command line.

    Args:
        url: of a local file; everybody on this machine can read command lines.
    """
    gpu = () if has_gpu() else _SOFTWARE_GPU
    return [
        str(program),
        *_QUIET,
        *_AWAKE,
        *gpu,
        "--enable-unsafe-webgpu",
        "--ignore-gpu-blocklist",
        *_sandbox(),
        *_shared_memory(),
        f"--user-data-dir={profile}",
        url,
    ]


def has_gpu() -> bool:
    """Whether the system offers a GPU to programs; EDGEPROOF_SOFTWARE_GPU=1 says no."""
    if os.environ.get("EDGEPROOF_SOFTWARE_GPU") == "1":
        return False
    if not Path("/dev").is_dir() or os.uname().sysname == "Darwin":
        return True
    return any(Path("/dev").glob("dri/renderD*")) or Path("/dev/nvidia0").exists()


def _sandbox() -> tuple[str, ...]:
    # Chromium refuses to run as root with its sandbox. The only page it opens is ours.
    return ("--no-sandbox",) if hasattr(os, "geteuid") and os.geteuid() == 0 else ()


def _shared_memory() -> tuple[str, ...]:
    # Containers give /dev/shm 64 MB by default, and pages crash when it is full.
    place = Path("/dev/shm")
    if place.is_dir() and shutil.disk_usage(place).free < _LEAST_SHARED_MEMORY:
        return ("--disable-dev-shm-usage",)
    return ()
