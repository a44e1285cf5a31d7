"""Model files that reach for other files, hold pickles, or unpack without end."""

from __future__ import annotations

import io
import pickle
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf

from converters.source import LoadOptions
from converters.sources import describe_source
from tests.converters.unsafe_files import (
    MEMBERS,
    NEVER,
    TRUST,
    refused,
    unsafe,
    with_member,
)


def _object_array() -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.array([{}], dtype=object), allow_pickle=True)
    return stream.getvalue()


def _npz() -> bytes:
    stream = io.BytesIO()
    np.savez(stream, w=np.array([{}], dtype=object))
    return stream.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("assets/a.bin", pickle.dumps({}), "a pickle in member 'assets/a.bin'"),
        ("assets/a.pkl", b"cos\nsystem\n", "a pickle in member 'assets/a.pkl'"),
        ("assets/a.npy", _object_array(), "a pickle (array of Python objects) in member 'assets/a.npy'"),
        ("a.npz", _npz(), "a pickle (array of Python objects) in member 'a.npz', member 'w.npy'"),
    ],
    ids=["by-its-bytes", "by-its-name", "object-array", "object-array-in-npz"],
)
def test_pickle_in_a_keras_file_is_refused(
    good: Path, tmp_path: Path, name: str, content: bytes, found: str
) -> None:
    path = with_member(good, tmp_path / "m.keras", name, content)
    assert refused(path) == unsafe(path, found)
    assert describe_source(path, LoadOptions(trust=True)).kind == "keras"


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "assets/../../evil", "a\\..\\..\\evil"])
@pytest.mark.parametrize("trust", [False, True])
def test_member_that_leads_out_of_the_archive_is_refused(
    good: Path, tmp_path: Path, name: str, trust: bool
) -> None:
    path = with_member(good, tmp_path / "m.keras", name, b"x")
    assert refused(path, trust) == unsafe(
        path, f"a path that leads out of the archive in member '{name}'", fix=NEVER
    )


def test_link_out_of_the_weights_inside_a_keras_file_is_refused(good: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(good) as archive:
        (tmp_path / "w.h5").write_bytes(archive.read("model.weights.h5"))
    with h5py.File(tmp_path / "w.h5", "r+") as file:
        file["a"] = h5py.ExternalLink("/etc/x.h5", "/w")
    path = tmp_path / "m.keras"
    with zipfile.ZipFile(good) as old, zipfile.ZipFile(path, "w") as new:
        for name in MEMBERS:
            new.writestr(name, (tmp_path / "w.h5").read_bytes() if name.endswith(".h5") else old.read(name))
    found = "a link to the file '/etc/x.h5' in member 'model.weights.h5', HDF5 member 'a'"
    assert refused(path) == unsafe(path, found)


def test_zip_that_unpacks_without_end_is_refused(good: Path, tmp_path: Path) -> None:
    size = 80 << 20
    path = with_member(good, tmp_path / "m.keras", "assets/bomb", bytes(size), zipfile.ZIP_DEFLATED)
    packed = zipfile.ZipFile(path).getinfo("assets/bomb").compress_size
    assert refused(path, True) == unsafe(
        path, f"{size:,} bytes out of {packed:,} in member 'assets/bomb'", fix=NEVER
    )


@pytest.mark.parametrize(
    ("add", "found", "fix"),
    [
        (
            lambda f: f.__setitem__("a", h5py.ExternalLink("/etc/x.h5", "/w")),
            "a link to the file '/etc/x.h5' in HDF5 member 'a'",
            TRUST,
        ),
        (
            lambda f: f.create_dataset("b", (4,), "u1", external=[("/etc/passwd", 0, 4)]),
            "data kept in the file '/etc/passwd' in HDF5 member 'b'",
            TRUST,
        ),
        (
            lambda f: f.create_dataset("c", data=np.void(pickle.dumps({}))),
            "a pickle in HDF5 member 'c'",
            TRUST,
        ),
        (
            lambda f: f.create_dataset("d", (1 << 28,), "f4", chunks=(1 << 20,)),
            "1,073,741,824 bytes out of 0 in HDF5 member 'd'",
            NEVER,
        ),
    ],
    ids=["external-link", "external-data", "pickle", "bomb"],
)
def test_hdf5_that_reaches_out_is_refused(
    tmp_path: Path, add: Callable[[h5py.File], object], found: str, fix: str
) -> None:
    path = tmp_path / "m.h5"
    keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).save(path)
    with h5py.File(path, "r+") as file:
        add(file)
    assert refused(path) == unsafe(path, found, fix=fix)


class _Reaching(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="x")])
    def run(self, x: tf.Tensor) -> dict[str, tf.Tensor]:
        y = tf.py_function(lambda v: v, [x], tf.float32)
        tf.io.write_file("/nowhere/file", "text")
        tf.print("text", output_stream="file:///nowhere/log")
        return {"y": tf.reshape(y, [-1])}


def test_saved_model_with_file_and_host_ops_is_refused_unless_trusted(tmp_path: Path) -> None:
    module = _Reaching()
    tf.saved_model.save(module, tmp_path, signatures=module.run)
    function = "__inference_run_N"
    assert re.sub(r"run_\d+", "run_N", refused(tmp_path)) == unsafe(
        tmp_path,
        f"op EagerPyFunc in node 'EagerPyFunc' of function '{function}'",
        f"op WriteFile in node 'WriteFile' of function '{function}'",
        f"op PrintV2 into file:///nowhere/log in node 'PrintV2' of function '{function}'",
    )
    assert describe_source(tmp_path, LoadOptions(trust=True)).signature.output_names == ("y",)


class _Vocabulary(tf.Module):
    def __init__(self, path: Path) -> None:
        super().__init__()
        words = tf.lookup.TextFileInitializer(str(path), tf.string, -2, tf.int64, -1)
        self.table = tf.lookup.StaticHashTable(words, -1)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="word")])
    def run(self, word: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"id": self.table.lookup(word)}


def test_vocabulary_among_a_saved_models_assets_is_allowed_and_another_file_is_not(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("a\nb\n")
    module = _Vocabulary(tmp_path / "words.txt")
    path = tmp_path / "model"
    tf.saved_model.save(module, path, signatures=module.run)
    assert str(describe_source(path).signature) == "(word: string[?]) -> (id: int64[?])"
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    proto = SavedModel.FromString((path / "saved_model.pb").read_bytes())
    proto.meta_graphs[0].asset_file_def[0].filename = "../../../etc/passwd"
    (path / "saved_model.pb").write_bytes(proto.SerializeToString())
    found = "an asset outside of the model: '../../../etc/passwd' in asset_path_initializer:0"
    assert refused(path, trust=True) == unsafe(path, found, fix=NEVER)
