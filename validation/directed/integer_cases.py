"""Directed cases of integer inputs."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from validation.directed.builder import PAIR, Case, CaseBuilder
from validation.directed.inputs import Input
from validation.directed.patterns import Shape, all_equal, fill
from validation.directed.values import INTEGERS

MOST_ROWS = 8
"""Samples that go through the rows of a table."""


def integer_cases(builder: CaseBuilder) -> Iterator[Case]:
    """Inside the domain, which ends where the original has no answer."""
    for family in INTEGERS:
        yield from builder.family(family, "integer")
    yield from builder.build("the same integer everywhere", PAIR, _repeated, "integer")
    yield from builder.build("ascending integers", _rows(builder), _ascending, "integer")
    for entry in builder.of("integer"):
        for length in entry.tables:
            yield from _table_ends(builder, entry, length)
    yield from _ends(builder)


def _repeated(entry: Input, shape: Shape, _: int) -> np.ndarray:
    """Duplicates for whatever scatters or counts: a middle value, then one beside it."""
    middle = int(entry.span[0] + entry.span[1]) // 2
    return all_equal(shape, max(middle - 1, int(entry.span[0])), middle)


def _ascending(entry: Input, shape: Shape, _: int) -> np.ndarray:
    """Every integer of the span in turn, so every row of a table; of a wide span evenly many."""
    low, high = (int(end) for end in entry.span)
    count = min(high - low + 1, max(int(np.prod(shape, dtype=np.int64)), 2))
    return fill(shape, [low + number * (high - low) // max(count - 1, 1) for number in range(count)], 0)


def _rows(builder: CaseBuilder) -> int:
    """Samples for every row of every table, if these are not too many."""
    counts = (builder.needed(e, int(e.span[1] - e.span[0]) + 1) for e in builder.of("integer"))
    return min(max(counts, default=1), MOST_ROWS)


def _table_ends(builder: CaseBuilder, entry: Input, length: int) -> Iterator[Case]:
    """An index within its table, and one beside it where the original defines an answer."""
    for name, index in (
        (f"the last index of {length}", length - 1),
        (f"an index beyond {length}", length),
        ("the index -1", -1),
    ):
        if entry.inside(index):
            yield from _index(builder, name, entry, index)


def _index(builder: CaseBuilder, name: str, concerned: Input, index: int) -> Iterator[Case]:
    """One index among zeros, in one input."""

    def indices(entry: Input, shape: Shape, _: int) -> np.ndarray | None:
        return fill(shape, (index, 0), 0) if entry is concerned else None

    yield from builder.build(name, 1, indices, "integer")


def _ends(builder: CaseBuilder) -> Iterator[Case]:
    """The least and greatest integers, where they decide no sizes."""

    def near_ends(entry: Input, shape: Shape, turn: int) -> np.ndarray | None:
        low, high = (int(end) for end in entry.limits or entry.span)
        near = sorted({low, min(low + 1, high), max(high - 1, low), high})
        return fill(shape, near, turn) if entry.spec.name not in builder.facts.sizes else None

    yield from builder.build("the ends of the domain", PAIR, near_ends, "integer")
