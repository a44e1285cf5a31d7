"""Tells what a path holds from its first bytes, and says clearly when that is no model."""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from pathlib import Path

from converters.artifact import hash_file
from converters.errors import EdgeproofError
from converters.source import SourceKind

WANTED = "a .keras file, a Keras HDF5 file (.h5, .hdf5), or a SavedModel directory"

_HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
_LFS_MAGIC = b"version https://git-lfs"
_VALIDATE = "judge it against the Keras model: edgeproof validate MODEL ARTIFACT"
_SAVE = "save the original with model.save('model.keras')"
_SAVED_MODEL_FILES = ("saved_model.pb", "saved_model.pbtxt")


def find_kind(path: Path) -> SourceKind:
    """The format of a model.

    Raises:
        EdgeproofError: nothing is there, or it is something else.
    """
    if path.is_dir():
        return _find_directory_kind(path)
    if not path.is_file():
        raise EdgeproofError(
            f"{path}: no such model", got=_neighbours(path), want=WANTED, fix="correct the path"
        )
    head = path.open("rb").read(64)
    if head.startswith(_HDF5_MAGIC):
        return "hdf5"
    if head.startswith(b"PK"):
        return _check_zip(path)
    got, fix = _describe_other(path, head)
    raise EdgeproofError(f"{path}: not a Keras model", got=got, want=WANTED, fix=fix)


def hash_source(path: Path) -> str:
    """SHA-256 of a file's bytes, or of a directory's sorted lines `sha256  path`."""
    if path.is_file():
        return hash_file(path)
    files = sorted((p.relative_to(path).as_posix(), p) for p in path.rglob("*") if p.is_file())
    lines = "".join(f"{hash_file(file)}  {name}\n" for name, file in files)
    return hashlib.sha256(lines.encode()).hexdigest()


def size_of(path: Path) -> int:
    """Bytes on disk, of a file or of every file in a directory."""
    files = [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]
    return sum(file.stat().st_size for file in files)


def _find_directory_kind(path: Path) -> SourceKind:
    if any((path / name).is_file() for name in _SAVED_MODEL_FILES):
        return "saved_model"
    names = sorted(entry.name + ("/" if entry.is_dir() else "") for entry in path.iterdir())
    models = [name for name in names if name.endswith((".keras", ".h5", ".hdf5"))]
    shown = ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
    raise EdgeproofError(
        f"{path}: the directory is not a model",
        got=shown or "an empty directory",
        want=f"saved_model.pb in it, or the path of {WANTED}",
        fix=f"did you mean {path / models[0]}?" if models else "give the path of the model itself",
    )


def _check_zip(path: Path) -> SourceKind:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            broken = archive.testzip() if sum(i.file_size for i in archive.infolist()) < 1 << 28 else None
    except (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError, OSError) as error:
        raise _truncated(
            path, f"{path.stat().st_size:,} bytes that end too early or are damaged: {error}"
        ) from error
    if broken is not None:
        raise _truncated(path, f"member '{broken}' is damaged (its checksum differs)")
    if "config.json" in names:
        return "keras"
    raise EdgeproofError(
        f"{path}: not a Keras model",
        got="a zip archive with " + (", ".join(sorted(names)[:8]) or "nothing in it"),
        want=WANTED + "; a .keras file is a zip archive with config.json in it",
        fix="unpack the archive if the model lies inside it",
    )


def _truncated(path: Path, got: str) -> EdgeproofError:
    return EdgeproofError(
        f"{path}: the .keras file is truncated or damaged",
        got=got,
        want="a whole zip archive",
        fix="copy or download the file again",
    )


def _describe_other(path: Path, head: bytes) -> tuple[str, str]:
    """What a file is instead of a model, and what to do about it."""
    size = f"{path.stat().st_size:,} bytes that begin with {head[:8]!r}"
    cases = (
        (not head, "an empty file", "copy or download the file again"),
        (
            head.startswith(_LFS_MAGIC),
            "a Git LFS pointer, not the file itself",
            f"git lfs pull -I {path.name}",
        ),
        (head[4:8] == b"TFL3", "a TensorFlow Lite model, which is an export already", _VALIDATE),
        (path.suffix == ".onnx", "an ONNX model, which is an export already", _VALIDATE),
        (path.name in _SAVED_MODEL_FILES, "the graph of a SavedModel", f"give the directory: {path.parent}"),
        (
            path.suffix in (".pb", ".pbtxt"),
            "a TensorFlow graph without signatures",
            "give the Keras model itself",
        ),
        (head[:1] == b"\x80", "a Python pickle, which runs code when it is opened", _SAVE),
        (head[:1] in (b"{", b"["), "JSON: a TF.js model, or a configuration without weights", _SAVE),
        (True, size, _SAVE),
    )
    return next((got, fix) for applies, got, fix in cases if applies)


def _neighbours(path: Path) -> str:
    if not path.parent.is_dir():
        return f"no directory {path.parent} either"
    names = sorted(p.name for p in path.parent.iterdir() if not p.name.startswith("."))
    return f"{path.parent} holds " + (", ".join(names[:8]) + (" …" if len(names) > 8 else "") or "nothing")
