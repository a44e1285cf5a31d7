"""Inputs as a stream: which data are taken, and what is written."""

from __future__ import annotations

import zipfile

import ml_dtypes
import numpy as np
import pytest

from converters.errors import EdgeproofError
from converters.signature import Signature, TensorSpec
from tests.validation.feeding import refusal
from validation.feeds import FeedSpec, write_feeds
from validation.tensor_files import read_tensors, write_tensors


def test_spec_faults(tmp_path):
    both = FeedSpec(npz=tmp_path / "a.npz", images=tmp_path)
    assert refusal(both) == (
        "more than one source of data\n"
        "  got:  npz, images\n"
        "  want: one of npz, npy, images, callable, or none\n"
        "  fix:  name only the data to use"
    )
    assert "data: samples is not a number of samples\n  got:  0\n" in refusal(FeedSpec(samples=0))
    assert "data: batch is not a number of samples\n  got:  -1\n" in refusal(FeedSpec(batch=-1))
    assert "data: range is empty\n  got:  [1, 1]\n" in refusal(FeedSpec(value_range=(1, 1)))
    assert "the model has no inputs\n" in refusal(FeedSpec(), Signature((), ()))


def test_written_feeds_are_read_back_and_reproducible(tmp_path):
    specs = (
        TensorSpec("file", (None, 2), "float32"),
        TensorSpec("a/b", (None,), "string"),
        TensorSpec("h", (None, 2), "bfloat16"),
    )
    signature = Signature(specs, ())
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    paths = write_feeds(FeedSpec(samples=5, batch=4), signature, tmp_path / "one")
    again = write_feeds(FeedSpec(samples=5, batch=4), signature, tmp_path / "two")
    assert [path.name for path in paths] == ["feed-00000.npz", "feed-00001.npz"]
    assert [path.read_bytes() for path in paths] == [path.read_bytes() for path in again]
    assert {member.date_time[0] for member in zipfile.ZipFile(paths[0]).infolist()} == {1980}
    tensors = read_tensors(paths[0], specs)
    assert tensors["h"].dtype == ml_dtypes.bfloat16
    assert isinstance(tensors["a/b"][0], bytes)
    assert np.load(paths[0])["file"].shape == (4, 2)


def test_a_string_that_numpy_would_cut_is_refused(tmp_path):
    with pytest.raises(EdgeproofError) as caught:
        write_tensors(tmp_path / "t.npz", {"x": np.array([b"a\0"], object)})
    assert str(caught.value) == (
        "x: a string that ends in a NUL byte can't be kept\n"
        "  got:  at least one string with a NUL at its end\n"
        "  want: strings without it\n"
        "  fix:  strip the padding from the strings in the data, or in the model"
    )
