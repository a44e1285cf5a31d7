"""The original as an artifact, so that runtimes which open Keras models are judged like all others.

source.json      the SourceModel, whose path is that of the file beside it
model.keras      a link to the original, or a copy of it; .h5 for HDF5, nothing for a SavedModel
"""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

from converters.artifact import Artifact, record_files
from converters.errors import EdgeproofError
from converters.source import SourceModel
from converters.target import ORIGINAL, ExportTarget

_ENTRY = "source.json"
_FILES = {"keras": "model.keras", "hdf5": "model.h5"}


def write_original(source: SourceModel, directory: Path) -> Artifact:
    """Puts a model and how it is opened into an empty directory.

    Args:
        source: as it was described; its file is not changed.
        directory: exists.
    """
    from converters.serial import dumps

    inside = _FILES.get(source.kind)
    if inside is not None:
        _put(source.path.resolve(), directory / inside)
    moved = replace(source, path=Path(inside or source.path.name))
    (directory / _ENTRY).write_text(dumps(moved), encoding="utf-8")
    signature = source.signature
    return Artifact(
        target=ExportTarget(ORIGINAL, "float32"),
        directory=directory,
        entry=_ENTRY,
        files=record_files(directory),
        signature=signature,
        input_names={name: name for name in signature.input_names},
        output_names={name: name for name in signature.output_names},
    )


def read_original(artifact: Artifact) -> SourceModel:
    """The model of such an artifact, its path one that can be opened.

    Raises:
        EdgeproofError: the record isn't one.
    """
    from converters.serial import loads

    try:
        source = loads(artifact.entry_path.read_text(encoding="utf-8"), SourceModel)
    except (OSError, ValueError) as error:
        raise EdgeproofError(
            f"{artifact.entry_path}: not the record of an original",
            got=str(error),
            want="what write_original wrote",
            fix="validate again",
        ) from error
    return replace(source, path=artifact.directory / source.path)


def _put(original: Path, place: Path) -> None:
    try:
        os.link(original, place)
    except OSError:  # on another file system, or one without links
        shutil.copyfile(original, place)
