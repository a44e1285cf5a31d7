"""Inputs as a stream: each kind of data, what is refused and in which words, and memory."""

from __future__ import annotations

import io
import tracemalloc
import zipfile
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

from converters.errors import EdgeproofError
from converters.signature import Signature, TensorSpec
from validation.feed_check import DTYPE_FIX
from validation.feeds import FeedSpec, open_feeds, write_feeds
from validation.tensor_files import read_tensors, write_tensors

X = TensorSpec("x", (None, 3), "float32")
IDS = TensorSpec("ids", (None, 4), "int32")
ONE = Signature((X,), ())
TWO = Signature((X, IDS), ())


def rows(count: int, width: int = 3) -> np.ndarray:
    return np.arange(count * width, dtype=np.float32).reshape(count, width)


def read(spec: FeedSpec, signature: Signature = ONE) -> list:
    return list(open_feeds(spec, signature))


def refusal(spec: FeedSpec, signature: Signature = ONE) -> str:
    with pytest.raises(EdgeproofError) as caught:
        read(spec, signature)
    return str(caught.value)


@pytest.fixture
def npz(tmp_path):
    """Writes arrays to `data.npz` and gives the spec that reads them."""

    def write(*, batch: int = 4, compressed: bool = False, samples=None, **arrays) -> FeedSpec:
        path = tmp_path / "data.npz"
        (np.savez_compressed if compressed else np.savez)(path, **arrays)
        return FeedSpec(npz=path, batch=batch, samples=samples)

    return write


# npz


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


# npy


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


# callables


@pytest.fixture
def code(tmp_path):
    """Writes a module and gives the spec that calls its `data`."""

    def write(body: str, **facts) -> FeedSpec:
        name = f"feeding_{abs(hash(body)) % 10**9}"
        (tmp_path / f"{name}.py").write_text(f"import numpy as np\n{body}\n")
        return FeedSpec(callable=f"{name}:data", code_directories=(tmp_path,), **facts)

    return write


BATCHES = {
    "array": "np.ones((2, 3), 'f4')",
    "tuple": "(np.ones((2, 3), 'f4'),)",
    "labelled": "(np.ones((2, 3), 'f4'), [0, 1])",
    "weighted": "(np.ones((2, 3), 'f4'), [0, 1], [1., 1.])",
    "dict": "{'x': np.ones((2, 3), 'f4')}",
    "labelled-dict": "({'x': np.ones((2, 3), 'f4')}, [0, 1])",
    "list-of-rows": "([[1., 2., 3.], [4., 5., 6.]], 0)",
}


@pytest.mark.parametrize("batch", BATCHES.values(), ids=BATCHES.keys())
def test_callable_for_one_input(code, batch):
    (feed,) = read(code(f"def data():\n    yield {batch}"))
    assert feed.tensors["x"].shape == (2, 3)


PAIRS = {
    "two-arrays": "(X, I)",
    "nested": "((X, I),)",
    "labelled": "((X, I), 0)",
    "dict": "{'ids': I, 'x': X}",
    "labelled-dict": "({'ids': I, 'x': X}, 0)",
    "list": "[X, I]",
}


@pytest.mark.parametrize("batch", PAIRS.values(), ids=PAIRS.keys())
def test_callable_for_two_inputs(code, batch):
    body = f"X, I = np.ones((2, 3), 'f4'), np.ones((2, 4), 'i4')\ndef data():\n    return [{batch}]"
    (feed,) = read(code(body), TWO)
    assert [array.shape for array in feed.tensors.values()] == [(2, 3), (2, 4)]


def test_callable_batches_are_cut_and_joined(code):
    spec = code("def data():\n    for n in (1, 5, 2): yield np.ones((n, 3), 'f4')", batch=3)
    assert [len(feed.tensors["x"]) for feed in read(spec)] == [3, 3, 2]


def test_endless_generator_is_read_no_further_than_needed(code):
    spec = code("def data():\n    while True: yield np.ones((2, 3), 'f4')", samples=5, batch=4)
    assert [len(feed.tensors["x"]) for feed in read(spec)] == [4, 1]


def test_dynamic_sizes_start_a_new_batch(code):
    signature = Signature((TensorSpec("x", (None, None), "float32"),), ())
    spec = code("def data():\n    for t in (3, 3, 4, 3): yield np.ones((2, t), 'f4')", batch=8)
    assert [feed.tensors["x"].shape for feed in read(spec, signature)] == [(4, 3), (2, 4), (2, 3)]


CODE_FAULTS = {
    "raises": (
        "def data():\n    yield np.ones((2, 3), 'f4')\n    raise ValueError('disk gone')",
        "data can't be made\n  got:  ValueError: disk gone (",
    ),
    "raises-at-once": (
        "def data():\n    raise OSError('no disk')",
        "data can't be made\n  got:  OSError: no disk (",
    ),
    "not-callable": ("data = 3", "does not give data\n  got:  a int\n  want: a function without arguments\n"),
    "not-iterable": (
        "def data():\n    return 3",
        "does not give data\n  got:  a int\n  want: an iterable of batches\n",
    ),
    "one-array": (
        "def data():\n    return np.ones((2, 3))",
        "does not give data\n  got:  a ndarray\n  want: an iterable of batches\n",
    ),
    "unbatched": ("def data():\n    yield np.ones(3, 'f4')", "input x has the wrong shape\n  got:  [3]\n"),
    "ragged": (
        "def data():\n    yield {'x': [[1., 2., 3.], [1.]]}",
        "input x is not an array\n  got:  list (setting an array element",
    ),
    "nothing": ("def data():\n    return []", "there are no samples\n"),
    "none": ("def data():\n    yield None", "input x has the wrong dtype\n  got:  object (NoneType)\n"),
}


