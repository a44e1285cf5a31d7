"""Opens `.keras` and HDF5 files: with Keras 3 where that is right, with tf-keras where it is not.

Keras 3 cannot read every file that Keras 1 and 2 wrote, and some it reads wrongly without a word (an
HDF5 whose first layer is a Reshape gets the batch dimension into its shape). So an old file is opened
with both, and what they compute is compared; a file that Keras 3 wrote is opened with Keras 3 alone.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import re
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from converters.errors import EdgeproofError
from converters.exceptions import summary
from converters.source import Loader, LoadOptions, SourceKind
from converters.sources.config_safety import layer_classes, scan_config
from converters.sources.crosscheck import compare
from converters.sources.custom_objects import load_custom_objects
from converters.sources.file_safety import scan_hdf5, scan_zip
from converters.sources.findings import Finding, refuse
from converters.sources.keras1 import translated

LOADERS: dict[str, tuple[Loader, ...]] = {"3": ("keras",), "1": ("tf_keras",)}
"""Libraries to try, by the version of Keras that wrote the file; others are tried with both."""

LIBRARY_NAMES = {"keras": "Keras 3", "tf_keras": "tf-keras"}


def open_keras_file(path: Path, kind: SourceKind, loader: Loader, options: LoadOptions) -> Any:
    """A Keras model, opened with a known library; its file is checked for code first.

    Raises:
        EdgeproofError: the file is unsafe, or the library cannot read it.
    """
    import_keras()
    custom_objects = load_custom_objects(options)
    check(path, kind, custom_objects, options)
    try:
        return _load(path, kind, loader, custom_objects, options)
    except EdgeproofError:
        raise
    except Exception as error:
        raise _explain(path, {loader: error}) from error


def choose_loader(path: Path, kind: SourceKind, options: LoadOptions) -> tuple[Loader, Any, tuple[str, ...]]:
    """The library that opens a file rightly, the model as it opened it, and what was noticed.

    Raises:
        EdgeproofError: the file is unsafe, or neither library can read it.
    """
    import_keras()
    custom_objects = load_custom_objects(options)
    check(path, kind, custom_objects, options)
    version = written_by(path, kind)
    models: dict[Loader, Any] = {}
    errors: dict[Loader, Exception] = {}
    loaders: tuple[Loader, ...] = LOADERS.get(version[:1], ("keras", "tf_keras"))
    for loader in loaders:
        try:
            models[loader] = _load(path, kind, loader, custom_objects, options)
        except EdgeproofError:
            raise
        except Exception as error:
            errors[loader] = error
    if not models:
        raise _explain(path, errors) from errors[loaders[0]]
    if loaders == ("keras",):
        return "keras", models["keras"], ()
    if loaders == ("tf_keras",):
        note = f"The file was written by Keras {version}. tf-keras opens it, its configuration rewritten."
        return "tf_keras", models["tf_keras"], (note,)
    loader, note = _judge(models, errors)
    return loader, models[loader], (f"The file was written by Keras {version}. {note}",)


def check(path: Path, kind: SourceKind, custom_objects: dict[str, Any], options: LoadOptions) -> None:
    """Refuses a file that brings code along.

    Raises:
        EdgeproofError: names what was found and where.
    """
    refuse(path, list(_scan(path, kind, custom_objects)), options.trust)


def read_config(path: Path, kind: SourceKind) -> Any:
    """The model's configuration as parsed JSON.

    Raises:
        EdgeproofError: the file holds none, as one with weights only.
    """
    try:
        if kind == "keras":
            with zipfile.ZipFile(path) as archive:
                return json.loads(archive.read("config.json"))
        return json.loads(_hdf5_attribute(path, "model_config") or "null") or _no_config(path)
    except json.JSONDecodeError as error:
        raise EdgeproofError(
            f"{path}: the model's configuration cannot be read",
            got=str(error),
            want="JSON",
            fix="copy or download the file again",
        ) from error


def saved_names(path: Path, kind: SourceKind) -> frozenset[str]:
    """The names of layers that a file's configuration gives."""
    return frozenset(name for name, _ in layer_classes(read_config(path, kind)))


def written_by(path: Path, kind: SourceKind) -> str:
    """The version of Keras that wrote a file, as far as it says so ("1" for files before 1.2)."""
    if kind == "hdf5":
        return _hdf5_attribute(path, "keras_version") or "1"
    with zipfile.ZipFile(path) as archive:
        if "metadata.json" not in archive.namelist():
            return "3"
        return str(json.loads(archive.read("metadata.json")).get("keras_version", "3"))


