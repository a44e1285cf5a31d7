"""Makes tf2onnx take the same decisions in every process.

tf2onnx 1.17 walks sets of strings and of objects, whose order follows the hash seed and memory
addresses, and sorts by names that carry a count over the whole process. So the order of its
optimisations changes from run to run, and with it the graph.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, MutableSet
from contextlib import contextmanager
from importlib import import_module
from typing import Any

_MODULES = (
    "graph",
    "tf_utils",
    "utils",
    "optimizer.back_to_back_optimizer",
    "optimizer.transpose_optimizer",
    "rewriter.cond_rewriter",
    "rewriter.loop_rewriter",
    "rewriter.loop_rewriter_base",
    "rewriter.rnn_utils",
)
"""Modules of tf2onnx that iterate over sets."""


class OrderedSet(MutableSet[Any]):
    """A set that is walked in the order of insertion."""

    def __init__(self, items: Iterable[Any] = ()) -> None:
        self._items = dict.fromkeys(items)

    def __contains__(self, item: Any) -> bool:
        return item in self._items

    def __iter__(self) -> Iterator[Any]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def add(self, item: Any) -> None:
        self._items[item] = None

    def discard(self, item: Any) -> None:
        self._items.pop(item, None)

    def update(self, *others: Iterable[Any]) -> None:
        for other in others:
            self._items.update(dict.fromkeys(other))

    def union(self, *others: Iterable[Any]) -> OrderedSet:
        result = OrderedSet(self)
        result.update(*others)
        return result

    def intersection(self, other: Iterable[Any]) -> OrderedSet:
        wanted = OrderedSet(other)
        return OrderedSet(item for item in self if item in wanted)

    def issubset(self, other: Iterable[Any]) -> bool:
        return self <= OrderedSet(other)


@contextmanager
def steady_order() -> Iterator[None]:
    """Inside, tf2onnx's sets keep the order of insertion, and its names count from one.

    The sets are replaced by giving those modules a global named `set`.
    """
    from tf2onnx import utils

    modules = [import_module(f"tf2onnx.{name}") for name in _MODULES]
    count = utils.INTERNAL_NAME
    for module in modules:
        vars(module)["set"] = OrderedSet
    utils.INTERNAL_NAME = 1
    try:
        yield
    finally:
        utils.INTERNAL_NAME = count
        for module in modules:
            del vars(module)["set"]
