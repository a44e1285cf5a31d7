"""Every input that is tried on a model, in order: the user's, natural ones, directed ones, searched ones.

    data, or natural from the signature ─► natural from the data ─► directed ─► searched

What comes later needs what came before: the domain is what the data span, a search begins at natural
samples. Only what the original answers to is tried, except for the user's data, which it must take.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from converters.errors import EdgeproofError
from converters.signature import Signature
from validation.directed.acceptance import find_accepted, find_answer
from validation.directed.background import Background, count, divided, single
from validation.directed.builder import CaseBuilder, Chunk
from validation.directed.cases import directed_cases
from validation.directed.graph_facts import GraphFacts, facts_of
from validation.directed.inputs import Input, Seen, describe_input
from validation.domain import Domain, Range
from validation.dtypes import is_integer
from validation.feed import Feed, Origin, Tensors
from validation.feed_layout import layout_of
from validation.feeds import FeedSpec, open_feeds
from validation.searched import search

MIXED = 4
"""Natural samples that are put together from the data, at most; an eighth of the data where that is less."""

LARGE = 20_000_000
"""Multiplications for one sample; a model of more takes a good part of a second on a slow runtime."""

LARGE_SHARE = 4
"""By which a large model's gradient steps are divided."""

SEARCHES = 2
"""Samples that a search begins at."""

STEPS = (5, 1, 2, 4, 8, 32)
"""By how much dynamic sizes differ from the data's; the first step that the original takes is tried."""


class Asked(Protocol):
    """The original, as far as it helps to choose inputs."""

    @property
    def signature(self) -> Signature: ...

    @property
    def traced(self) -> Any:
        """A `tf.function` from inputs by name to outputs by name."""

    def graph(self, tensors: Tensors) -> dict[str, np.ndarray]:
        """Its answer; raises `EdgeproofError` where there is none."""


