"""What the original gives: the answers that every export is held against.

reference/
  feed-00000.npz …       the inputs, one batch each, under the Keras input names
  expected-00000.npz …   the eager model's outputs, under the Keras output names
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from converters.signature import Signature, TensorSpec
from validation.feed_layout import Layout, layout_of
from validation.tensor_files import read_tensors


@dataclass(frozen=True, slots=True)
class Noise:
    """How far an output moves for a cause that must not matter, or that a precision brings along.

    Attributes:
        max_abs: greatest |difference|; Infinity where a number became NaN or infinite.
        rms: root of the mean squared difference.
    """

    max_abs: float
    rms: float


@dataclass(frozen=True, slots=True)
class OutputReference:
    """One output of the original over all samples.

    Attributes:
        spec: as in the signature.
        per_sample: its first dimension counts the samples.
        is_scores: its last dimension is a score vector: two or more floats, none negative, that sum
            to 1 within 1e-3 (1e-2 for half precision) in every row; or `record` was told so.
        minimum: least finite value; NaN if there is none.
        maximum: greatest.
        rms: root of the mean square of the finite values.
        movement: greatest max - min of any one element over the samples.
        constant_rms: root of the mean squared distance to each element's mean, the error of the best
            answer that ignores the inputs.
        arithmetic: coarsest float dtype that the original computes with.
        noise: of the original itself, by cause, in the words of a reason.
        precision_noise: what weights (and inputs) rounded to a precision do to this output, by precision.
        unproven: why no comparison can prove anything, or "".
    """

    spec: TensorSpec
    per_sample: bool = True
    is_scores: bool = False
    minimum: float = math.nan
    maximum: float = math.nan
    rms: float = 0.0
    movement: float = 0.0
    constant_rms: float = 0.0
    arithmetic: str = "float32"
    noise: Mapping[str, Noise] = field(default_factory=dict)
    precision_noise: Mapping[str, Noise] = field(default_factory=dict)
    unproven: str = ""

    @property
    def range(self) -> float:
        """max - min; 0 where nothing is finite."""
        return self.maximum - self.minimum if self.minimum <= self.maximum else 0.0

    @property
    def magnitude(self) -> float:
        """Greatest finite |value|, which float rounding is relative to; at least the range."""
        return max(abs(self.minimum), abs(self.maximum), self.range) if self.minimum <= self.maximum else 0.0


@dataclass(frozen=True, slots=True)
class Batch:
    """One feed with its answers."""

    inputs: Mapping[str, np.ndarray]
    expected: Mapping[str, np.ndarray]
    first_sample: int
    samples: int


@dataclass(frozen=True, slots=True)
class Reference:
    """The original's answers on disk, and what is known about them.

    Attributes:
        directory: holds the files.
        source_sha256: of the original.
        signature: of the original.
        feeds: one file a batch, in order.
        expected: the answers to each.
        samples: in all batches.
        origin: "data" or "seeded".
        data: where the inputs came from, in a few words.
        outputs: in the signature's order.
        notes: what a reader should know, one sentence each.
    """

    directory: Path
    source_sha256: str
    signature: Signature
    feeds: tuple[Path, ...]
    expected: tuple[Path, ...]
    samples: int
    origin: str
    data: str
    outputs: tuple[OutputReference, ...]
    notes: tuple[str, ...] = ()

    @property
    def layout(self) -> Layout:
        return layout_of(self.signature)

    def output(self, name: str) -> OutputReference:
        return next(output for output in self.outputs if output.spec.name == name)

    def batches(self) -> Iterator[Batch]:
        """Every batch, in order, one in memory at a time."""
        first, layout = 0, self.layout
        for feed, expected in zip(self.feeds, self.expected, strict=True):
            inputs = read_tensors(feed, self.signature.inputs)
            samples = layout.count(inputs)
            yield Batch(inputs, read_tensors(expected, self.signature.outputs), first, samples)
            first += samples
