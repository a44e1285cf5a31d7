"""An exported file as a graph of named tensors, and copies of it cut anywhere: the same for every format.

A cut copy takes some tensors as inputs in place of computing them, and gives others as outputs. With every
tensor as an output it shows what happens inside; with a layer's inputs fed it runs that layer alone; it runs
on any runtime, since it is an artifact like every other.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from converters.artifact import Artifact, Quantization, record_files
from converters.signature import Signature, TensorSpec
from converters.target import ExportTarget
from validation.dtypes import dtype_name

if TYPE_CHECKING:
    from validation.feed import Tensors

CUT = "{}__fed"
"""Name in the file of an input that stands in for a tensor."""


@dataclass(frozen=True, slots=True)
class FileTensor:
    """A tensor that an op of the file computes, or an input.

    Attributes:
        names: of TensorFlow nodes that it may come from, as far as the file tells.
        dtype: "" where the file doesn't say.
        quantization: of an affine quantized one.
        shape: None for what is not known, or changes from call to call; None at all where the rank is not
            known.
        channels_first: it may hold what the original has channels last.
    """

    names: tuple[str, ...]
    dtype: str = ""
    quantization: Quantization | None = None
    shape: tuple[int | None, ...] | None = None
    channels_first: bool = False


@dataclass(frozen=True, slots=True)
class FileOp:
    """An op.

    Attributes:
        kind: as the format calls it.
        inputs: keys of computed tensors; constants are left out.
        outputs: keys.
        weights: names of its constants.
        observable: its results are plain tensors, which a runtime can hand out.
    """

    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    weights: tuple[str, ...] = ()
    observable: bool = True


@dataclass(frozen=True)
class FileGraph:
    """The main graph of a file.

    Attributes:
        tensors: by a key that is unique in the file.
        ops: each after those that it needs.
        inputs: from each Keras name to its key; likewise `outputs`.
    """

    tensors: Mapping[str, FileTensor]
    ops: tuple[FileOp, ...]
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]

    @cached_property
    def makers(self) -> Mapping[str, int]:
        """Number of the op that computes each tensor."""
        return {key: number for number, op in enumerate(self.ops) for key in op.outputs}

    @cached_property
    def used(self) -> frozenset[str]:
        """Tensors that an op takes."""
        return frozenset(key for op in self.ops for key in op.inputs)

    @cached_property
    def takers(self) -> Mapping[str, tuple[int, ...]]:
        """Numbers of the ops that take each tensor."""
        found: dict[str, tuple[int, ...]] = {}
        for number, op in enumerate(self.ops):
            for key in dict.fromkeys(op.inputs):
                found[key] = (*found.get(key, ()), number)
        return found

    def cone(self, keys: Iterable[str], stop: Collection[str]) -> tuple[list[FileOp], set[str]]:
        """The ops that compute tensors when others are given, and which of those they take.

        Args:
            keys: computed even where they are given to others.
            stop: tensors that are given.
        """
        found: set[int] = set()
        taken: set[str] = set()
        todo = [self.makers[key] for key in keys if key in self.makers]
        while todo:
            number = todo.pop()
            if number in found:
                continue
            found.add(number)
            for key in self.ops[number].inputs:
                if key in stop or key not in self.makers:
                    taken.add(key)
                else:
                    todo.append(self.makers[key])
        return [self.ops[number] for number in sorted(found)], taken


def read_graph(artifact: Artifact) -> FileGraph:
    """The graph of an artifact's file."""
    return _format(artifact).read(artifact)


def cut(artifact: Artifact, feeds: Tensors, outputs: Iterable[str], out: Path) -> Artifact:
    """A copy of an artifact that takes and gives other tensors.

    Args:
        artifact: stays as it is.
        feeds: by key, in the file's dtypes and layout: fixes shapes and dtypes of the new inputs.
        outputs: keys; one that is fed as well is computed all the same.
        out: an empty directory.

    Returns:
        The copy; its signature has the keys for names.
    """
    keys = list(dict.fromkeys(outputs))
    input_names, output_names, entry = _format(artifact).write(artifact, feeds, keys, out)
    inputs = tuple(TensorSpec(key, array.shape, dtype_name(array)) for key, array in feeds.items())
    return Artifact(
        target=ExportTarget(artifact.target.format, artifact.target.precision),
        directory=out,
        entry=entry,
        files=record_files(out),
        signature=Signature(inputs, tuple(TensorSpec(key, (), "") for key in keys)),
        input_names=input_names,
        output_names=output_names,
        signature_key=artifact.signature_key and "serving_default",
    )


class _Format:
    """The two functions of a format's module."""

    read: Callable[[Artifact], FileGraph]
    write: Callable[[Artifact, Mapping[str, np.ndarray], list[str], Path], tuple[dict, dict, str]]


def _format(artifact: Artifact) -> _Format:
    return import_module(f"validation.localize.{artifact.target.format}_cut")  # type: ignore[return-value]
