"""What a path holds, and what is said when that is no model."""

from __future__ import annotations

import shutil
from pathlib import Path

import keras
import pytest

from converters.artifact import hash_file
from converters.errors import EdgeproofError, ExitStatus
from converters.sources import describe_source, open_source
from converters.sources.locate import hash_source

WANTED = "a .keras file, a Keras HDF5 file (.h5, .hdf5), or a SavedModel directory"
AGAIN = "copy or download the file again"
SAVE = "save the original with model.save('model.keras')"
VALIDATE = "judge it against the Keras model: edgeproof validate MODEL ARTIFACT"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "model.keras"
    keras.Sequential([keras.Input((3,), name="x"), keras.layers.Dense(2, name="y")]).save(path)
    return path


def _fails(path: Path) -> str:
    with pytest.raises(EdgeproofError) as caught:
        describe_source(path)
    assert caught.value.status is ExitStatus.USAGE
    return str(caught.value)


def _told(path: Path, what: str, got: str, want: str, fix: str) -> str:
    return f"{path}: {what}\n  got:  {got}\n  want: {want}\n  fix:  {fix}"


def test_missing_file_tells_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "other.keras").touch()
    path = tmp_path / "model.keras"
    got = f"{tmp_path} holds other.keras"
    assert _fails(path) == _told(path, "no such model", got, WANTED, "correct the path")


def test_missing_directory_is_told(tmp_path: Path) -> None:
    path = tmp_path / "no" / "model.keras"
    got = f"no directory {tmp_path / 'no'} either"
    assert _fails(path) == _told(path, "no such model", got, WANTED, "correct the path")


def test_directory_that_is_no_model_tells_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "a.keras").touch()
    (tmp_path / "data").mkdir()
    assert _fails(tmp_path) == _told(
        tmp_path,
        "the directory is not a model",
        "a.keras, data/",
        f"saved_model.pb in it, or the path of {WANTED}",
        f"did you mean {tmp_path / 'a.keras'}?",
    )


@pytest.mark.parametrize(
    ("name", "content", "got", "fix"),
    [
        ("m.keras", b"", "an empty file", AGAIN),
        (
            "m.h5",
            b"version https://git-lfs.github.com/spec/v1\n",
            "a Git LFS pointer, not the file itself",
            "git lfs pull -I m.h5",
        ),
        ("m.tflite", b"\x1c\0\0\0TFL3", "a TensorFlow Lite model, which is an export already", VALIDATE),
        ("m.onnx", b"\x08\x08\x12", "an ONNX model, which is an export already", VALIDATE),
        ("m.pkl", b"\x80\x04\x95", "a Python pickle, which runs code when it is opened", SAVE),
        ("model.json", b'{"format"', "JSON: a TF.js model, or a configuration without weights", SAVE),
        ("m.keras", b"hello world", "11 bytes that begin with b'hello wo'", SAVE),
    ],
    ids=["empty", "git-lfs", "tflite", "onnx", "pickle", "json", "text"],
)
def test_file_that_is_something_else(tmp_path: Path, name: str, content: bytes, got: str, fix: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert _fails(path) == _told(path, "not a Keras model", got, WANTED, fix)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_truncated_keras_file_is_refused(model: Path, tmp_path: Path, share: float) -> None:
    content = model.read_bytes()[: int(model.stat().st_size * share)]
    path = tmp_path / "model.keras"
    path.write_bytes(content)
    got = f"{len(content):,} bytes that end too early or are damaged: File is not a zip file"
    assert _fails(path) == _told(
        path, "the .keras file is truncated or damaged", got, "a whole zip archive", AGAIN
    )


def test_flipped_byte_in_a_keras_file_is_noticed(model: Path, tmp_path: Path) -> None:
    content = bytearray(model.read_bytes())
    at = content.index(b"\x89HDF") + 2000
    content[at] ^= 0xFF
    path = tmp_path / "model.keras"
    path.write_bytes(content)
    got = "member 'model.weights.h5' is damaged (its checksum differs)"
    assert _fails(path) == _told(
        path, "the .keras file is truncated or damaged", got, "a whole zip archive", AGAIN
    )


def test_truncated_hdf5_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.h5"
    keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).save(path)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(EdgeproofError) as caught:
        describe_source(path)
    assert caught.value.what == f"{path}: the HDF5 file is truncated or damaged"
    assert "truncated file" in caught.value.got


def test_format_is_told_by_its_bytes_not_by_its_name(model: Path, tmp_path: Path) -> None:
    shutil.copy(model, tmp_path / "model.bin")
    keras.saving.load_model(model).save(tmp_path / "x.h5")
    (tmp_path / "x.h5").rename(tmp_path / "x.keras")
    assert describe_source(tmp_path / "model.bin").kind == "keras"
    assert describe_source(tmp_path / "x.keras").kind == "hdf5"


def test_hash_is_of_the_bytes(model: Path, tmp_path: Path) -> None:
    assert describe_source(model).sha256 == hash_file(model)
    for root in ("a", "b"):
        (tmp_path / root / "sub").mkdir(parents=True)
        (tmp_path / root / "sub" / "file").write_text("1")
        (tmp_path / root / "file").write_text("2")
    assert hash_source(tmp_path / "a") == hash_source(tmp_path / "b")
    (tmp_path / "b" / "sub" / "file").rename(tmp_path / "b" / "sub" / "renamed")
    assert hash_source(tmp_path / "a") != hash_source(tmp_path / "b")


def test_model_is_opened_once_in_a_process(model: Path) -> None:
    source = describe_source(model)
    assert open_source(source) is open_source(source)


def test_model_that_changed_since_is_refused(model: Path, tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    shutil.copy(model, path)
    source = describe_source(path)
    again = keras.Sequential([keras.Input((3,), name="x"), keras.layers.Dense(2, name="z")])
    again.save(path)
    newer = describe_source(path)
    assert newer.sha256 != source.sha256
    from converters import sources

    sources._open.clear()
    with pytest.raises(EdgeproofError) as caught:
        open_source(source)
    assert str(caught.value) == _told(
        path,
        "the model has changed since it was described",
        f"sha256 {newer.sha256}",
        f"sha256 {source.sha256}",
        "start again, and leave the file alone meanwhile",
    )
