"""What the original gives: the answers that every export is held against.

reference/
  feed-00000.npz …       the inputs, one batch each, under the Keras input names
  expected-00000.npz …   the truth, under the Keras output names: float64 where a twin could be built
  noise-00000.npz …      how far the original itself may be off, element by element, for all but strings
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from converters.signature import Signature, TensorSpec
from validation.feed_layout import Layout, layout_of
from validation.limit import Limit
from validation.tensor_files import read_tensors
from validation.weights.kernel import Kernel


@dataclass(frozen=True, slots=True)
class Noise:
    """How far an output moves for a cause that must not matter, or that a precision brings along.

    Attributes:
        max_abs: greatest |difference|; Infinity where a number became NaN or infinite.
        rms: root of the mean squared difference.
        ratio_rms: the same in units of the noise floor, of the channel where it is greatest; NaN where
            no floor is known.
        ratio: the greatest of any element, likewise.
        leaders_rms: root of the mean squared difference of the greatest element of each row of the last
            dimension; NaN where that has one element.
    """

    max_abs: float
    rms: float
    ratio_rms: float = math.nan
    ratio: float = math.nan
    leaders_rms: float = math.nan


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
        floor: of the original's noise over all elements; None where it wasn't measured.
        own: the original's error against its float64 twin; None without one.
        clearance: greatest movement of any one element in units of its greatest floor; Infinity where no
            floor is known.
        precision_noise: what weights (and inputs) rounded to a precision do to this output, by precision.
        unproven: why no comparison can prove anything, or "".
        mixes_batch: it depends on the rest of its batch in the original already.
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
    floor: Noise | None = None
    own: Noise | None = None
    clearance: float = math.inf
    precision_noise: Mapping[str, Noise] = field(default_factory=dict)
    unproven: str = ""
    mixes_batch: bool = False

    @property
    def range(self) -> float:
        """max - min; 0 where nothing is finite."""
        return self.maximum - self.minimum if self.minimum <= self.maximum else 0.0

    @property
    def magnitude(self) -> float:
        """Greatest finite |value|, which float rounding is relative to; at least the range."""
        return max(abs(self.minimum), abs(self.maximum), self.range) if self.minimum <= self.maximum else 0.0


@dataclass(frozen=True, slots=True)
class FeedKind:
    """What a batch is for; a batch is wholly of one kind.

    Attributes:
        origin: "data", "natural", "directed" or "searched".
        inside: of the domain: a difference there is a fault, one outside is only told.
        case: what it tries, in words: "negative integers"; "" for data.
        lost_in_half: half precision moves it much further than everyday samples, whoever exports it.
    """

    origin: str = "data"
    inside: bool = True
    case: str = ""
    lost_in_half: bool = False


@dataclass(frozen=True, slots=True)
class Batch:
    """One feed with its answers.

    Attributes:
        inputs: by Keras name.
        expected: the truth by Keras name: floats as the twin's float64, or else the original's answer;
            everything else as the original gives it.
        first_sample: number of its first sample in the whole stream.
        samples: how many it has.
        origin: likewise `inside`, `case` and `lost_in_half`: see `FeedKind`.
        noise: for each output but strings, how far the original itself may be off at each element:
            float64, at least 0, in the output's own units. For integers and booleans by how much
            roundings before them move them, which is 0 nearly everywhere.
    """

    inputs: Mapping[str, np.ndarray]
    expected: Mapping[str, np.ndarray]
    first_sample: int
    samples: int
    origin: str = "data"
    inside: bool = True
    case: str = ""
    lost_in_half: bool = False
    noise: Mapping[str, np.ndarray] = field(default_factory=dict)


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
        truth: what `expected` is, and why: "float64 twin", or "one ulp, 16 times: no twin, because …".
        noise: one file a batch, beside `expected`.
        kinds: of each batch.
        labels: an `.npz` with the classes of the data's samples by output name; None without labels.
        limits: what the user set, by output name, in place of the limits that are derived.
        weights: what it multiplies by, for exports of 8 bits; empty where none was asked for.
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
    truth: str = ""
    noise: tuple[Path, ...] = ()
    kinds: tuple[FeedKind, ...] = ()
    labels: Path | None = None
    limits: Mapping[str, Limit] = field(default_factory=dict)
    weights: tuple[Kernel, ...] = ()

    @property
    def layout(self) -> Layout:
        return layout_of(self.signature)

    @property
    def answers(self) -> Path:
        """Where judges may keep what they find out about exports, for each other; empty before the first."""
        return self.directory / "answers"

    def output(self, name: str) -> OutputReference:
        return next(output for output in self.outputs if output.spec.name == name)

    def batches(self) -> Iterator[Batch]:
        """Every batch, in order, one in memory at a time."""
        first, layout = 0, self.layout
        numbers = [spec for spec in self.signature.outputs if spec.dtype != "string"]
        for number, (feed, expected) in enumerate(zip(self.feeds, self.expected, strict=True)):
            inputs = read_tensors(feed, self.signature.inputs)
            samples = layout.count(inputs)
            kind = self.kinds[number] if self.kinds else FeedKind()
            yield Batch(
                inputs=inputs,
                expected=read_tensors(expected, self.signature.outputs),
                first_sample=first,
                samples=samples,
                origin=kind.origin,
                inside=kind.inside,
                case=kind.case,
                lost_in_half=kind.lost_in_half,
                noise=_doubles(read_tensors(self.noise[number], numbers)) if self.noise else {},
            )
            first += samples


def _doubles(tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Noise is stored as float32, rounded up."""
    return {name: array.astype(np.float64) for name, array in tensors.items()}
