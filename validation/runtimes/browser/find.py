"""Where the browsers of this machine are.

`--browser-path` and the environment variable EDGEPROOF_BROWSER_PATH name programs, or directories with
them, that are tried before the PATH.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from validation.runtimes.browser.families import FAMILIES

VARIABLE = "EDGEPROOF_BROWSER_PATH"


def find_browser(family: str) -> Path | None:
    """The program of a family ("chromium", "firefox", "webkit"), or None."""
    for entry in _named():
        found = _program_at(entry, family)
        if found is not None:
            return found
    for name in FAMILIES[family].programs:
        program = shutil.which(name)
        if program is not None:
            return Path(program)
    return next((place for place in _places(family) if _is_program(place)), None)


def hint(family: str) -> str:
    """How to get a browser of this family."""
    return (
        f"run `make browsers` or `apt-get install {FAMILIES[family].packages}`, "
        f"or name its program with --browser-path or {VARIABLE}"
    )


def _named() -> list[Path]:
    return [Path(entry) for entry in os.environ.get(VARIABLE, "").split(os.pathsep) if entry]


def _places(family: str) -> list[Path]:
    patterns = [Path(place).expanduser() for place in FAMILIES[family].places]
    found = [sorted(Path("/").glob(str(pattern.relative_to("/"))), reverse=True) for pattern in patterns]
    return [path for paths in found for path in paths]


def _program_at(entry: Path, family: str) -> Path | None:
    """The program itself, or one in a directory; by its name, so that no family takes another's."""
    candidates = [entry / name for name in FAMILIES[family].programs] if entry.is_dir() else [entry]
    return next((path for path in candidates if _is_program(path) and _belongs(path, family)), None)


def _belongs(path: Path, family: str) -> bool:
    """Whether the name is the family's, or nobody's: any program may be called a Chromium."""
    name = path.name.lower()
    owner = next((row.name for row in FAMILIES.values() if name in map(str.lower, row.programs)), "chromium")
    return owner == family


def _is_program(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)
