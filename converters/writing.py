"""Files that appear whole or not at all, and what a full disk or a forbidden place looks like to the user.

Temporary names say who made them: `.NAME.partial-PID`, `.scratch-PID-…`, so that the next run can tell what a
killed one left behind (`pipeline.files.remove_leftovers`).
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Iterator
from pathlib import Path

from converters.errors import EdgeproofError

PARTIAL, REPLACED = "partial", "replaced"
SCRATCH = re.compile(r"\.scratch-(?P<pid>\d+)-.+")
TEMPORARY = re.compile(r"\.(?P<name>.+)\.(?P<kind>partial|replaced)-(?P<pid>\d+)")

_NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NO_PERMISSION = {errno.EACCES, errno.EPERM, errno.EROFS}
_IN_THE_WAY = {errno.ENOTDIR: "a file", errno.EEXIST: "a file", errno.EISDIR: "a directory"}


def temporary_name(final: Path, kind: str) -> Path:
    """Beside `final`, of this process."""
    return final.with_name(f".{final.name}.{kind}-{os.getpid()}")


def write_text(path: Path, text: str) -> None:
    """Writes a file whole; an earlier one stays when that fails.

    Raises:
        EdgeproofError: the place can't be written to.
    """
    partial = temporary_name(path.absolute(), PARTIAL)
    with explained(path, always=True):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            partial.write_text(text, encoding="utf-8")
            partial.replace(path)
        finally:
            with contextlib.suppress(OSError):
                partial.unlink()


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
            want="a place that exists or can be made",
            fix="give another place",
        ) from error


def explain(error: BaseException, place: Path) -> EdgeproofError | None:
    """What the user should know of a failure to write below `place`; None when it is none."""
    number = error.errno if isinstance(error, OSError) else None
    place = _as_named(place)
    # TensorFlow and protobuf say it in words only.
    if number in _NO_SPACE or "No space left on device" in str(error):
        return EdgeproofError(
            f"{place}: the disk is full",
            got=str(error),
            want="room for what is written",
            fix="free some space, or write to another disk",
        )
    if number in _NO_PERMISSION:
        return EdgeproofError(
            f"{place}: no permission to write",
            got=str(error),
            want="a place that can be written to",
            fix="change its permissions, or give another place",
        )
    if number in _IN_THE_WAY:
        return EdgeproofError(
            f"{place}: {_IN_THE_WAY[number]} is in the way",
            got=str(error),
            want="a directory, or a name that is free",
            fix="move it away, or give another place",
        )
    return None


def _as_named(place: Path) -> Path:
    """The same without temporary names, which the user never gave."""
    for part in (place, *place.parents):
        if SCRATCH.fullmatch(part.name):
            return part.parent
    temporary = TEMPORARY.fullmatch(place.name)
    return place if temporary is None else place.with_name(temporary["name"])
