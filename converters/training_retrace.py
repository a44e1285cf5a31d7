"""Notices a `tf.function` that is traced anew with every call, which makes training slow."""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Iterator

_WARNING = re.compile(
    r"out of the last (\d+) calls to (?:<function )?(\S+) .*triggered tf\.function retracing"
)


class _Ear(logging.Handler):
    """Turns TensorFlow's own warnings about retracing into notes."""

    def __init__(self, notes: list[str]) -> None:
        super().__init__(logging.WARNING)
        self.notes = notes
        self.functions: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        found = _WARNING.search(record.getMessage())
        if found and found.group(2) not in self.functions:
            self.functions.add(found.group(2))
            self.notes.append(
                f"The tf.function {found.group(2)} is traced anew with every call, which is slow: pass "
                "tensors instead of Python numbers, keep shapes the same, and make it once, outside of loops."
            )


@contextlib.contextmanager
def retracing_noted() -> Iterator[list[str]]:
    """Fills the list with one note for each function that keeps being traced while the block runs."""
    notes: list[str] = []
    logger = logging.getLogger("tensorflow")
    ear, level = _Ear(notes), logger.level
    logger.addHandler(ear)
    logger.setLevel(min(level or logging.WARNING, logging.WARNING))
    try:
        yield notes
    finally:
        logger.removeHandler(ear)
        logger.setLevel(level)
