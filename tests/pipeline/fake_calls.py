"""Functions for a worker to run: each behaves in one way that a framework may."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from converters.errors import EdgeproofError, ExitStatus
from converters.progress import advance
from validation.runtime import Availability


@dataclass(frozen=True, slots=True)
class Box:
    path: Path
    sizes: tuple[int, ...]
    ratio: float | None = None


def grow(box: Box, by: int) -> Box:
    return Box(box.path / "more", (*box.sizes, by), float("nan"))


def chatter(text: str) -> None:
    print(text)
    os.write(2, f"{text} from C\n".encode())


def refuse() -> None:
    raise EdgeproofError(
        "a.keras: refused",
        got="this",
        want="that",
        fix="do it",
        status=ExitStatus.UNAVAILABLE,
    )


def stumble() -> None:
    raise ZeroDivisionError("unforeseen")


def fill_disk(out: Path) -> None:
    raise OSError(28, "No space left on device", str(out / "model.tflite"))


def die(number: int) -> None:
    os.kill(os.getpid(), number)


def leave(status: int) -> None:
    os._exit(status)


def hang(marker: Path | None = None) -> None:
    if marker is not None:
        marker.write_text(str(os.getpid()))
    time.sleep(600)


def hang_with_child(marker: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    marker.write_text(f"{os.getpid()} {child.pid}")
    time.sleep(600)


def ignore_terminate_and_hang(marker: Path) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    hang(marker)


def eat() -> None:
    held = []
    while True:
        held.append(b"x" * 20_000_000)
        time.sleep(0.01)


def count(to: int) -> int:
    for number in range(1, to + 1):
        advance("count", number, to, f"at {number}")
    return to


def process_id() -> int:
    return os.getpid()


def environment(name: str) -> str | None:
    return os.environ.get(name)


def leave_temporary_file() -> Path:
    _, name = tempfile.mkstemp()
    return Path(name)


def modules() -> tuple[str, ...]:
    return tuple(sys.modules)


def where_pipeline_is() -> Path:
    import pipeline

    return Path(pipeline.__file__)


def crash() -> Availability:
    os._exit(3)
