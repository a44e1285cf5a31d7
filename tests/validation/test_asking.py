"""How an original is asked: twice at first, eagerly and as a graph, several feeds as one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from converters.errors import EdgeproofError
from converters.signature import Signature, TensorSpec
from validation.asking import Asking
from validation.feed import Feed
from validation.noise import Given

Function = Callable[[np.ndarray], np.ndarray]

FEEDS = [
    Feed({"x": np.float32([[1.0, 2.0]])}, "directed", 0),
    Feed({"x": np.float32([[3.0, -4.0], [-5.0, 6.0]])}, "directed", 1),
]


def doubled(x: np.ndarray) -> np.ndarray:
    return x * 2


def less_the_mean(x: np.ndarray) -> np.ndarray:
    return x - x.mean(0, keepdims=True)


def in_ones_and_twos(x: np.ndarray) -> np.ndarray:
    if len(x) > 2:
        raise EdgeproofError("too many", got="3", want="2", fix="fewer")
    return x


ROWS = Signature((TensorSpec("x", (None, 2), "float32"),), (TensorSpec("y", (None, 2), "float32"),))


@dataclass
class FakeOriginal:
    """Stands for `validation.original.Original`; remembers how many samples it was asked for at once."""

    function: Function
    as_graph: Function | None = None
    arithmetic: str = "float32"
    asked: list[tuple[str, int]] = field(default_factory=list)
    signature: Signature = ROWS

    def eager(self, tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        self.asked.append(("eager", len(tensors["x"])))
        return {"y": self.function(tensors["x"])}

    def graph(self, tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        self.asked.append(("graph", len(tensors["x"])))
        return {"y": (self.as_graph or self.function)(tensors["x"])}


def together(original: FakeOriginal, feeds: list[Feed] = FEEDS) -> list[Given]:
    return Asking(original).together(feeds)


def test_feeds_are_asked_eagerly_as_one_and_each_gets_its_own_rows():
    original = FakeOriginal(doubled)
    found = together(original)
    assert original.asked == [("eager", 3), ("graph", 1), ("graph", 2)]
    for given, feed in zip(found, FEEDS, strict=True):
        np.testing.assert_array_equal(given.inputs["x"], feed.tensors["x"])
        np.testing.assert_array_equal(given.eager["y"], feed.tensors["x"] * 2)
        np.testing.assert_array_equal(given.graph["y"], feed.tensors["x"] * 2)


def test_an_answer_that_is_known_is_not_asked_for_again():
    original = FakeOriginal(doubled)
    known = [replace(feed, answer={"y": feed.tensors["x"] * 2}) for feed in FEEDS]
    assert len(together(original, known)) == 2
    assert original.asked == [("eager", 3)]


@pytest.mark.parametrize(
    "function",
    [less_the_mean, in_ones_and_twos, lambda x: np.ones_like(x[:1]), lambda x: np.ones_like(x[0, 0])],
    ids=["samples-that-mix", "more-than-it-takes", "one-row-for-all", "a-scalar"],
)
def test_what_does_not_give_each_its_own_answer_is_not_asked_together(function):
    assert together(FakeOriginal(function)) == []


def test_the_first_feed_is_asked_twice_and_must_get_the_same():
    original = FakeOriginal(doubled)
    asking = Asking(original)
    asking.alone(FEEDS[0])
    asking.alone(FEEDS[1])
    assert original.asked == [("eager", 1), ("eager", 1), ("graph", 1), ("eager", 2), ("graph", 2)]
    random = np.random.default_rng(0)
    with pytest.raises(EdgeproofError, match="same"):
        Asking(FakeOriginal(lambda x: x + random.normal())).alone(FEEDS[0])


def test_eager_and_graph_must_agree():
    with pytest.raises(EdgeproofError, match="eager"):
        Asking(FakeOriginal(doubled, lambda x: x * 3)).alone(FEEDS[0])


@pytest.mark.parametrize(
    ("function", "free"),
    [(doubled, True), (less_the_mean, False), (lambda x: np.ones_like(x[:1]), False)],
    ids=["apart", "mixed", "one-row-for-all"],
)
def test_a_few_samples_stand_for_a_batch_only_where_they_get_the_same_alone(function, free):
    asking = Asking(FakeOriginal(function))
    given = asking.alone(Feed({"x": np.float32([[1, 2], [3, 4], [9, -7], [5, 5]])}, "data", 0))
    assert asking.first_are_free(given, 4, 2) is free


def test_a_fixed_batch_is_never_taken_apart():
    spec = TensorSpec("x", (4, 2), "float32")
    original = FakeOriginal(doubled, signature=Signature((spec,), (replace(spec, name="y"),)))
    asking = Asking(original)
    given = asking.alone(Feed({"x": np.ones((4, 2), np.float32)}, "data", 0))
    assert not asking.is_free
    assert not asking.first_are_free(given, 4, 2)
