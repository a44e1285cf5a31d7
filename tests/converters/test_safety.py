"""Model files that bring code along, reach for other files, or unpack without end."""

from __future__ import annotations

import io
import json
import pickle
import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from converters.errors import EdgeproofError
from converters.source import LoadOptions
from converters.sources import describe_source
from converters.sources.config_safety import scan_config

DATA_ONLY = "  want: a model of data only: configuration, weights, and ops that compute\n"
TRUST = "  fix:  give --trust if you know who made it, or export it again without these"
NEVER = "  fix:  get the file from its maker again; --trust does not allow this"
MEMBERS = ("metadata.json", "config.json", "model.weights.h5")


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A harmless `.keras` file."""
    path = tmp_path_factory.mktemp("good") / "model.keras"
    keras.Sequential([keras.Input((3,), name="x"), keras.layers.Dense(2, name="y")]).save(path)
    return path


def _refused(path: Path, trust: bool = False) -> str:
    with pytest.raises(EdgeproofError) as caught:
        describe_source(path, LoadOptions(trust=trust))
    return str(caught.value)


def _unsafe(path: Path, *found: str, fix: str = TRUST) -> str:
    rows = "\n        ".join(found)
    return f"{path}: the model file is not safe to open\n  got:  {rows}\n{DATA_ONLY}{fix}"


def _with_member(good: Path, out: Path, name: str, content: bytes, method: int = zipfile.ZIP_STORED) -> Path:
    shutil.copy(good, out)
    with zipfile.ZipFile(out, "a") as archive:
        archive.writestr(name, content, method)
    return out


def _with_config(good: Path, out: Path, edit: Callable[[dict[str, Any]], object]) -> Path:
    """The file with the Dense layer's configuration edited."""
    with zipfile.ZipFile(good) as old, zipfile.ZipFile(out, "w") as new:
        for name in MEMBERS:
            content = old.read(name)
            if name == "config.json":
                config = json.loads(content)
                edit(config["config"]["layers"][1])
                content = json.dumps(config).encode()
            new.writestr(name, content)
    return out