def import_keras() -> Any:
    """Keras 3 on TensorFlow, whatever the user's own setting is.

    Raises:
        EdgeproofError: Keras was imported on another backend already.
    """
    os.environ["KERAS_BACKEND"] = "tensorflow"
    import keras

    if keras.backend.backend() != "tensorflow":
        raise EdgeproofError(
            "Keras runs on a backend that cannot be exported",
            got=keras.backend.backend(),
            want="tensorflow",
            fix="don't choose another backend in the code that you import",
        )
    return keras


def _scan(path: Path, kind: SourceKind, custom_objects: dict[str, Any]) -> Iterator[Finding]:
    if kind == "keras":
        with zipfile.ZipFile(path) as archive:
            found = list(scan_zip(archive))
        yield from found
        if any(not finding.trustable for finding in found):
            return
    else:
        with _opened_hdf5(path) as file:
            yield from scan_hdf5(file)
    yield from scan_config(read_config(path, kind), custom_objects.keys())


def _load(
    path: Path, kind: SourceKind, loader: Loader, custom_objects: dict[str, Any], options: LoadOptions
) -> Any:
    library: Any = import_keras()
    if loader == "tf_keras":
        library = importlib.import_module("tf_keras")
    if kind == "hdf5" and written_by(path, kind).startswith("1"):
        readable = translated(path)
    else:
        readable = _suffixed(path, ".keras" if kind == "keras" else ".h5")
    with readable as named:
        return library.models.load_model(
            str(named), custom_objects=custom_objects, compile=False, safe_mode=not options.trust
        )


def _judge(models: dict[Loader, Any], errors: dict[Loader, Exception]) -> tuple[Loader, str]:
    """Which of the two libraries to believe, and why."""
    if "keras" in errors:
        return "tf_keras", f"tf-keras opens it; Keras 3 cannot: {summary(errors['keras'])}"
    if "tf_keras" in errors:
        note = f"Keras 3 opens it; tf-keras cannot, so they were not compared: {summary(errors['tf_keras'])}"
        return "keras", note
    agree, found = compare(models["keras"], models["tf_keras"])
    if agree:
        return "keras", f"Keras 3 opens it, {found}."
    return "tf_keras", f"tf-keras opens it; Keras 3 opens it wrongly: {found}."


@contextlib.contextmanager
def _suffixed(path: Path, suffix: str) -> Iterator[Path]:
    """The file under a name that Keras recognizes; it goes by the suffix alone."""
    if path.suffix in {suffix, ".hdf5" if suffix == ".h5" else suffix}:
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="edgeproof-") as directory:
        link = Path(directory) / f"model{suffix}"
        link.symlink_to(path.resolve())
        yield link


@contextlib.contextmanager
def _opened_hdf5(path: Path) -> Iterator[Any]:
    import h5py

    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise EdgeproofError(
            f"{path}: the HDF5 file is truncated or damaged",
            got=summary(error),
            want="a whole HDF5 file",
            fix="copy or download the file again",
        ) from error
    with file:
        yield file


def _hdf5_attribute(path: Path, name: str) -> str:
    with _opened_hdf5(path) as file:
        value = file.attrs.get(name, "")
        return value.decode() if isinstance(value, bytes) else str(value)


def _no_config(path: Path) -> Any:
    with _opened_hdf5(path) as file:
        names = ", ".join(list(file)[:8])
    raise EdgeproofError(
        f"{path}: the HDF5 file holds no model configuration",
        got=f"groups {names or 'none'}: weights only, or not a Keras file",
        want="a whole model: architecture and weights",
        fix="build the model in Python, load these weights, and save it with model.save('model.keras')",
    )


def _explain(path: Path, errors: dict[Loader, Exception]) -> EdgeproofError:
    text = " ".join(str(error) for error in errors.values())
    found = re.search(r"(?:Unknown [a-z ]+: |Could not locate (?:class|function) )'([^']+)'", text)
    unknown = found and found[1].split(">")[-1]
    said = "\n".join(f"{LIBRARY_NAMES[name]}: {summary(error)}" for name, error in errors.items())
    return EdgeproofError(
        f"{path}: the model cannot be opened",
        got=f"{unknown}, which nobody knows" if unknown else said,
        want="a model whose layers are Keras' own or are named as custom objects",
        fix=f"name your own code for it: --custom-objects module:{unknown}"
        if unknown
        else "open it with the version of Keras that wrote it, and save it again as .keras",
    )
