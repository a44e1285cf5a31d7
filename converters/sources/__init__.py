"""Opens models: `.keras`, HDF5 and SavedModel, safely unless told otherwise.

describe_source   what a model is, from its path
open_source       the model itself, inside a worker
"""

from __future__ import annotations

from pathlib import Path

from converters.errors import EdgeproofError
from converters.source import LoadOptions, OpenModel, SourceModel
from converters.sources.locate import find_kind, hash_source

MOST_OPEN = 2
"""Models that stay open in one process; the oldest goes first."""

_open: dict[tuple[Path, str, LoadOptions], OpenModel] = {}


def describe_source(path: Path, options: LoadOptions = LoadOptions()) -> SourceModel:
    """What a model takes and gives, after opening it once.

    Raises:
        EdgeproofError: there is no model, it is damaged or unsafe, or what it takes is not clear.
    """
    path = Path(path)
    kind = find_kind(path)
    sha256 = hash_source(path)
    if kind == "saved_model":
        from converters.sources.saved_model import open_saved_model

        saved = open_saved_model(path, options)
        source = SourceModel(path, kind, "tensorflow", sha256, saved.signature, options, saved.notes)
        return _remember(source, saved)
    from converters.sources.keras_file import choose_loader, saved_names
    from converters.sources.keras_model import describe_keras

    loader, model, notes = choose_loader(path, kind, options)
    opened = describe_keras(model, path, saved_names(path, kind))
    return _remember(
        SourceModel(path, kind, loader, sha256, opened.signature, options, (*notes, *opened.notes)), opened
    )


def open_source(source: SourceModel) -> OpenModel:
    """The model that a `SourceModel` describes; opened once in a process.

    Raises:
        EdgeproofError: the file is not the one that was described.
    """
    key = _key(source)
    if key not in _open:
        _check_unchanged(source)
        _remember(source, _open_again(source))
    return _open[key]


def _open_again(source: SourceModel) -> OpenModel:
    if source.kind == "saved_model":
        from converters.sources.saved_model import open_saved_model

        return open_saved_model(source.path, source.options)
    from converters.sources.keras_file import open_keras_file, saved_names
    from converters.sources.keras_model import describe_keras

    model = open_keras_file(source.path, source.kind, source.loader, source.options)
    return describe_keras(model, source.path, saved_names(source.path, source.kind))


def _key(source: SourceModel) -> tuple[Path, str, LoadOptions]:
    return source.path.resolve(), source.sha256, source.options


def _remember(source: SourceModel, model: OpenModel) -> SourceModel:
    while len(_open) >= MOST_OPEN:
        del _open[next(iter(_open))]
    _open[_key(source)] = model
    return source


def _check_unchanged(source: SourceModel) -> None:
    find_kind(source.path)
    sha256 = hash_source(source.path)
    if sha256 != source.sha256:
        raise EdgeproofError(
            f"{source.path}: the model has changed since it was described",
            got=f"sha256 {sha256}",
            want=f"sha256 {source.sha256}",
            fix="start again, and leave the file alone meanwhile",
        )
