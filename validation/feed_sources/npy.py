"""Data in `.npy` files: one for each input, or one or more samples in each.

- The files of the directory (searched below too) are called like the inputs: each holds one input's
  samples. An input called `a/b` is the file `a/b.npy`.
- The model has one input and the files are called otherwise: they are read in the order of their
  names; each holds one sample, or several along one more dimension.
- A single file: the samples of a model's one input.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from converters.errors import EdgeproofError
from validation.feed_check import check_lengths, check_names, check_shape, conform
from validation.feed_layout import Layout
from validation.feed_sources.npz import unreadable

if TYPE_CHECKING:
    from validation.feeds import Chunk, FeedSpec


def read(spec: FeedSpec, layout: Layout) -> Iterator[Chunk]:
    """Batches of the files, which are mapped and not loaded."""
    assert spec.npy is not None
    files = _files(spec.npy)
    single = len(layout.inputs) == 1
    if single and (len(files) != 1 or layout.inputs[0].name not in files):
        yield from _by_sample(files, spec, layout)
    else:
        check_names(files.keys(), layout, spec.npy.name)
        yield from _by_input({name: _load(path) for name, path in files.items()}, spec, layout)


def _files(path: Path) -> dict[str, Path]:
    if path.is_file():
        return {path.stem: path}
    if not path.is_dir():
        raise unreadable(path, "neither a file nor a directory")
    found = sorted(path.rglob("*.npy"))
    if not found:
        raise EdgeproofError(
            f"{path}: there are no samples",
            got="a directory without .npy files",
            want="one .npy for each input, or one for each sample",
            fix="check the path",
        )
    return {file.relative_to(path).as_posix().removesuffix(".npy"): file for file in found}


def _load(path: Path) -> np.ndarray:
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise unreadable(path, str(error)) from error


def _by_input(arrays: dict[str, np.ndarray], spec: FeedSpec, layout: Layout) -> Iterator[Chunk]:
    assert spec.npy is not None
    for input_spec in layout.inputs:
        check_shape(arrays[input_spec.name].shape, input_spec, layout, f"{input_spec.name}.npy")
    check_lengths({name: len(array) for name, array in arrays.items()}, spec.npy.name)
    for start in range(0, len(next(iter(arrays.values()))), spec.batch):
        rows = {name: array[start : start + spec.batch] for name, array in arrays.items()}
        yield conform(rows, layout, spec.npy.name)


def _by_sample(files: dict[str, Path], spec: FeedSpec, layout: Layout) -> Iterator[Chunk]:
    (input_spec,) = layout.inputs
    for path in files.values():
        array = _load(path)
        if array.ndim == len(layout.sample_shape(input_spec)):
            array = array[None]
        check_shape(array.shape, input_spec, layout, path.name)
        for start in range(0, len(array), spec.batch):
            yield conform({input_spec.name: array[start : start + spec.batch]}, layout, path.name)
