"""Directories and files that appear whole or not at all, and one run at a time in a directory.

    Workplace         a directory with its log, held by one run at a time
    fresh_directory   a directory that is built beside its place and put there by renaming
    write_text        likewise for a file
    explain           what a full disk or a directory without write permission looks like to the user

Temporary names say who made them: `.NAME.partial-PID`. What a killed process left behind is removed
when the next one comes by; where it was killed between the two renames of a replacement, the earlier
directory is put back first.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from converters.errors import EdgeproofError

LOG_NAME = "edgeproof.log"

_PARTIAL, _REPLACED = "partial", "replaced"
_TEMPORARY = re.compile(r"\.(?P<name>.+)\.(?P<kind>partial|replaced)-(?P<pid>\d+)")
_SCRATCH = re.compile(r"\.scratch-(?P<pid>\d+)-.+")

_NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NO_PERMISSION = {errno.EACCES, errno.EPERM, errno.EROFS}


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
    partial, replaced = (_temporary(final, kind) for kind in (_PARTIAL, _REPLACED))
    with explained(final):
        final.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(final.parent)
        partial.mkdir()
    try:
        with explained(final):
            yield partial
            if final.exists():
                final.rename(replaced)
            partial.rename(final)
    except BaseException:
        if replaced.exists() and not final.exists():
            replaced.rename(final)
        raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        shutil.rmtree(replaced, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Writes a file whole; an earlier one stays when that fails."""
    partial = _temporary(path.absolute(), _PARTIAL)
    with explained(path):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            partial.write_text(text, encoding="utf-8")
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)


def remove_leftovers(directory: Path, ours_too: bool = False) -> None:
    """Removes what killed processes left in a directory, after putting back what they moved away.

    Args:
        directory: looked at without its subdirectories.
        ours_too: this process has not begun yet: what bears its number is from an earlier one
            (in a container every run may have the same).
    """
    for entry in list(directory.iterdir()):
        match = _TEMPORARY.fullmatch(entry.name) or _SCRATCH.fullmatch(entry.name)
        if match is None:
            continue
        pid = int(match["pid"])
        if not ours_too if pid == os.getpid() else _is_alive(pid):
            continue
        final = directory / match.groupdict().get("name", entry.name)
        if match.groupdict().get("kind") == _REPLACED and not final.exists():
            entry.rename(final)
        elif entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink()


@contextlib.contextmanager
def explained(place: Path, always: bool = False) -> Iterator[None]:
    """Turns an OSError that the user can cure into an EdgeproofError about `place`.

    Args:
        place: what was to be written.
        always: any OSError is the user's, since nothing but the place that was named is at fault.
    """
    try:
        yield
    except OSError as error:
        if (explanation := explain(error, place)) is not None:
            raise explanation from error
        if not always:
            raise
        raise EdgeproofError(
            f"{place}: can't be written to",
            got=str(error),
            want="a directory that exists or can be made",
            fix="give another directory with -o",
        ) from error


def explain(error: BaseException, place: Path) -> EdgeproofError | None:
    """What the user should know of a failure to write below `place`; None when it is none."""
    number = error.errno if isinstance(error, OSError) else None
    if (temporary := _TEMPORARY.fullmatch(place.name)) is not None:
        place = place.with_name(temporary["name"])
    # TensorFlow and protobuf say it in words only.
    if number in _NO_SPACE or "No space left on device" in str(error):
        return EdgeproofError(
            f"{place}: the disk is full",
            got=str(error),
            want="room for the exported files",
            fix="free some space, or give a directory on another disk with -o",
        )
    if number in _NO_PERMISSION:
        return EdgeproofError(
            f"{place}: no permission to write",
            got=str(error),
            want="a directory that can be written",
            fix="change its permissions, or give another directory with -o",
        )
    if number in {errno.ENOTDIR, errno.EEXIST}:
        return EdgeproofError(
            f"{place}: a file is in the way",
            got=str(error),
            want="a directory, or a name that is free",
            fix="remove the file, or give another directory with -o",
        )
    return None


def _temporary(final: Path, kind: str) -> Path:
    return final.with_name(f".{final.name}.{kind}-{os.getpid()}")


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
