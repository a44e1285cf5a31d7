"""Export targets: a format and a precision, written `tflite:int8`."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from converters.errors import EdgeproofError

PRECISIONS: dict[str, tuple[str, ...]] = {
    "tflite": ("float32", "float16", "dynamic_int8", "int8", "int8_io"),
    "tfjs": ("float32", "float16", "uint16", "uint8"),
    "onnx": ("float32", "float16"),
}
"""Precisions of each format; the first is the one that the others are made from.

`tflite:int8` keeps float inputs and outputs, `tflite:int8_io` has int8 ones.
"""

ORIGINAL = "keras"
"""The format of the original itself, which some runtimes open too; it is never exported."""


@dataclass(frozen=True, slots=True, order=True)
class ExportTarget:
    """One thing to export, `format:precision`."""

    format: str
    precision: str

    def __str__(self) -> str:
        return f"{self.format}:{self.precision}"

    @property
    def slug(self) -> str:
        """The target as a directory name: `tflite-int8`."""
        return f"{self.format}-{self.precision}"

    @property
    def base(self) -> ExportTarget:
        """The float32 target whose artifact this one is made from."""
        return self if self.format == ORIGINAL else ExportTarget(self.format, PRECISIONS[self.format][0])

    @property
    def is_base(self) -> bool:
        return self == self.base


def all_targets() -> tuple[ExportTarget, ...]:
    """Every target, in the order of the registry."""
    return tuple(ExportTarget(f, p) for f, precisions in PRECISIONS.items() for p in precisions)


def parse_targets(patterns: Iterable[str]) -> tuple[ExportTarget, ...]:
    """The targets that are named, in registry order, each once.

    Args:
        patterns: `tflite:int8`, a bare format (its float32), or a shell pattern (`tfjs:*`, `all`).

    Raises:
        EdgeproofError: a pattern matches no target.
    """
    chosen = {target for pattern in patterns for target in _match(pattern)}
    return tuple(target for target in all_targets() if target in chosen)


def _match(pattern: str) -> list[ExportTarget]:
    text = {"all": "*:*"}.get(pattern, pattern)
    if text in PRECISIONS:
        text = f"{text}:{PRECISIONS[text][0]}"
    found = [target for target in all_targets() if fnmatchcase(str(target), text)]
    if not found:
        known = [str(target) for target in all_targets()]
        close = difflib.get_close_matches(pattern, known, n=3, cutoff=0.5)
        raise EdgeproofError(
            f"{pattern}: no such export target",
            got=repr(pattern),
            want="one of " + ", ".join(known),
            fix=f"did you mean {' or '.join(close)}?" if close else "name one of these targets",
        )
    return found
