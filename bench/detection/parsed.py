"""What the three formats have in common, so that a fault is described once.

    open_file(artifact) ─► ParsedFile ─► a fault edits it ─► .write(out)

An op is known by its format's own name for it (CONV_2D, Conv, _FusedConv2D); constants are handed to one
op only, though files share them, so that a fault hits one place.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from converters.artifact import Artifact


@dataclass(frozen=True, eq=False)
class Op:
    """One operation of a file.

    Attributes:
        kind: the format's name for it.
        raw: the format's own object.
        graph: that which holds it: the main graph, or the body of a loop.
        names: everything that tells which layers it came from: its own name, those of what it makes
            and of the constants that it takes.
    """

    kind: str
    raw: Any
    graph: Any
    names: tuple[str, ...]


class ParsedFile(ABC):
    """A file that can be edited; indices of inputs are the format's own.

    Attributes:
        format: "tflite", "onnx" or "tfjs".
        layers: names of the Keras layers.
    """

    format: str
    layers: Collection[str]

    @abstractmethod
    def ops(self) -> Iterator[Op]:
        """Every op, those inside loops too, in the file's order."""

    @abstractmethod
    def get(self, op: Op, attribute: str) -> Any:
        """An attribute as a plain value; None where the op has none."""

    @abstractmethod
    def set(self, op: Op, attribute: str, value: Any) -> None:
        """Gives an attribute another value of the same type."""

    @abstractmethod
    def retype(self, op: Op, kind: str) -> None:
        """Makes another operation of it, with the same inputs and outputs."""

    @abstractmethod
    def inputs(self, op: Op) -> int:
        """How many inputs it has."""

    @abstractmethod
    def constant(self, op: Op, index: int) -> np.ndarray | None:
        """A constant input, as it is stored; None where it is computed or absent."""

    def step(self, op: Op, index: int) -> float:
        """Between two values that the file can hold, of a constant that is given dequantized; else 0."""
        return 0.0

    @abstractmethod
    def replace(self, op: Op, index: int, values: np.ndarray) -> None:
        """Gives this op another constant of the same dtype, and no other op."""

    @abstractmethod
    def swap(self, op: Op, first: int, second: int) -> None:
        """Exchanges two inputs of an op."""

    @abstractmethod
    def swap_ends(self, side: str, first: str, second: str) -> None:
        """Exchanges two of the model's own "inputs" or "outputs", by their Keras names."""

    @abstractmethod
    def write(self, out: Path) -> None:
        """Writes the file into an empty directory."""

    @abstractmethod
    def readers(self, op: Op) -> list[Op]:
        """The ops that take what this one makes."""

    def layers_of(self, op: Op) -> tuple[str, ...]:
        """The Keras layers that went into an op, fused ones together, in the model's order.

        An op whose names tell nothing (ONNX' LSTM and Resize) belongs to the layer of its first reader
        whose names do.
        """
        asked, seen = [op], {op.names}
        for each in asked:
            found = tuple(n for n in self.layers if any(names_layer(given, n) for given in each.names))
            if found:
                return found
            new = [reader for reader in self.readers(each) if reader.names not in seen]
            seen.update(reader.names for reader in new)
            asked += new
        return ()


def names_layer(name: str, layer: str) -> bool:
    """Whether a tensor's or node's name has the layer as a part: "model/conv_1/Relu;model/norm/add".

    TensorFlow appends a number to scopes that exist already.
    """
    parts = (part.split(":")[0] for piece in name.split(";") for part in piece.split("/"))
    return any(part == layer or _without_number(part) == layer for part in parts)


def _without_number(part: str) -> str:
    stem, _, number = part.rpartition("_")
    return stem if number.isdigit() else part


def open_file(artifact: Artifact, layers: Collection[str]) -> ParsedFile:
    """A fresh copy of an artifact's file, to be edited."""
    from bench.detection.onnx_file import OnnxFile
    from bench.detection.tfjs_file import TfjsFile
    from bench.detection.tflite_file import TfliteFile

    kinds: dict[str, Callable[..., ParsedFile]] = {"tflite": TfliteFile, "onnx": OnnxFile, "tfjs": TfjsFile}
    return kinds[artifact.target.format](artifact, layers)