class EveryFeed:
    """All batches for one model, their samples numbered through; to be gone through once.

    Args:
        original: opened.
        spec: which inputs to try.

    Attributes:
        notes: what a reader should know, one sentence each; complete at the end.

    Raises:
        EdgeproofError: the data or the domain are not this model's; on the way as well.
    """

    def __init__(self, original: Asked, spec: FeedSpec) -> None:
        spec.domain.check(original.signature)
        self.notes: list[str] = []
        self._original, self._spec = original, spec
        self._layout = layout_of(original.signature)
        more = spec.directed or spec.searched
        self._facts = _look(original) if more else GraphFacts(frozenset())
        self._seen = Seen()
        self._background = Background(self._layout)

    def __iter__(self) -> Iterator[Feed]:
        first = 0
        for feed in self._feeds():
            yield replace(feed, first_sample=first)
            first += self._layout.count(feed.tensors)

    def _feeds(self) -> Iterator[Feed]:
        for feed in open_feeds(self._spec, self._drawn_from()):
            self._background.hold(feed.tensors)
            self._seen.add(feed.tensors)
            yield feed
        if self._spec.origin == "data":
            _check_told(self._seen, self._spec.domain, self._original.signature)
        if self._spec.directed or self._spec.searched:
            inputs = self._inputs()
            if self._spec.directed:
                yield from self._mixed()
                yield from self._directed(inputs)
            yield from self._searched(inputs)

    def _directed(self, inputs: list[Input]) -> Iterator[Feed]:
        """Of a large model one sample a case, and no more than of the data: those behind are left out."""
        least = self._layout.batch(1)
        builder = CaseBuilder(inputs, self._facts, self._background.take, least)
        is_large = self._facts.work > LARGE
        left = self._background.samples if is_large else sys.maxsize
        for case in directed_cases(builder, self._domain()):
            if left <= 0:
                self.notes.append("a model of this size is tried on no more directed samples than data")
                return
            chunk = {name: array[:least] for name, array in case.chunk.items()} if is_large else case.chunk
            left -= count(chunk)
            yield from self._batches(chunk, "directed", case.inside, case.name)
        yield from self._other_sizes()

    def _searched(self, inputs: list[Input]) -> Iterator[Feed]:
        if not self._layout.batched or not self._spec.searched:
            return
        starts, steps = SEARCHES, self._spec.searched
        if self._facts.work > LARGE:
            starts, steps = 1, steps // LARGE_SHARE
            self.notes.append("a model of this size is searched from one sample, in a quarter of the steps")
        start = self._background.take(self._layout.batch(starts))
        for found in search(self._original.traced, start, inputs, steps):
            self.notes += [found.note] if found.note else []
            if found.chunk:
                yield from self._batches(found.chunk, "searched", True, found.case)

    def _drawn_from(self) -> Signature:
        """The signature, with the range of what looks something up."""
        signature, tables = self._original.signature, self._facts.tables
        inputs = (
            replace(s, value_range=(0, min(tables[s.name]) - 1)) if s.name in tables else s
            for s in signature.inputs
        )
        return replace(signature, inputs=tuple(inputs))

    def _domain(self) -> Domain:
        """The user's word, and what occurs in the data besides numbers."""
        said = self._spec.domain
        if self._spec.origin != "data":
            told = self._spec.value_range
            return replace(said, range=said.range or told) if told else said
        return replace(said, nan=said.nan or self._seen.nan, inf=said.inf or self._seen.inf)

    def _inputs(self) -> list[Input]:
        specs = self._original.signature.inputs
        accepted: dict[str, Range] = {}
        if any(is_integer(spec.dtype) for spec in specs):
            first = self._background.take(self._layout.batch(1))
            tensors = first if self._layout.batched else single(first)[0]
            accepted = find_accepted(self._original.graph, tensors, specs, self._facts)
        seen = self._seen.ranges if self._spec.origin == "data" else {}
        return [
            describe_input(
                spec,
                self._domain(),
                seen=seen.get(spec.name),
                accepted=accepted.get(spec.name),
                tables=self._facts.tables.get(spec.name, ()),
            )
            for spec in specs
        ]

    def _mixed(self) -> Iterator[Feed]:
        number = min(MIXED, self._background.samples // 8)
        if self._spec.origin == "data" and number:
            chunk = self._background.mix(self._layout.batch(number), self._spec.seed)
            yield from self._batches(chunk, "natural", True, "")

    def _other_sizes(self) -> Iterator[Feed]:
        """Sizes that no power of two divides, and other ones than the data's, where they are dynamic."""
        specs = self._layout.inputs
        if not any(None in self._layout.sample_shape(spec) for spec in specs):
            return
        for more in STEPS:
            chunk = self._background.resize(self._layout.batch(1), more)
            found = list(self._batches(chunk, "directed", True, "other sizes"))
            yield from found
            if found:
                return

    def _batches(self, chunk: Chunk, origin: Origin, inside: bool, case: str) -> Iterator[Feed]:
        """Those that the original answers to; in as many calls as its batch, or the lack of one, wants."""
        if not self._layout.batched:
            calls = single(chunk)
        else:
            calls = divided(chunk, self._layout.fixed_batch or count(chunk))
        for tensors in calls:
            answer = find_answer(self._original.graph, tensors)
            if answer is not None:
                yield Feed(tensors, origin, 0, inside, case, answer=answer)


def _look(original: Asked) -> GraphFacts:
    try:
        function = original.traced.get_concrete_function()
    except Exception:  # whatever the user's code raises: the first batch tells of it in full
        return GraphFacts(frozenset())
    return facts_of(function, original.signature.input_names)


def _check_told(seen: Seen, domain: Domain, signature: Signature) -> None:
    for spec in signature.inputs:
        told, found = domain.told(spec), seen.ranges.get(spec.name)
        if told and found and not told[0] <= found[0] <= found[1] <= told[1]:
            raise EdgeproofError(
                f"domain: the data leave the range of {spec.name}",
                got=f"values from {found[0]:.6g} to {found[1]:.6g}",
                want=f"values from {told[0]:.6g} to {told[1]:.6g}",
                fix="widen the range, or leave out the data that do not count",
            )