@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_lambda_bytecode_of_keras_3_is_refused_unless_trusted(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"model.{suffix}"
    twice = keras.layers.Lambda(lambda x: x * 2, name="twice")
    keras.Sequential([keras.Input((3,)), twice]).save(path)
    assert _refused(path) == _unsafe(path, "Python bytecode in layer 'twice' (Lambda)")
    assert describe_source(path, LoadOptions(trust=True)).signature.output_names == ("twice",)


def test_lambda_bytecode_of_keras_2_is_refused_unless_trusted(tmp_path: Path) -> None:
    path = tmp_path / "model.h5"
    twice = tf_keras.layers.Lambda(lambda x: x * 2, name="twice", input_shape=(3,))
    tf_keras.Sequential([twice]).save(path)
    with h5py.File(path, "r+") as file:
        saved = json.loads(file.attrs["model_config"])["config"]["layers"][1]["config"]
        assert isinstance(saved["function"], list)
        assert saved["function_type"] == "lambda"
    assert _refused(path) == _unsafe(path, "Python bytecode in layer 'twice' (Lambda)")
    assert describe_source(path, LoadOptions(trust=True)).signature.output_names == ("twice",)


def test_lambda_that_names_a_function_of_a_loaded_module_is_refused_even_if_trusted(tmp_path: Path) -> None:
    """tf-keras would look up `system` in the module `os`, since that is loaded."""
    path = tmp_path / "model.h5"
    tf_keras.Sequential([tf_keras.layers.Dense(2, input_shape=(3,), name="y")]).save(path)
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        evil = {"name": "y", "function": "system", "function_type": "function", "module": "os"}
        config["config"]["layers"][1] = {"class_name": "Lambda", "config": evil}
        file.attrs["model_config"] = json.dumps(config)
    assert _refused(path, trust=True) == (
        f"{path}: the model needs code that was not named\n"
        "  got:  custom object 'system' (saved from module os) in layer 'y' (Lambda)\n"
        "  want: every custom object named: nothing is imported because a model file says so\n"
        "  fix:  --custom-objects module:system, with your own module's name"
    )


@pytest.mark.parametrize(
    ("edit", "found", "fix"),
    [
        (
            lambda layer: layer["config"].update(
                activation={"class_name": "function", "config": "get_file"}
                | {"module": "keras.utils", "registered_name": "get_file"}
            ),
            "keras.utils.get_file, which is no part of a model in layer 'y' (Dense)",
            TRUST,
        ),
        (
            lambda layer: (
                layer.update(class_name="TextVectorization", module="keras.layers")
                or layer["config"].update(vocabulary="/etc/passwd")
            ),
            "a vocabulary read from the file '/etc/passwd' in layer 'y' (TextVectorization)",
            TRUST,
        ),
    ],
    ids=["downloads", "reads-a-vocabulary"],
)
def test_configuration_that_acts_is_refused(
    good: Path, tmp_path: Path, edit: Callable[[dict[str, Any]], object], found: str, fix: str
) -> None:
    path = _with_config(good, tmp_path / "evil.keras", edit)
    assert _refused(path) == _unsafe(path, found, fix=fix)


@pytest.mark.parametrize(
    ("reference", "module"),
    [
        ({"class_name": "Popen", "module": "subprocess", "registered_name": None}, "subprocess"),
        (
            {"class_name": "function", "config": "eval", "module": "builtins", "registered_name": "eval"},
            "builtins",
        ),
        ({"class_name": "Swish", "module": "layers", "registered_name": "mine>Swish"}, "layers"),
    ],
    ids=["any-module", "a-builtin", "a-registered-class"],
)
@pytest.mark.parametrize("trust", [False, True])
def test_module_that_a_file_names_is_never_imported(
    good: Path, tmp_path: Path, reference: dict[str, Any], module: str, trust: bool
) -> None:
    path = _with_config(
        good,
        tmp_path / "m.keras",
        lambda layer: layer["config"].update(activation={"config": {}} | reference),
    )
    name = reference["config"] if reference["class_name"] == "function" else reference["class_name"]
    assert _refused(path, trust) == (
        f"{path}: the model needs code that was not named\n"
        f"  got:  custom object '{name}' (saved from module {module}) in layer 'y' (Dense)\n"
        "  want: every custom object named: nothing is imported because a model file says so\n"
        f"  fix:  --custom-objects module:{name}, with your own module's name"
    )


@pytest.mark.parametrize(
    ("node", "found"),
    [
        (
            {"class_name": "Lambda", "config": {"name": "l", "function": ["code", None, None]}},
            ["Python bytecode in layer 'l' (Lambda)"],
        ),
        (
            {
                "class_name": "Lambda",
                "config": {"name": "l", "output_shape_type": "lambda", "output_shape": "code"},
            },
            ["Python bytecode in layer 'l' (Lambda)"],
        ),
        (
            {"class_name": "Sequence", "module": "keras.utils", "config": {"name": "s"}},
            ["keras.utils.Sequence, which is no part of a model in layer 's' (Sequence)"],
        ),
        ({"class_name": "FeatureSpace", "module": "keras.utils", "config": {"name": "f"}}, []),
        (
            {
                "class_name": "Dense",
                "module": "keras.layers",
                "registered_name": None,
                "config": {"name": "d"},
            },
            [],
        ),
        ({"class_name": "function", "module": "builtins", "config": "relu", "registered_name": "relu"}, []),
        ({"class_name": "Own", "module": "mine", "registered_name": "p>Own", "config": {"name": "o"}}, []),
    ],
    ids=[
        "list",
        "output-shape",
        "class-that-acts",
        "feature-space",
        "layer",
        "activation",
        "named-by-the-user",
    ],
)
def test_configuration_is_read_for_code(node: dict[str, Any], found: list[str]) -> None:
    assert [str(finding) for finding in scan_config({"layers": [node]}, {"p>Own"})] == found


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
    path = _with_member(good, tmp_path / "m.keras", name, content)
    assert _refused(path) == _unsafe(path, found)
    assert describe_source(path, LoadOptions(trust=True)).kind == "keras"


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "assets/../../evil", "a\\..\\..\\evil"])
@pytest.mark.parametrize("trust", [False, True])
def test_member_that_leads_out_of_the_archive_is_refused(
    good: Path, tmp_path: Path, name: str, trust: bool
) -> None:
    path = _with_member(good, tmp_path / "m.keras", name, b"x")
    assert _refused(path, trust) == _unsafe(
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
    assert _refused(path) == _unsafe(path, found)


def test_zip_that_unpacks_without_end_is_refused(good: Path, tmp_path: Path) -> None:
    size = 80 << 20
    path = _with_member(good, tmp_path / "m.keras", "assets/bomb", bytes(size), zipfile.ZIP_DEFLATED)
    packed = zipfile.ZipFile(path).getinfo("assets/bomb").compress_size
    assert _refused(path, True) == _unsafe(
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
    assert _refused(path) == _unsafe(path, found, fix=fix)


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
    assert re.sub(r"run_\d+", "run_N", _refused(tmp_path)) == _unsafe(
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
    assert _refused(path, trust=True) == _unsafe(path, found, fix=NEVER)
