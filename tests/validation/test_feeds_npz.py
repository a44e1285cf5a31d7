"""Data in an .npz: batches, what is refused and in which words, casts, and memory."""

from __future__ import annotations

import io
import tracemalloc
import zipfile

import numpy as np
import pytest

from converters.errors import EdgeproofError
from converters.signature import Signature, TensorSpec
from tests.validation.feeding import ONE, TWO, read, refusal, rows
from validation.feed_check import DTYPE_FIX
from validation.feeds import FeedSpec, open_feeds


@pytest.fixture
def npz(tmp_path):
    """Writes arrays to `data.npz` and gives the spec that reads them."""

    def write(*, batch: int = 4, compressed: bool = False, samples=None, **arrays) -> FeedSpec:
        path = tmp_path / "data.npz"
        (np.savez_compressed if compressed else np.savez)(path, **arrays)
        return FeedSpec(npz=path, batch=batch, samples=samples)

    return write


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("order", ["C", "F"])
def test_npz_comes_in_batches_that_hold_every_sample_once(npz, compressed, order):
    x = np.asarray(rows(10), order=order)
    feeds = read(npz(x=x, ids=np.ones((10, 4), np.int32), compressed=compressed), TWO)
    assert [feed.first_sample for feed in feeds] == [0, 4, 8]
    assert [feed.origin for feed in feeds] == ["data"] * 3
    assert [list(feed.tensors) for feed in feeds] == [["x", "ids"]] * 3
    np.testing.assert_array_equal(np.concatenate([feed.tensors["x"] for feed in feeds]), x)


def test_a_model_with_one_input_takes_an_array_without_a_name(npz):
    assert len(read(npz(arr_0=rows(3)))) == 1


def test_an_array_of_another_name_is_not_taken_for_the_only_input(npz):
    with pytest.raises(EdgeproofError) as error:
        read(npz(y=rows(3)))
    assert str(error.value) == (
        "data.npz: names are not the model's inputs\n"
        "  got:  y (x missing; y extra)\n"
        "  want: x\n"
        "  fix:  name each array after its input, and leave labels out"
    )


def test_samples_cuts_the_data(npz):
    assert [len(feed.tensors["x"]) for feed in read(npz(x=rows(10), samples=6))] == [4, 2]


def test_a_scalar_array_serves_every_sample_of_a_scalar_input(npz):
    signature = Signature((TensorSpec("x", (2, 3), "float32"), TensorSpec("scale", (), "float32")), ())
    feeds = read(npz(x=np.zeros((5, 2, 3), np.float32), scale=np.float32(2)), signature)
    assert len(feeds) == 5
    assert feeds[4].tensors["x"].shape == (2, 3)
    assert feeds[4].tensors["scale"].shape == ()
    assert feeds[4].first_sample == 4


FEED_FAULTS = {
    "missing-key": ({"x": rows(2)}, TWO, (
        "data.npz: names are not the model's inputs\n"
        "  got:  x (ids missing)\n"
        "  want: x, ids\n"
        "  fix:  name each array after its input, and leave labels out")),
    "extra-key": ({"x": rows(2), "ids": np.ones((2, 4), np.int32), "y": rows(2)}, TWO, (
        "data.npz: names are not the model's inputs\n"
        "  got:  ids, x, y (y extra)\n"
        "  want: x, ids\n"
        "  fix:  name each array after its input, and leave labels out")),
    "wrong-rank": ({"x": np.zeros(3, np.float32)}, ONE, (
        "data.npz: input x has the wrong shape\n"
        "  got:  [3]\n"
        "  want: x: float32[?, 3], with the samples along the first dimension\n"
        "  fix:  reshape the data, or add the batch dimension if it lacks one")),
    "wrong-shape": ({"x": rows(2, 5)}, ONE, (
        "data.npz: input x has the wrong shape\n"
        "  got:  [2, 5]\n"
        "  want: x: float32[?, 3], with the samples along the first dimension\n"
        "  fix:  reshape the data, or add the batch dimension if it lacks one")),
    "unequal-lengths": ({"x": rows(2), "ids": np.ones((3, 4), np.int32)}, TWO, (
        "data.npz: inputs have different numbers of samples\n"
        "  got:  x: 2, ids: 3\n"
        "  want: the same number for every input\n"
        "  fix:  cut the data so that the samples belong together")),
    "empty": ({"x": np.zeros((0, 3), np.float32)}, ONE, (
        "data.npz: there are no samples\n"
        "  got:  0 samples\n"
        "  want: at least 2 that differ, so that the outputs move\n"
        "  fix:  give more data")),
    "float-as-int": ({"x": rows(1), "ids": np.zeros((1, 4), np.float32)}, TWO, (
        "data.npz: input ids has the wrong dtype\n"
        "  got:  float32\n"
        f"  want: int32\n  fix:  {DTYPE_FIX}")),
    "int-too-great": ({"x": rows(1), "ids": np.full((1, 4), 2**40)}, TWO, (
        "data.npz: input ids has the wrong dtype\n"
        "  got:  int64 with 1099511627776, which int32 can't hold\n"
        f"  want: int32\n  fix:  {DTYPE_FIX}")),
    "float-overflows": ({"x": np.full((1, 3), 1e300)}, ONE, (
        "data.npz: input x has the wrong dtype\n"
        "  got:  float64 with 1e+300, which float32 can't hold\n"
        f"  want: float32\n  fix:  {DTYPE_FIX}")),
    "int-that-float-rounds": ({"x": np.full((1, 3), 2**24 + 1)}, ONE, (
        "data.npz: input x has the wrong dtype\n"
        "  got:  int64 with 16777217, which float32 can't hold\n"
        f"  want: float32\n  fix:  {DTYPE_FIX}")),
    "strings-as-floats": ({"x": np.array([["a", "b", "c"]])}, ONE, (
        "data.npz: input x has the wrong dtype\n"
        "  got:  string\n"
        f"  want: float32\n  fix:  {DTYPE_FIX}")),
    "complex": ({"x": np.zeros((1, 3), complex)}, ONE, (
        "data.npz: input x has the wrong dtype\n"
        "  got:  complex128\n"
        f"  want: float32\n  fix:  {DTYPE_FIX}")),
    "object-array": ({"x": np.array([[1, None, 2]], object)}, ONE, (
        "data.npz: x is an object array\n"
        "  got:  dtype object, which only pickle can read\n"
        "  want: an array of numbers, booleans or fixed-width strings\n"
        "  fix:  save it with a plain dtype, every sample in the same shape")),
}  # fmt: skip


