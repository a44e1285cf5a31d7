"""Directories that appear whole or not at all, and one run at a time in a directory.

    Workplace         a directory with its log, held by one run at a time
    fresh_directory   a directory that is built beside its place and put there by renaming

What a killed process left behind (`converters.writing` names it) is removed when the next one comes by;
where it was killed between the two renames of a replacement, the earlier directory is put back first.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from converters.errors import EdgeproofError
from converters.writing import PARTIAL, REPLACED, SCRATCH, TEMPORARY, explained, temporary_name

LOG_NAME = "edgeproof.log"


@dataclass(frozen=True, slots=True)
class Workplace:
    """A directory that this process holds, and the log in it."""

    directory: Path
    log: Path


@contextlib.contextmanager
def hold(directory: Path, command: str) -> Iterator[Workplace]:
    """Makes a directory and keeps other runs out of it until the block ends.

    The log is what is locked: it is there anyway, starts anew with every run, and its first line
    says who is at work.

    Raises:
        EdgeproofError: another run holds the directory, or it can't be written.
    """
    directory = directory.absolute()
    log = directory / LOG_NAME
    with explained(directory, always=True):
        directory.mkdir(parents=True, exist_ok=True)
        stream = log.open("a+", encoding="utf-8")
    with stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            stream.seek(0)
            raise EdgeproofError(
                f"{directory}: another run is at work in this directory",
                got=stream.readline().strip() or "a run that has just begun",
                want="one run at a time",
                fix="wait until it ends, or give another directory with -o",
            ) from error
        with explained(directory):
            stream.truncate(0)
            stream.write(f"{command} (process {os.getpid()})\n")
            stream.flush()
            _clear(directory)
        try:
            yield Workplace(directory, log)
        finally:
            # A signal may have come between making a directory and remembering to remove it. What
            # can't be removed now is removed by the next run.
            with contextlib.suppress(OSError):
                _clear(directory)


def _clear(directory: Path) -> None:
    remove_leftovers(directory, ours_too=True)
    for below in filter(Path.is_dir, directory.iterdir()):
        remove_leftovers(below, ours_too=True)


@contextlib.contextmanager
def fresh_directory(final: Path) -> Iterator[Path]:
    """An empty directory to fill, which takes the place of `final` when the block ends well.

    Whatever stood there stays until then, and stays for good when the block raises; then nothing
    new is left on disk.
    """
    final = final.absolute()
    partial, replaced = (temporary_name(final, kind) for kind in (PARTIAL, REPLACED))
    with explained(final):
        final.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(final.parent)
        partial.mkdir()
    try:
        with explained(final):
            yield partial
            with _alone_in(final.parent):
                if final.is_dir():
                    final.rename(replaced)
                partial.rename(final)
    except BaseException:
        if replaced.exists() and not final.exists():
            replaced.rename(final)
        raise
    finally:
        _remove(partial)
        _remove(replaced)


@contextlib.contextmanager
def _alone_in(directory: Path) -> Iterator[None]:
    """Keeps other runs from replacing anything in a directory at the same moment."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _remove(entry: Path) -> None:
    """Whatever it is, as far as possible; the next run tries again."""
    if entry.is_dir() and not entry.is_symlink():
        shutil.rmtree(entry, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            entry.unlink()


def remove_leftovers(directory: Path, ours_too: bool = False) -> None:
    """Removes what killed processes left in a directory, after putting back what they moved away.

    Args:
        directory: looked at without its subdirectories.
        ours_too: this process has not begun yet: what bears its number is from an earlier one
            (in a container every run may have the same).
    """
    for entry in list(directory.iterdir()):
        match = TEMPORARY.fullmatch(entry.name) or SCRATCH.fullmatch(entry.name)
        if match is None:
            continue
        pid = int(match["pid"])
        if not ours_too if pid == os.getpid() else _is_alive(pid):
            continue
        final = directory / match.groupdict().get("name", entry.name)
        if match.groupdict().get("kind") == REPLACED and not final.exists():
            entry.rename(final)
        else:
            _remove(entry)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
