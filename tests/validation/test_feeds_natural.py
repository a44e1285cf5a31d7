"""Inputs drawn from the signature."""

from __future__ import annotations

import numpy as np
import pytest

from converters.signature import Signature, TensorSpec
from tests.validation.feeding import TWO, read, refusal
from validation.feeds import FeedSpec


@pytest.mark.parametrize("rank", range(6))
@pytest.mark.parametrize(
    "dtype", ["float32", "float64", "float16", "bfloat16", "int32", "int64", "uint8", "bool", "string"]
)
def test_natural_inputs_of_every_rank_and_dtype(rank, dtype):
    shape = (None, 2, None, 3, 2)[:rank]
    spec = TensorSpec("x", shape, dtype)
    feeds = read(FeedSpec(samples=5, batch=2), Signature((spec,), ()))
    for feed in feeds:
        array = feed.tensors["x"]
        assert array.ndim == rank
        assert all(want in (None, got) for want, got in zip(shape[1:], array.shape[1:], strict=True))
    assert sum(1 if rank == 0 else len(feed.tensors["x"]) for feed in feeds) == 5


def test_natural_inputs_are_the_same_for_the_same_seed_only():
    first, again, other = (read(FeedSpec(seed=seed))[0].tensors["x"] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_natural_integers_stay_within_what_embeddings_take():
    ids = np.concatenate([feed.tensors["ids"] for feed in read(FeedSpec(samples=400), TWO)])
    assert (ids.min(), ids.max()) == (0, 9)
    wide = TensorSpec("ids", (None, 4), "int32", (0, 50))
    ids = np.concatenate(
        [feed.tensors["ids"] for feed in read(FeedSpec(samples=400), Signature((wide,), ()))]
    )
    assert (ids.min(), ids.max()) == (0, 50)


def test_natural_dynamic_dimensions_take_several_sizes():
    signature = Signature(
        (TensorSpec("a", (None, None, 3), "float32"), TensorSpec("b", (None, None), "int32")), ()
    )
    feeds = read(FeedSpec(samples=6, batch=2), signature)
    assert [feed.tensors["a"].shape[1] for feed in feeds] == [12, 16, 9]
    assert [feed.tensors["b"].shape[1] for feed in feeds] == [12, 16, 9]


def test_a_fixed_batch_is_kept():
    signature = Signature((TensorSpec("x", (5, 3), "float32"),), ())
    assert {feed.tensors["x"].shape for feed in read(FeedSpec(batch=8), signature)} == {(5, 3)}
    assert refusal(FeedSpec(samples=7), signature) == (
        "drawn from the signature (seed 0): samples are left over\n"
        "  got:  2 sample(s) after the last full batch\n"
        "  want: a multiple of 5, the only batch size that the model takes\n"
        "  fix:  set samples to such a multiple, or cut the data"
    )
