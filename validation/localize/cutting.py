"""Copies of an exported file cut anywhere, whatever its format.

A cut copy takes some tensors as inputs in place of computing them, and gives others as outputs. With every
tensor as an output it shows what happens inside; with a layer's inputs fed it runs that layer alone; it runs
on any runtime, since it is an artifact like every other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from converters.artifact import Artifact, record_files
from converters.signature import Signature, TensorSpec
from converters.target import ExportTarget
from validation.dtypes import dtype_name
from validation.localize import onnx_cut, tfjs_cut, tflite_cut
from validation.localize.file_graph import FileGraph


class Read(Protocol):
    """Reads an artifact's file."""

    def __call__(self, artifact: Artifact) -> FileGraph: ...


class Write(Protocol):
    """Writes a cut copy of an artifact's file into an empty directory.

    Gives the names in the copy of what is fed and of the outputs, by key, and the copy's entry file.
    """

    def __call__(
        self, artifact: Artifact, feeds: Mapping[str, np.ndarray], outputs: list[str], out: Path
    ) -> tuple[dict[str, str], dict[str, str], str]: ...


class _Format(NamedTuple):
    read: Read
    write: Write


_FORMATS: Mapping[str, _Format] = {
    "onnx": _Format(onnx_cut.read, onnx_cut.write),
    "tfjs": _Format(tfjs_cut.read, tfjs_cut.write),
    "tflite": _Format(tflite_cut.read, tflite_cut.write),
}


def read_graph(artifact: Artifact) -> FileGraph:
    """The graph of an artifact's file."""
    return _FORMATS[artifact.target.format].read(artifact)


def cut(artifact: Artifact, feeds: Mapping[str, np.ndarray], outputs: Iterable[str], out: Path) -> Artifact:
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
    input_names, output_names, entry = _FORMATS[artifact.target.format].write(artifact, feeds, keys, out)
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
