"""Data in one `.npz`: its members are decompressed side by side, a batch at a time."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

from converters.errors import EdgeproofError
from validation.feed_check import check_lengths, check_names, check_shape, conform
from validation.feed_layout import Layout

if TYPE_CHECKING:
    from validation.feeds import FeedSpec

UNNAMED = "arr_0"
"""The key that `numpy.savez` gives to an array without a name."""


@dataclass(frozen=True, slots=True)
class Member:
    """An array in an archive, read from its start to its end."""

    shape: tuple[int, ...]
    read: Callable[[int], np.ndarray]
    """Its next rows; for an array without dimensions, that many copies of it."""


def read(spec: FeedSpec, layout: Layout) -> Iterator[dict[str, np.ndarray]]:
    """Batches of an `.npz` whose keys are the input names.

    An array that `numpy.savez` was given without a name will do for a model with one input. One
    without dimensions, for a scalar input, serves every sample.
    """
    assert spec.npz is not None
    label = spec.npz.name
    with ExitStack() as stack:
        labels = spec.labels.keys if spec.labels else frozenset()
        members = _open(spec.npz, layout, labels, stack)
        for input_spec in layout.inputs:
            shape = members[input_spec.name].shape
            check_shape(shape or (1,), input_spec, layout, label)
        lengths = {name: member.shape[0] for name, member in members.items() if member.shape}
        check_lengths(lengths, label)
        total = next(iter(lengths.values()), 1)
        for start in range(0, total, spec.batch):
            count = min(spec.batch, total - start)
            yield conform({name: member.read(count) for name, member in members.items()}, layout, label)


def _open(path: Path, layout: Layout, labels: AbstractSet[str], stack: ExitStack) -> dict[str, Member]:
    """The members that are inputs: all but the labels."""
    try:
        archive = stack.enter_context(zipfile.ZipFile(path))
    except (OSError, zipfile.BadZipFile) as error:
        raise unreadable(path, str(error)) from error
    files = {name.removesuffix(".npy"): name for name in archive.namelist()}
    names = {name: file for name, file in files.items() if name not in labels}
    if len(layout.inputs) == 1 and names.keys() == {UNNAMED}:
        names = {layout.inputs[0].name: names[UNNAMED]}
    check_names(names.keys(), layout, path.name)
    scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="edgeproof-npz-")))
    return {
        name: _member(stack.enter_context(archive.open(file)), path, name, scratch / str(number))
        for number, (name, file) in enumerate(names.items())
    }


def _member(stream: IO[bytes], path: Path, name: str, scratch: Path) -> Member:
    shape, fortran, dtype = _header(stream, path)
    if dtype.hasobject:
        raise EdgeproofError(
            f"{path.name}: {name} is an object array",
            got="dtype object, which only pickle can read",
            want="an array of numbers, booleans or fixed-width strings",
            fix="save it with a plain dtype, every sample in the same shape",
        )
    if not shape:
        value = np.frombuffer(_bytes(stream, dtype.itemsize, path), dtype)
        return Member(shape, lambda count: np.repeat(value, count))
    if fortran and len(shape) > 1:
        return _mapped(stream, shape, dtype, scratch)

    def rows(count: int) -> np.ndarray:
        size = int(np.prod((count, *shape[1:]), dtype=np.int64)) * dtype.itemsize
        return np.frombuffer(_bytes(stream, size, path), dtype).reshape(count, *shape[1:])

    return Member(shape, rows)


def _mapped(stream: IO[bytes], shape: tuple[int, ...], dtype: np.dtype, scratch: Path) -> Member:
    """Fortran order, where the rows of one batch lie apart: unpacked to disk and mapped."""
    with scratch.open("wb") as copy:
        shutil.copyfileobj(stream, copy)
    mapped = np.memmap(scratch, dtype, "r", shape=shape, order="F")
    done = 0

    def rows(count: int) -> np.ndarray:
        nonlocal done
        done += count
        return np.ascontiguousarray(mapped[done - count : done])

    return Member(shape, rows)


def _header(stream: IO[bytes], path: Path) -> tuple[tuple[int, ...], bool, np.dtype]:
    try:
        version = np.lib.format.read_magic(stream)
        readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        return readers[version](stream)
    except (ValueError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise unreadable(path, f"a member that is not a .npy ({error})") from error


def _bytes(stream: IO[bytes], size: int, path: Path) -> bytes:
    try:
        data = stream.read(size)
    except (OSError, zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise unreadable(path, str(error)) from error
    if len(data) != size:
        raise unreadable(path, "an array that ends early")
    return data


def unreadable(path: Path, got: str) -> EdgeproofError:
    """The file is missing, cut off, or something else."""
    return EdgeproofError(
        f"{path}: can't be read as data",
        got=got if path.exists() else "no such file",
        want="arrays written by numpy.save or numpy.savez, without pickled objects",
        fix="check the path, or write the file again",
    )
