"""Python environments with an engine that can't live beside the others: where one is, how to make one.

Every build of ONNX Runtime is a module of the same name, and what needs CUDA brings 5 GB along. So each
has an environment of its own, that `make runtime-NAME` fills with locked packages. Looked for, in this order:
what `--runtime-python` and EDGEPROOF_RUNTIME_PYTHON name, the environment of edgeproof itself, and
~/.cache/edgeproof/runtimes/NAME.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

VARIABLE = "EDGEPROOF_RUNTIME_PYTHON"

_PROGRAMS = ("bin/python", "Scripts/python.exe", "bin/python3")
_LIBRARIES = ("lib*/python3*/*-packages", "local/lib/python3*/*-packages", "Lib/site-packages")
"""Where packages lie below an environment: everywhere, Debian's own Python, Windows."""


@dataclass(frozen=True, slots=True)
class Environment:
    """An environment and what it must have.

    Attributes:
        name: as in `make runtime-NAME`.
        requirement: what to give to pip, where there is no `make`.
        packages: every one of these must be installed; `a|b` is one or the other.
    """

    name: str
    requirement: str
    packages: tuple[str, ...]


def find_python(environment: Environment) -> Path | None:
    """The interpreter of the first environment that has the packages, or None. Starts no process."""
    return next((python for python in _candidates(environment) if _has(python, environment)), None)


def how_to_make(environment: Environment) -> str:
    """What to do to get one."""
    place = _made(environment)
    return (
        f"run `make runtime-{environment.name}`, or `python3 -m venv {place} && {place}/bin/pip install "
        f"{environment.requirement}`, or name a Python that has it with --runtime-python or {VARIABLE}"
    )


def _made(environment: Environment) -> Path:
    return Path("~/.cache/edgeproof/runtimes") / environment.name


def _candidates(environment: Environment) -> Iterator[Path]:
    for entry in filter(None, os.environ.get(VARIABLE, "").split(os.pathsep)):
        yield from _programs(Path(entry).expanduser())
    yield Path(sys.executable)
    yield from _programs(_made(environment).expanduser())


def _programs(place: Path) -> Iterator[Path]:
    """The interpreter itself, or the one of an environment."""
    named = [place / name for name in _PROGRAMS] if place.is_dir() else [place]
    yield from (path for path in named if path.is_file() and os.access(path, os.X_OK))


def _has(python: Path, environment: Environment) -> bool:
    # The link's own folder, not what it points to: that is how Python finds its environment, too.
    root = python.parent if os.name == "nt" and python.parent.name != "Scripts" else python.parent.parent
    found = {_normal(path.name) for library in _LIBRARIES for path in root.glob(f"{library}/*.dist-info")}
    return all(found & {_normal(name) for name in row.split("|")} for row in environment.packages)


def _normal(name: str) -> str:
    """`onnxruntime_openvino-1.24.1.dist-info` and `onnxruntime-openvino` alike."""
    return name.partition("-")[0] if name.endswith(".dist-info") else name.replace("-", "_")