@pytest.mark.parametrize(("arrays", "signature", "message"), FEED_FAULTS.values(), ids=FEED_FAULTS.keys())
def test_npz_fault(npz, arrays, signature, message):
    assert refusal(npz(**arrays), signature) == message


def test_a_missing_file_is_named(tmp_path):
    path = tmp_path / "nowhere.npz"
    assert refusal(FeedSpec(npz=path)) == (
        f"{path}: can't be read as data\n"
        "  got:  no such file\n"
        "  want: arrays written by numpy.save or numpy.savez, without pickled objects\n"
        "  fix:  check the path, or write the file again"
    )


def test_a_truncated_archive_is_named(npz, tmp_path):
    spec = npz(x=rows(1000))
    content = (tmp_path / "data.npz").read_bytes()
    (tmp_path / "data.npz").write_bytes(content[: len(content) // 2])
    assert refusal(spec).startswith(f"{tmp_path}/data.npz: can't be read as data\n  got:  File is not a zip")


def test_an_array_that_ends_early_is_named(tmp_path):
    whole = io.BytesIO()
    np.save(whole, rows(100))
    with zipfile.ZipFile(tmp_path / "data.npz", "w") as archive:
        archive.writestr("x.npy", whole.getvalue()[:-40])
    assert "got:  an array that ends early" in refusal(FeedSpec(npz=tmp_path / "data.npz"))


def test_a_member_that_is_no_array_is_named(tmp_path):
    with zipfile.ZipFile(tmp_path / "data.npz", "w") as archive:
        archive.writestr("x.npy", b"hello, this is text")
    assert "got:  a member that is not a .npy (" in refusal(FeedSpec(npz=tmp_path / "data.npz"))


@pytest.mark.parametrize(("given", "wanted"), [
    (np.float64([[0.1, 2, 3]]), "float32"),
    (np.float32([[0.5, 2, 3]]), "float16"),
    (np.float16([[0.5, 2, 3]]), "float64"),
    (np.float32([[0.5, 2, 3]]), "bfloat16"),
    (np.uint8([[0, 2, 255]]), "float32"),
    (np.int64([[0, 2, -3]]), "int32"),
    (np.int64([[0, 2, 3]]), "uint8"),
    (np.array([[True, False, True]]), "int32"),
])  # fmt: skip
def test_casts_that_keep_the_values_are_done(npz, given, wanted):
    (feed,) = read(npz(x=given), Signature((TensorSpec("x", (None, 3), wanted),), ()))
    assert feed.tensors["x"].dtype.name == wanted
    np.testing.assert_allclose(feed.tensors["x"].astype(float), given.astype(float), rtol=2**-8)


@pytest.mark.parametrize("given", [np.array([["a", "bc", "ü"]]), np.array([[b"a", b"bc", "ü".encode()]])])
def test_strings_come_as_bytes(npz, given):
    (feed,) = read(npz(x=given), Signature((TensorSpec("x", (None, 3), "string"),), ()))
    assert feed.tensors["x"].tolist() == [[b"a", b"bc", "ü".encode()]]


def test_bool_takes_bool_only(npz):
    signature = Signature((TensorSpec("x", (None, 3), "bool"),), ())
    assert read(npz(x=np.ones((1, 3), bool)), signature)[0].tensors["x"].dtype == bool
    assert "  got:  float32\n  want: bool\n" in refusal(npz(x=rows(1)), signature)
    assert "  got:  int64\n  want: bool\n" in refusal(npz(x=np.ones((1, 3), int)), signature)


def test_memory_does_not_grow_with_the_number_of_samples(tmp_path):
    signature = Signature((TensorSpec("x", (None, 1000), "float32"),), ())
    peaks = []
    for samples in (100, 4000):
        for save in (np.savez, np.savez_compressed):
            save(tmp_path / "data.npz", x=np.zeros((samples, 1000), np.float32))
            tracemalloc.start()
            for _ in open_feeds(FeedSpec(npz=tmp_path / "data.npz", batch=8), signature):
                pass
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    assert max(peaks) < 1e6, peaks  # the greater files hold 16 MB
