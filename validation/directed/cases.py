"""The cases that are worth trying on one model: each a few samples with one thing in common.

A case concerns the inputs of one kind; the others keep what the background gives them, so that whatever
differs comes from the case.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from validation.directed.graph_facts import GraphFacts
from validation.directed.inputs import Input
from validation.directed.patterns import PATTERNS, Pattern, Shape, all_equal, fill
from validation.directed.values import FLOATS, INTEGERS, TEXTS, Family
from validation.domain import Domain
from validation.dtypes import as_bytes, is_float, numpy_dtype

PAIR = 2
"""Samples of a pattern."""

SMALL = 1e-3
"""Of the usual magnitude: where biases and epsilons outweigh the inputs."""

MOST_ROWS = 8
"""Samples that go through the rows of a table."""

BEYOND = 3.0
"""Times the domain, for what is reported only."""

Chunk = dict[str, np.ndarray]
Make = Callable[[Input, Shape, int], np.ndarray]
"""Values for some samples of an input, given its place among the inputs."""


@dataclass(frozen=True, slots=True)
class Case:
    """Samples to try.

    Attributes:
        name: what they try, in words.
        chunk: by input name, the samples along the first dimension.
        inside: of the domain.
    """

    name: str
    chunk: Chunk
    inside: bool = True


class CaseMaker:
    """Makes the cases of one model.

    Args:
        inputs: of the signature.
        facts: of its graph.
        domain: what the user says.
        background: gives some natural samples; a case keeps those inputs that it does not concern.
        least: samples in a case: a model with a fixed batch takes no fewer.
    """

    def __init__(
        self,
        inputs: Sequence[Input],
        facts: GraphFacts,
        domain: Domain,
        background: Callable[[int], Chunk],
        least: int = 1,
    ) -> None:
        self._inputs, self._facts, self._domain = inputs, facts, domain
        self._background, self._least = background, least

    def cases(self) -> Iterator[Case]:
        """Those inside the domain first, the likeliest to find a fault before the others."""
        yield from self._zeros()
        yield from self._floats()
        yield from self._integers()
        yield from self._flags()
        yield from self._texts()
        yield from self._specials()
        yield from self._beyond()

    def _zeros(self) -> Iterator[Case]:
        if all(entry.inside(0) for entry in self._numeric()):
            yield from self._make("zeros", 1, lambda _, shape, __: np.zeros(shape), "float", "integer")

    def _floats(self) -> Iterator[Case]:
        for family in FLOATS:
            yield from self._family(family, "float")
        for name, pattern in PATTERNS.items():
            yield from self._pattern(name, pattern)
        if all(entry.inside(0) for entry in self._of("float")):
            yield from self._make("small magnitudes", 1, self._small, "float")
        if any(_reaches_beyond(entry) for entry in self._of("float")):
            yield from self._make("large magnitudes", PAIR, self._large, "float")

    def _pattern(self, name: str, pattern: Pattern) -> Iterator[Case]:
        def shaped(entry: Input, shape: Shape, _: int) -> np.ndarray:
            return pattern(shape, *entry.span)

        yield from self._make(name, PAIR, shaped, "float")

    def _integers(self) -> Iterator[Case]:
        for family in INTEGERS:
            yield from self._family(family, "integer")
        yield from self._make("the same integer everywhere", PAIR, self._repeated, "integer")
        yield from self._make("ascending integers", self._samples_for_tables(), self._ascending, "integer")
        for entry in self._of("integer"):
            for length in entry.tables:
                yield from self._table_ends(entry, length)
        yield from self._make("the ends of the domain", PAIR, self._ends, "integer")

    def _flags(self) -> Iterator[Case]:
        yield from self._make(
            "all true, all false", PAIR, lambda _, shape, __: all_equal(shape, 0, 1), "bool"
        )

    def _texts(self) -> Iterator[Case]:
        def texts(_: Input, shape: Shape, turn: int) -> np.ndarray:
            places = fill(shape, range(len(TEXTS)), turn)
            return np.array([TEXTS[int(place)] for place in places.ravel()], object).reshape(shape)

        yield from self._make("empty, long and foreign text", PAIR, texts, "string")

    def _specials(self) -> Iterator[Case]:
        """What is no number, and what most engines take for zero; among natural values."""
        for name, values, counts in (
            ("NaN", (np.nan,), self._domain.nan),
            ("the infinities", (np.inf, -np.inf), self._domain.inf),
            ("denormals", (1e-39, -1e-40, 1.4e-45), self._domain.denormals),
        ):
            yield from self._sprinkle(name, values, counts)

    def _beyond(self) -> Iterator[Case]:
        """Floats that the data never reach."""
        floats = [entry for entry in self._of("float") if entry.limits]

        def stretched(entry: Input, shape: Shape, turn: int) -> np.ndarray:
            assert entry.limits is not None
            low, high = entry.limits
            far = BEYOND * max(abs(low), abs(high), high - low)
            return fill(shape, (far, -far, far / 2, -far / 2, far / 5), turn)

        if any(not _reaches_beyond(entry) for entry in floats):
            yield from self._make("beyond the domain", 1, stretched, "float", inside=False)

    def _family(self, family: Family, kind: str) -> Iterator[Case]:
        if family.ops and not self._facts.has(family.ops):
            return
        entries = [entry for entry in self._of(kind) if len(_chosen(family, entry)) > 1]
        if not entries:
            return
        needed = max(_needed(len(_chosen(family, e)), self._shape(e, 1)) for e in entries)

        def values(entry: Input, shape: Shape, turn: int) -> np.ndarray | None:
            chosen = _chosen(family, entry)
            return fill(shape, chosen, turn) if len(chosen) > 1 else None

        yield from self._make(family.case, needed, values, kind)

    def _sprinkle(self, name: str, values: tuple[float, ...], counts: bool) -> Iterator[Case]:
        """Every other element is one of these."""

        def special(entry: Input, shape: Shape, turn: int) -> np.ndarray:
            drawn = self._background(shape[0])[entry.spec.name].astype(np.float64)
            places = np.arange(drawn.size).reshape(shape)
            return np.where((places + turn) % 2 == 0, fill(shape, values, 0), drawn)

        yield from self._make(name, PAIR, special, "float", inside=counts)

    def _small(self, entry: Input, shape: Shape, turn: int) -> np.ndarray:
        return np.random.default_rng((0, turn)).uniform(*entry.span, shape) * SMALL

    def _large(self, entry: Input, shape: Shape, turn: int) -> np.ndarray:
        assert entry.limits is not None
        return np.random.default_rng((1, turn)).uniform(*entry.limits, shape)

    def _repeated(self, entry: Input, shape: Shape, _: int) -> np.ndarray:
        """Duplicates for whatever scatters or counts: a middle value, then one beside it."""
        middle = int(entry.span[0] + entry.span[1]) // 2
        return all_equal(shape, max(middle - 1, int(entry.span[0])), middle)

    def _ascending(self, entry: Input, shape: Shape, _: int) -> np.ndarray:
        """Every integer of the span in turn, so every row of a table; of a wide span evenly many."""
        low, high = (int(end) for end in entry.span)
        count = min(high - low + 1, max(int(np.prod(shape, dtype=np.int64)), 2))
        return fill(shape, [low + number * (high - low) // max(count - 1, 1) for number in range(count)], 0)

    def _samples_for_tables(self) -> int:
        """Enough for every row, if that is not too much."""
        entries = self._of("integer")
        counts = (_needed(int(e.span[1] - e.span[0]) + 1, self._shape(e, 1)) for e in entries)
        return min(max(counts, default=1), MOST_ROWS)

    def _table_ends(self, entry: Input, length: int) -> Iterator[Case]:
        """An index within its table, and one beside it where the original defines an answer."""
        for name, value in (
            (f"the last index of {length}", length - 1),
            (f"an index beyond {length}", length),
            ("the index -1", -1),
        ):
            if entry.inside(value):
                yield from self._index(name, entry, value)

    def _index(self, name: str, concerned: Input, index: int) -> Iterator[Case]:
        """One index among zeros, in one input."""

        def indices(entry: Input, shape: Shape, _: int) -> np.ndarray | None:
            return fill(shape, (index, 0), 0) if entry is concerned else None

        yield from self._make(name, 1, indices, "integer")

    def _ends(self, entry: Input, shape: Shape, turn: int) -> np.ndarray | None:
        assert entry.limits is not None
        low, high = (int(limit) for limit in entry.limits)
        near = sorted({low, min(low + 1, high), max(high - 1, low), high})
        return fill(shape, near, turn) if entry.spec.name not in self._facts.sizes else None

    def _make(
        self,
        name: str,
        samples: int,
        make: Callable[[Input, Shape, int], np.ndarray | None],
        *kinds: str,
        inside: bool = True,
    ) -> Iterator[Case]:
        """A case, unless it concerns no input."""
        samples = -(-samples // self._least) * self._least
        chunk = self._background(samples)
        concerned = False
        for turn, entry in enumerate(self._inputs):
            shape = chunk[entry.spec.name].shape
            made = make(entry, shape, turn) if entry.kind in kinds else None
            if made is not None:
                chunk[entry.spec.name] = _as_dtype(made, entry, clip=inside and name != "denormals")
                concerned = True
        if concerned:
            yield Case(name, chunk, inside)

    def _numeric(self) -> list[Input]:
        return [*self._of("float"), *self._of("integer")]

    def _of(self, kind: str) -> list[Input]:
        return [entry for entry in self._inputs if entry.kind == kind]

    def _shape(self, entry: Input, samples: int) -> Shape:
        return self._background(samples)[entry.spec.name].shape


def _chosen(family: Family, entry: Input) -> list[float]:
    """The family's values inside the domain, in the dtype's own kind."""
    return [value for value in family.values if entry.inside(value)]


def _needed(values: int, sample: Shape) -> int:
    """Samples that hold so many values."""
    return -(-values // max(int(np.prod(sample[1:], dtype=np.int64)), 1))


def _reaches_beyond(entry: Input) -> bool:
    """Whether the domain is much wider than what usually occurs: nobody told what the input is like."""
    if entry.limits is None:
        return False
    return entry.limits[1] - entry.limits[0] > 10 * (entry.span[1] - entry.span[0])


def _as_dtype(values: np.ndarray, entry: Input, clip: bool) -> np.ndarray:
    dtype = entry.spec.dtype
    if dtype == "string":
        return as_bytes(values)
    if dtype == "bool":
        return values.astype(bool)
    if entry.limits is not None and clip and not np.isnan(values.astype(np.float64)).any():
        values = np.clip(values, *(entry.limits if is_float(dtype) else map(int, entry.limits)))
    return values.astype(numpy_dtype(dtype))
