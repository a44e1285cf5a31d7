"""Where the browsers of this machine are.

`--browser-path` and the environment variable EDGEPROOF_BROWSER_PATH name programs, or directories with
them, that are tried before the PATH.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

VARIABLE = "EDGEPROOF_BROWSER_PATH"

PROGRAMS = {
    "chromium": (
        "chromium",
        "chromium-browser",
        "google-chrome",
        "google-chrome-stable",
        "chrome",
        "headless_shell",
        "microsoft-edge",
        "microsoft-edge-stable",
        "msedge",
    ),
    "firefox": ("firefox", "firefox-esr"),
}
"""Names of each family's programs, the first found is taken."""

# Where systems put a browser that is not on the PATH, and where `make browsers` puts one.
_PLACES = {
    "chromium": (
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
        "/Applications/Chromium.app/Contents/MacOS/Chromium",
        "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
        "/opt/google/chrome/chrome",
        "~/.cache/edgeproof/browsers/chromium/chromium",
    ),
    "firefox": ("/Applications/Firefox.app/Contents/MacOS/firefox",),
}

_PACKAGES = {"chromium": "chromium", "firefox": "firefox-esr"}


def find_browser(family: str) -> Path | None:
    """The program of a family ("chromium", "firefox"), or None."""
    for entry in _named():
        found = _program_at(entry, family)
        if found is not None:
            return found
    for name in PROGRAMS[family]:
        program = shutil.which(name)
        if program is not None:
            return Path(program)
    places = (Path(place).expanduser() for place in _PLACES[family])
    return next((place for place in places if _is_program(place)), None)


def hint(family: str) -> str:
    """How to get a browser of this family."""
    return (
        f"run `make browsers` or `apt-get install {_PACKAGES[family]}`, "
        f"or name its program with --browser-path or {VARIABLE}"
    )


def _named() -> list[Path]:
    return [Path(entry) for entry in os.environ.get(VARIABLE, "").split(os.pathsep) if entry]


def _program_at(entry: Path, family: str) -> Path | None:
    """The program itself, or one in a directory; by its name, so that no family takes another's."""
    candidates = [entry / name for name in PROGRAMS[family]] if entry.is_dir() else [entry]
    return next((path for path in candidates if _is_program(path) and _belongs(path, family)), None)


def _belongs(path: Path, family: str) -> bool:
    others = {name for other, names in PROGRAMS.items() if other != family for name in names}
    return path.name.lower() not in others


def _is_program(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)
