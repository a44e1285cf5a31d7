"""Data in .npy files: one for each input, or one for each sample."""

from __future__ import annotations

import numpy as np

from converters.signature import Signature, TensorSpec
from tests.validation.feeding import TWO, X, read, refusal, rows
from validation.feeds import FeedSpec


def test_npy_directory_with_one_file_for_each_input(tmp_path):
    np.save(tmp_path / "x.npy", rows(5))
    np.save(tmp_path / "ids.npy", np.ones((5, 4), np.int64))
    feeds = read(FeedSpec(npy=tmp_path, batch=4), TWO)
    assert [len(feed.tensors["ids"]) for feed in feeds] == [4, 1]
    assert feeds[0].tensors["ids"].dtype == np.int32


def test_npy_input_names_may_have_slashes(tmp_path):
    (tmp_path / "a").mkdir()
    np.save(tmp_path / "a" / "b.npy", rows(2))
    np.save(tmp_path / "x.npy", rows(2))
    signature = Signature((X, TensorSpec("a/b", (None, 3), "float32")), ())
    assert list(read(FeedSpec(npy=tmp_path), signature)[0].tensors) == ["x", "a/b"]


def test_npy_directory_with_samples_in_the_order_of_their_names(tmp_path):
    for number in (2, 0, 1):
        np.save(tmp_path / f"s{number}.npy", rows(1)[0] + number)
    np.save(tmp_path / "t.npy", rows(2))
    feeds = read(FeedSpec(npy=tmp_path, batch=3))
    assert [feed.tensors["x"][:, 0].tolist() for feed in feeds] == [[0, 1, 2], [0, 3]]


def test_single_npy_file(tmp_path):
    np.save(tmp_path / "whatever.npy", rows(5))
    assert len(read(FeedSpec(npy=tmp_path / "whatever.npy"))[0].tensors["x"]) == 5


def test_npy_faults(tmp_path):
    assert f"{tmp_path}: there are no samples\n" in refusal(FeedSpec(npy=tmp_path))
    np.save(tmp_path / "x.npy", np.array([None]), allow_pickle=True)
    assert "got:  Array can't be memory-mapped: Python objects in dtype." in refusal(FeedSpec(npy=tmp_path))
    assert "got:  no such file" in refusal(FeedSpec(npy=tmp_path / "gone"))
    assert "ids missing" in refusal(FeedSpec(npy=tmp_path), TWO)
