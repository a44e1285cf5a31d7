"""Builds a case: a few samples with one thing in common.

A case concerns the inputs of one kind; the others keep what the background gives them, so that whatever
differs comes from the case.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from validation.directed.graph_facts import GraphFacts
from validation.directed.inputs import Input
from validation.directed.patterns import Shape, fill
from validation.directed.values import Family
from validation.dtypes import as_bytes, is_float, numpy_dtype

PAIR = 2
"""Samples of a pattern."""

Chunk: TypeAlias = dict[str, np.ndarray]
Make: TypeAlias = Callable[[Input, Shape, int], "np.ndarray | None"]
"""Values for some samples of an input, given its place among the inputs; None leaves it as it is."""


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


@dataclass(frozen=True, slots=True)
class CaseBuilder:
    """What all cases of one model are built from.

    Attributes:
        inputs: of the signature.
        facts: of its graph.
        background: gives some natural samples; a case keeps those inputs that it does not concern.
        least: samples in a case: a model with a fixed batch takes no fewer.
    """

    inputs: Sequence[Input]
    facts: GraphFacts
    background: Callable[[int], Chunk]
    least: int = 1

    def of(self, kind: str) -> list[Input]:
        """The inputs of a kind."""
        return [entry for entry in self.inputs if entry.kind == kind]

    def needed(self, entry: Input, values: int) -> int:
        """Samples that hold so many values of an input."""
        sample = self.background(1)[entry.spec.name].shape[1:]
        return -(-values // max(int(np.prod(sample, dtype=np.int64)), 1))

    def build(
        self, name: str, samples: int, make: Make, *kinds: str, inside: bool = True, exact: bool = False
    ) -> Iterator[Case]:
        """A case, unless it concerns no input.

        Args:
            name: what it tries.
            samples: how many are wanted.
            make: gives the values.
            kinds: of the inputs that it concerns.
            inside: of the domain.
            exact: values stay as they are, even beyond the domain's ends.
        """
        chunk = self.background(-(-samples // self.least) * self.least)
        concerned = False
        for turn, entry in enumerate(self.inputs):
            shape = chunk[entry.spec.name].shape
            made = make(entry, shape, turn) if entry.kind in kinds else None
            if made is not None:
                chunk[entry.spec.name] = _as_dtype(made, entry, clip=inside and not exact)
                concerned = True
        if concerned:
            yield Case(name, chunk, inside)

    def family(self, family: Family, kind: str) -> Iterator[Case]:
        """Its values inside the domain, where the graph has an op for which they matter."""
        if family.ops and not self.facts.has(family.ops):
            return
        chosen = {e.spec.name: [v for v in family.values if e.inside(v)] for e in self.of(kind)}
        needed = [self.needed(e, len(chosen[e.spec.name])) for e in self.of(kind)]

        def values(entry: Input, shape: Shape, turn: int) -> np.ndarray | None:
            inside = chosen[entry.spec.name]
            return fill(shape, inside, turn) if len(inside) > 1 else None

        if needed:
            yield from self.build(family.case, max(*needed, 1), values, kind)


def _as_dtype(values: np.ndarray, entry: Input, clip: bool) -> np.ndarray:
    dtype = entry.spec.dtype
    if dtype == "string":
        return as_bytes(values)
    if dtype == "bool":
        return values.astype(bool)
    if entry.limits is not None and clip:
        values = np.clip(values, *(entry.limits if is_float(dtype) else map(int, entry.limits)))
    return values.astype(numpy_dtype(dtype))
