"""Every input of a model in order, what is known of its graph, and searches along its gradient."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from converters.errors import EdgeproofError
from converters.source import LoadOptions
from converters.sources import describe_source
from validation.directed.graph_facts import facts_of
from validation.directed.inputs import describe_input
from validation.domain import Domain
from validation.every_feed import EveryFeed
from validation.feed import Feed
from validation.feeds import FeedSpec
from validation.original import Original
from validation.searched import Found, search

layers, ops = keras.layers, keras.ops


def opened(model, directory: Path) -> Original:
    model.save(directory / "model.keras")
    return Original(describe_source(directory / "model.keras", LoadOptions()))


def build(outputs, **inputs):
    """A model of named inputs, (shape, dtype) each."""
    ends = {name: keras.Input(shape, name=name, dtype=dtype) for name, (shape, dtype) in inputs.items()}
    return keras.Model(list(ends.values()), outputs(*ends.values()))


def tried(original: Original, **facts) -> list[Feed]:
    return list(EveryFeed(original, FeedSpec(**facts)))


def named(feeds: list[Feed], case: str) -> Feed:
    return next(feed for feed in feeds if feed.case == case)


def facts(original: Original):
    return facts_of(original.traced.get_concrete_function(), original.signature.input_names)


# the graph


def test_tables_are_found_behind_casts_and_reshapes(tmp_path):
    def outputs(ids, more, x):
        rows = layers.Embedding(17, 3)(ops.reshape(ids, (-1, 2, 2)))
        return [rows, ops.one_hot(ops.cast(more, "int32") + 1, 9), layers.Dense(2)(x)]

    found = facts(
        opened(build(outputs, ids=((4,), "int64"), more=((2,), "uint8"), x=((3,), "float32")), tmp_path)
    )
    assert found.tables == {"ids": (17,), "more": (9,)}
    assert found.has({"MatMul"})
    assert not found.has({"Exp", "Softplus"})
    assert found.sizes == frozenset()


def test_inputs_that_decide_sizes_are_known(tmp_path):
    import tensorflow as tf

    @tf.function(input_signature=[{"n": tf.TensorSpec((1,), tf.int32), "i": tf.TensorSpec((1,), tf.int32)}])
    def function(tensors):
        return {"y": tf.fill((tensors["n"][0] * 2,), 1.0), "z": tensors["i"] // 2}

    assert facts_of(function.get_concrete_function(), ["n", "i"]).sizes == frozenset({"n"})


# the order of feeds


def test_natural_inputs_come_first_then_directed_then_searched_then_all_is_numbered_through(tmp_path):
    feeds = tried(opened(build(layers.Dense(2), x=((3,), "float32")), tmp_path), samples=12)
    assert list(dict.fromkeys(feed.origin for feed in feeds)) == ["natural", "directed", "searched"]
    counts = [len(feed.tensors["x"]) for feed in feeds]
    assert [feed.first_sample for feed in feeds] == [sum(counts[:n]) for n in range(len(counts))]
    assert [f.case for f in feeds if not f.inside] == ["NaN", "the infinities", "denormals"]
    again = tried(opened(build(layers.Dense(2), x=((3,), "float32")), tmp_path), samples=12)
    directed = [[f.tensors["x"].tobytes() for f in each if f.origin == "directed"] for each in (feeds, again)]
    assert directed[0] == directed[1]


def test_nothing_but_the_data_where_nothing_else_is_wanted(tmp_path):
    feeds = tried(opened(build(layers.Dense(2), x=((3,), "float32")), tmp_path), directed=False, searched=0)
    assert {feed.origin for feed in feeds} == {"natural"}
    assert feeds[-1].first_sample == 24


def test_data_bound_what_counts_and_are_put_together_anew(tmp_path):
    data = np.random.default_rng(0).uniform(0, 1, (32, 3)).astype(np.float32) * np.float32([1, 2, 4])
    np.savez(tmp_path / "data.npz", x=data)
    feeds = tried(opened(build(layers.Dense(2), x=((3,), "float32")), tmp_path), npz=tmp_path / "data.npz")
    (mixed,) = (feed for feed in feeds if feed.origin == "natural")
    assert mixed.tensors["x"].shape == (4, 3)
    assert (mixed.tensors["x"] <= [1, 2, 4]).all(), "each element comes from its own place"
    inside = [f.tensors["x"] for f in feeds if f.inside]
    assert min(x.min() for x in inside) >= 0
    assert max(x.max() for x in inside) <= data.max() * 1.1
    assert {feed.case for feed in feeds if not feed.inside} == {
        "NaN", "the infinities", "denormals", "beyond the domain"}  # fmt: skip


def test_data_with_nan_make_nan_count(tmp_path):
    data = np.array([[0, 1, np.nan], [1, 2, 3]], np.float32)
    np.savez(tmp_path / "data.npz", x=data)
    feeds = tried(opened(build(layers.Dense(2), x=((3,), "float32")), tmp_path), npz=tmp_path / "data.npz")
    assert (named(feeds, "NaN").inside, named(feeds, "the infinities").inside) == (True, False)


def test_data_that_leave_the_users_domain_are_an_error(tmp_path):
    np.savez(tmp_path / "data.npz", x=np.array([[0, 1, 2], [1, 2, 3]], np.float32))
    original = opened(build(layers.Dense(2), x=((3,), "float32")), tmp_path)
    with pytest.raises(EdgeproofError) as caught:
        tried(original, npz=tmp_path / "data.npz", domain=Domain(range=(0, 1)))
    assert str(caught.value) == (
        "domain: the data leave the range of x\n"
        "  got:  values from 0 to 3\n"
        "  want: values from 0 to 1\n"
        "  fix:  widen the range, or leave out the data that do not count"
    )


def test_indices_end_where_the_original_ends(tmp_path):
    feeds = tried(opened(build(layers.Embedding(7, 2), ids=((4,), "int32")), tmp_path))
    values = {int(i) for feed in feeds for i in feed.tensors["ids"].ravel()}
    assert {0, 6} <= values
    assert values <= set(range(-7, 7)), "Keras counts negative indices from the end"
    natural = [feed.tensors["ids"] for feed in feeds if feed.origin == "natural"]
    assert max(ids.max() for ids in natural) == 6


def test_other_sizes_are_tried_where_the_original_takes_them(tmp_path):
    free = build(lambda x: ops.sum(x, 1), x=((None, 2), "float32"))
    lengths = {
        feed.tensors["x"].shape[1] for feed in tried(opened(free, tmp_path)) if feed.case == "other sizes"
    }
    assert lengths == {17}
    even = build(lambda x: ops.sum(ops.reshape(x, (-1, 4, 2)), 1), x=((None, 2), "float32"))
    sizes = [f.tensors["x"].shape[1] for f in tried(opened(even, tmp_path)) if f.case == "other sizes"]
    assert sizes == [16]


@pytest.mark.parametrize("size", [1, 2])
def test_a_fixed_batch_is_tried_on_every_case(tmp_path, size):
    ends = {name: keras.Input((3,), batch_size=n, name="x") for name, n in (("any", None), ("fixed", size))}
    feeds = {}
    for name, x in ends.items():
        (tmp_path / name).mkdir()
        model = keras.Model(x, layers.Dense(2, "softplus")(x))
        feeds[name] = tried(opened(model, tmp_path / name), samples=4)
    assert {len(feed.tensors["x"]) for feed in feeds["fixed"]} == {size}
    assert {feed.case for feed in feeds["fixed"]} == {feed.case for feed in feeds["any"]}


def test_scalar_inputs_are_tried_one_by_one(tmp_path):
    import tensorflow as tf

    class Scalar(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((), tf.float32, "x")])
        def __call__(self, x):
            return {"y": tf.exp(x)}

    module = Scalar()
    tf.saved_model.save(module, str(tmp_path / "scalar"), signatures=module.__call__)
    original = Original(describe_source(tmp_path / "scalar", LoadOptions()))
    feeds = tried(original, samples=2)
    assert {feed.tensors["x"].shape for feed in feeds} == {()}
    assert np.float32(95) in [feed.tensors["x"] for feed in feeds if feed.case == "saturating values"]


# searches


def searched(original: Original, start: np.ndarray, steps: int, domain: Domain) -> list[Found]:
    inputs = [describe_input(spec, domain) for spec in original.signature.inputs]
    return list(search(original.traced, {"x": start}, inputs, steps))


def half(x: np.ndarray) -> np.ndarray:
    return x.astype(np.float16).astype(np.float32)


def test_a_search_comes_nearer_to_the_decision_boundary_and_to_disagreement(tmp_path):
    keras.utils.set_random_seed(3)
    original = opened(
        build(lambda x: layers.Dense(4)(layers.Dense(16, "tanh")(x)), x=((6,), "float32")), tmp_path
    )
    start = np.random.default_rng(0).standard_normal((2, 6)).astype(np.float32)
    near, apart = searched(original, start, 20, Domain(range=(-3, 3)))
    assert [near.case, apart.case] == ["near a decision boundary", "where roundings matter most"]

    def lead(x):
        answer = np.sort(next(iter(original.graph({"x": x}).values())), -1)
        return answer[:, -1] - answer[:, -2]

    def sensitivity(x):
        (answer,), (rounded,) = (original.graph({"x": each}).values() for each in (x, half(x)))
        return np.abs(answer - rounded).mean(-1)

    assert (lead(near.chunk["x"]) < 0.5 * lead(start)).all()
    assert (sensitivity(apart.chunk["x"]) > 1.2 * sensitivity(start)).all()
    for found in (near, apart):
        assert np.abs(found.chunk["x"]).max() <= 3
        assert (found.chunk["x"].dtype, found.note) == (np.float32, "")
    again = searched(original, start, 20, Domain(range=(-3, 3)))
    np.testing.assert_array_equal(again[1].chunk["x"], apart.chunk["x"])


UNSEARCHED = {
    "integers": (lambda x: x // 2, "int32", "the model takes no floats"),
    "answers": (lambda x: ops.argmax(x, -1), "float32", "the model gives no floats"),
}


@pytest.mark.parametrize(("outputs", "dtype", "why"), UNSEARCHED.values(), ids=UNSEARCHED.keys())
def test_integers_are_not_searched_and_the_notes_say_so(tmp_path, outputs, dtype, why):
    plan = EveryFeed(opened(build(outputs, x=((4,), dtype)), tmp_path), FeedSpec(samples=4))
    assert "searched" not in {feed.origin for feed in plan}
    assert plan.notes == [f"no inputs were searched for: {why}"]


def test_no_steps_are_no_search(tmp_path):
    original = opened(build(layers.Dense(2), x=((3,), "float32")), tmp_path)
    assert searched(original, np.zeros((1, 3), np.float32), 0, Domain()) == []


def test_a_large_model_is_tried_on_no_more_directed_samples_than_data(tmp_path, monkeypatch):
    monkeypatch.setattr("validation.every_feed.LARGE", 0)
    original = opened(build(layers.Dense(2), x=((3,), "float32")), tmp_path)
    every = EveryFeed(original, FeedSpec(samples=3, searched=0))
    feeds = list(every)
    assert [len(feed.tensors["x"]) for feed in feeds if feed.origin == "directed"] == [1, 1, 1]
    assert every.notes == ["a model of this size is tried on no more directed samples than data"]


def test_a_large_model_is_searched_from_one_sample_in_a_quarter_of_the_steps(tmp_path, monkeypatch):
    original = opened(build(layers.Dense(2), x=((3,), "float32")), tmp_path)
    asked: list[tuple[int, int]] = []

    def search(_, start, inputs, steps):
        asked.append((len(start["x"]), steps))
        return []

    monkeypatch.setattr("validation.every_feed.search", search)
    list(EveryFeed(original, FeedSpec(samples=3, directed=False)))
    monkeypatch.setattr("validation.every_feed.LARGE", 0)
    every = EveryFeed(original, FeedSpec(samples=3, directed=False))
    list(every)
    assert asked == [(2, 16), (1, 4)]
    assert every.notes == ["a model of this size is searched from one sample, in a quarter of the steps"]
