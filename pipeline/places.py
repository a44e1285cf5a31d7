"""Where a command's log and temporary files are, and what the user is told of the log."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from converters.errors import EdgeproofError, ExitStatus
from converters.writing import explained
from pipeline.files import LOG_NAME, Workplace, hold

BUILD = Path("build")
BUNDLES = Path("bundles")


@contextlib.contextmanager
def held(directory: Path, command: str) -> Iterator[Workplace]:
    """A directory that this command works in; an error that leaves the block tells where the log is."""
    with hold(directory, command) as place:
        try:
            yield place
        except Exception as error:
            error.add_note(f"log: {place.log}")
            raise


@dataclass
class TemporaryPlace:
    """A directory that is gone when the command ends.

    Attributes:
        workplace: the directory and its log.
        keep_log: leave the log where it is, since the user was told of it.
    """

    workplace: Workplace
    keep_log: bool = False

    @property
    def directory(self) -> Path:
        return self.workplace.directory

    @property
    def log(self) -> Path:
        return self.workplace.log


@contextlib.contextmanager
def temporary(command: str) -> Iterator[TemporaryPlace]:
    """A directory that is gone afterwards; its log stays when the block raises more than bad usage."""
    with explained(Path(os.environ.get("TMPDIR", "/tmp")), always=True):
        directory = Path(tempfile.mkdtemp(prefix="edgeproof-"))
    place = TemporaryPlace(Workplace(directory, directory / LOG_NAME))
    try:
        with explained(directory, always=True):
            place.log.write_text(f"{command} (process {os.getpid()})\n", encoding="utf-8")
        yield place
    except Exception as error:
        place.keep_log = not (isinstance(error, EdgeproofError) and error.status is ExitStatus.USAGE)
        if place.keep_log:
            error.add_note(f"log: {place.log}")
        raise
    finally:
        for entry in directory.iterdir():
            if entry != place.log:
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        if not place.keep_log:
            shutil.rmtree(directory)


@contextlib.contextmanager
def scratch(place: Workplace) -> Iterator[Workplace]:
    """A directory for what is made on the way, inside another, gone when the block ends."""
    directory = Path(tempfile.mkdtemp(prefix=f".scratch-{os.getpid()}-", dir=place.directory))
    try:
        yield Workplace(directory, place.log)
    finally:
        shutil.rmtree(directory)
