"""Asks the original for its answer to a feed, eagerly and as a graph, which must agree."""

from __future__ import annotations

from collections.abc import Sequence

from converters.errors import EdgeproofError
from validation.agreement import EAGER_AGAINST_GRAPH, TWICE, check_agreement
from validation.feed import Feed, Tensors
from validation.feed_layout import layout_of
from validation.noise import Given
from validation.original import Original
from validation.rows import join, per_sample, split


class Asking:
    """What the original gives.

    Args:
        original: opened.
    """

    def __init__(self, original: Original) -> None:
        self._original = original
        self.layout = layout_of(original.signature)
        self._asked = False

    @property
    def is_free(self) -> bool:
        """Whether batches of any size can be made of any samples, as far as the signature tells."""
        return self.layout.batched and self.layout.fixed_batch is None

    def alone(self, feed: Feed) -> Given:
        """The answer to one feed; to the first of all twice.

        Raises:
            EdgeproofError: there is none, or eager and graph disagree, or the first answer isn't repeated.
        """
        eager = self._original.eager(feed.tensors)
        if not self._asked:
            self._check(eager, self._original.eager(feed.tensors), TWICE)
            self._asked = True
        graph = self._graph(feed)
        self._check(eager, graph, EAGER_AGAINST_GRAPH)
        return Given(feed.tensors, eager, graph)

    def together(self, feeds: Sequence[Feed]) -> list[Given]:
        """Eagerly as one batch; empty where that doesn't give what each gives alone, as a graph."""
        sizes = [self.layout.count(feed.tensors) for feed in feeds]
        try:
            eager = self._original.eager(join([feed.tensors for feed in feeds]))
            graphs = [self._graph(feed) for feed in feeds]
            if not all(map(per_sample, (eager, *graphs), (sum(sizes), *sizes))):
                return []
            found = [
                Given(feed.tensors, part, graph)
                for feed, part, graph in zip(feeds, split(eager, sizes), graphs, strict=True)
            ]
            for given in found:
                self._check(given.eager, given.graph, EAGER_AGAINST_GRAPH)
        except EdgeproofError:
            return []
        return found

    def first_are_free(self, given: Given, samples: int, first: int) -> bool:
        """Whether a batch's first samples get the same answer without the others."""
        if not (self.is_free and per_sample(given.graph, samples)):
            return False
        try:
            alone = self._original.graph(split(given.inputs, [first])[0])
            self._check(split(given.graph, [first])[0], alone, EAGER_AGAINST_GRAPH)
        except EdgeproofError:
            return False
        return True

    def _graph(self, feed: Feed) -> Tensors:
        return self._original.graph(feed.tensors) if feed.answer is None else feed.answer

    def _check(self, first: Tensors, second: Tensors, meaning: tuple[str, str, str]) -> None:
        original = self._original
        check_agreement(first, second, original.signature.outputs, original.arithmetic, meaning)