@pytest.mark.parametrize(("body", "message"), CODE_FAULTS.values(), ids=CODE_FAULTS.keys())
def test_callable_fault(code, body, message):
    assert message in refusal(code(body))


def test_too_few_arrays_for_the_inputs(code):
    message = refusal(code("def data():\n    yield (np.ones((2, 3), 'f4'),)"), TWO)
    assert "does not give data\n  got:  batches of 1 array(s)\n  want: 2 inputs: x, ids\n" in message


def test_tf_data_with_labels_and_without_end(code):
    pytest.importorskip("tensorflow")
    body = (
        "def data():\n"
        "    import tensorflow as tf\n"
        "    d = tf.data.Dataset.from_tensor_slices((np.ones((5, 3), 'f4'), np.zeros(5)))\n"
        "    return d.batch(2)"
    )
    assert [len(feed.tensors["x"]) for feed in read(code(body, batch=4))] == [4, 1]
    endless = body + ".repeat()"
    assert [len(feed.tensors["x"]) for feed in read(code(endless, samples=3))] == [3]
    assert "the dataset has no end\n  got:  a tf.data.Dataset with infinite cardinality" in refusal(
        code(endless)
    )


# pictures


def picture(path: Path, size=(4, 2), colour=(255, 0, 51), **facts) -> None:
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path, **facts)


IMAGE = Signature((TensorSpec("image", (None, 2, 4, 3), "float32"),), ())


def test_pictures_in_the_order_of_their_paths_scaled_to_one(tmp_path):
    picture(tmp_path / "b.png", colour=(0, 0, 0))
    picture(tmp_path / "a" / "z.png")
    (tmp_path / ".DS_Store").write_bytes(b"")
    (feed,) = read(FeedSpec(images=tmp_path), IMAGE)
    np.testing.assert_allclose(feed.tensors["image"][0, 0, 0], [1.0, 0.0, 0.2], rtol=1e-6)
    np.testing.assert_array_equal(feed.tensors["image"][1], np.zeros((2, 4, 3)))


@pytest.mark.parametrize(("dtype", "value_range", "want"), [
    ("float32", None, 0.2), ("float32", (-1.0, 1.0), -0.6), ("float32", (0.0, 255.0), 51.0),
    ("uint8", None, 51), ("int32", None, 51), ("float16", None, 0.2),
])  # fmt: skip
def test_pixel_range(tmp_path, dtype, value_range, want):
    picture(tmp_path / "a.png")
    signature = Signature((TensorSpec("image", (None, 2, 4, 3), dtype),), ())
    (feed,) = read(FeedSpec(images=tmp_path, value_range=value_range), signature)
    assert feed.tensors["image"].dtype.name == dtype
    assert feed.tensors["image"][0, 0, 0, 2] == pytest.approx(want, rel=1e-3)


def test_pictures_are_resized_and_made_grey(tmp_path):
    picture(tmp_path / "a.jpg", size=(40, 20), colour=(100, 100, 100))
    signature = Signature((TensorSpec("image", (None, 5, 7, 1), "uint8"),), ())
    (feed,) = read(FeedSpec(images=tmp_path), signature)
    assert feed.tensors["image"].shape == (1, 5, 7, 1)
    assert np.ptp(feed.tensors["image"]) <= 1


def test_pictures_stand_upright(tmp_path):
    from PIL import Image

    turned = Image.Exif()
    turned[0x0112] = 6  # the camera was turned: height and width change places
    picture(tmp_path / "a.jpg", size=(4, 2), exif=turned)
    signature = Signature((TensorSpec("image", (None, None, None, 3), "uint8"),), ())
    assert read(FeedSpec(images=tmp_path), signature)[0].tensors["image"].shape == (1, 4, 2, 3)


def test_picture_faults(tmp_path):
    assert "not a folder of pictures\n  got:  no files\n" in refusal(FeedSpec(images=tmp_path), IMAGE)
    assert "got:  no such folder\n" in refusal(FeedSpec(images=tmp_path / "gone"), IMAGE)
    (tmp_path / "a.png").write_bytes(b"not a picture")
    assert "a.png: can't be read as a picture\n  got:  cannot identify" in refusal(
        FeedSpec(images=tmp_path), IMAGE
    )
    (tmp_path / "labels.csv").write_text("a")
    assert "got:  labels.csv\n  want: only pictures: .bmp, " in refusal(FeedSpec(images=tmp_path), IMAGE)
    assert "the model does not take pictures\n  got:  x: float32[?, 3]\n" in refusal(
        FeedSpec(images=tmp_path)
    )


# natural


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


# specs and files


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
