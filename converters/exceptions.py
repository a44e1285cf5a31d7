"""Other people's exceptions, in a few words."""

from __future__ import annotations

import re

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_DUMP = re.compile(
    r"\s*(?:Full object config: |Make sure custom classes and functions are decorated |using config=)"
)
"""What begins a dump of a whole configuration, or advice that doesn't fit a file."""

_EMPTY_TALK = ("Exception encountered when calling", "in user code")
"""Lines that Keras and AutoGraph put in front of the one that says what happened."""


def summary(error: BaseException, limit: int = 300) -> str:
    """Class and first telling line: `ValueError: Invalid input shape …`, at most `limit` characters."""
    lines = [_COLOUR.sub("", line).strip() for line in str(error).splitlines()]
    telling = [line for line in lines if line and not line.startswith(_EMPTY_TALK)]
    first = next(iter(telling or [line for line in lines if line]), "")
    first = _DUMP.split(first)[0].rstrip()
    short = first if len(first) <= limit else first[: limit - 3] + "..."
    return f"{type(error).__name__}: {short}" if short else type(error).__name__
