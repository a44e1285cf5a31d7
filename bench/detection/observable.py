"""Whether a mutant that passed changes anything: the proof is a search, on the same runtime.

The mutant and the correct export run on many more inputs of the domain than the judge tried, drawn with
another seed. What they give is compared element by element, and nothing else can hide the difference:
no other engine, and no rounding of the original. A mutant is silent if all its answers are bit-equal,
or if the difference never reaches the noise floor of the original at that element; of a quantized
export, if the difference is smaller than what quantization itself does to that output.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from bench.detection.workshop import RUNTIMES, Workshop
from converters.artifact import Artifact
from validation.compare import differences
from validation.dtypes import dtype_name, is_float
from validation.expected import Batch, Reference
from validation.fitting import Call, cut
from validation.runtime import Session


@dataclass(frozen=True, slots=True)
class Change:
    """What a mutant changes.

    Attributes:
        samples: that were tried.
        greatest: difference from the correct export over the floor, at the worst element.
    """

    samples: int
    greatest: float

    @property
    def within_floor(self) -> bool:
        return self.greatest <= 1.0

    def describe(self) -> str:
        """The proof, or the size of what was missed."""
        if self.greatest == 0:
            return f"bit-equal to the correct export on {self.samples} inputs"
        return f"{self.greatest:.3g} of the noise floor at most, on {self.samples} inputs"


@dataclass
class Search:
    """Compares mutants of one network with its correct exports.

    Args:
        record: records the answers to many inputs; called once, and only if it is needed.
    """

    record: Callable[[], Reference]

    @cached_property
    def reference(self) -> Reference:
        return self.record()

    def change(self, correct: Artifact, mutant: Artifact) -> Change:
        """How far a mutant is from the correct export."""
        from validation.runtimes import runtime

        chosen = runtime(RUNTIMES[correct.target.format])
        quantized = not correct.target.is_base
        powers: dict[str, np.ndarray] = {}
        greatest, samples = 0.0, 0
        with chosen.open(correct) as right, chosen.open(mutant) as wrong:
            for batch in self.reference.batches():
                if not batch.inside:
                    continue
                for call in cut(batch, correct, self.reference):
                    pairs = _answers(right, wrong, call)
                    samples += call.samples
                    if quantized:
                        _add_powers(powers, pairs, call)
                    else:
                        greatest = max([greatest, *(_ratio(n, *p, batch, call) for n, p in pairs.items())])
        if quantized:
            greatest = max(_over(change, own) for change, own in powers.values())
        return Change(samples, greatest)


def search(workshop: Workshop, work: Path, samples: int) -> Search:
    """A search over samples that the judge did not see."""

    def record() -> Reference:
        from validation.feeds import FeedSpec
        from validation.reference import record

        out = work / "search"
        out.mkdir()
        spec = FeedSpec(samples=samples, seed=1_000_003, batch=32)
        return record(source=workshop.source, spec=spec, out=out)

    return Search(record)


def _answers(right: Session, wrong: Session, call: Call) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    first, second = right.run(call.inputs), wrong.run(call.inputs)
    return {
        name: (first[name][: call.samples], second[name][: call.samples])
        if len(first[name].shape) and first[name].shape[0] == call.filled
        else (first[name], second[name])
        for name in first
    }


def _ratio(name: str, right: np.ndarray, wrong: np.ndarray, batch: Batch, call: Call) -> float:
    """The greatest difference over the floor; Infinity where there is a difference and no floor."""
    difference = differences(right, wrong)
    if not difference.any():
        return 0.0
    if not is_float(dtype_name(right)) or name not in batch.noise:
        return math.inf
    start = call.first_sample - batch.first_sample
    floor = batch.noise[name]
    if floor.shape != difference.shape:
        floor = floor[start : start + call.samples]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(difference > 0, difference / floor, 0.0)
    return float(np.max(ratio))


def _add_powers(
    powers: dict[str, np.ndarray], pairs: dict[str, tuple[np.ndarray, np.ndarray]], call: Call
) -> None:
    """Sums of squares: of what the mutant changes, and of what the correct export is off."""
    for name, (right, wrong) in pairs.items():
        given = right.astype(np.float64)
        change = np.sum((wrong - given) ** 2)
        own = np.sum((given - call.expected[name]) ** 2)
        powers[name] = powers.get(name, np.zeros(2)) + np.array([change, own])


def _over(change: float, own: float) -> float:
    if change == 0:
        return 0.0
    return math.sqrt(change / own) if own else math.inf
