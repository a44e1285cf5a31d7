"""Whether a mutant that passed changes anything: the proof is a search, on the same runtime.

The mutant and the correct export run on many more inputs of the domain than the judge tried, drawn with
other seeds, up to the domain's bounds. What they give is compared element by element, and nothing else
can hide the difference: no other engine, and no rounding of the original.

A mutant is silent if all its answers are bit-equal, or if the difference never reaches the noise floor of
the original at that element; of a quantized export, if the difference is smaller than what quantization
itself does to that output.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from bench.detection.watch import plain_runtime
from bench.detection.workshop import Workshop
from converters.artifact import Artifact
from tests.zoo_case import Case
from validation.casts import DoesNotFitError
from validation.compare import differences
from validation.dtypes import dtype_name, is_float
from validation.expected import Batch, Reference
from validation.feeds import FeedSpec
from validation.fitting import Call, cut, trim
from validation.runtime import Session
from validation.tensor_files import write_tensors

BATCH = 64
BATCHES = 8
MEASURED = 3
"""Batches of the case's own range whose noise floor is measured, where a mutant's bits differ."""

FACTORS = (8.0, 64.0, 4096.0)
"""By which floats are enlarged too: up to 8192, as the domain goes to 1e4."""

SEED = 1_000_003


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


class Search:
    """Compares mutants of one network with its correct exports.

    Args:
        workshop: of the network.
        case: what its inputs are.
        work: a directory for the recorded answers, which are needed only where bits differ.
    """

    def __init__(self, workshop: Workshop, case: Case, work: Path) -> None:
        self._workshop, self._case, self._work = workshop, case, work

    def change(self, mutant: Artifact) -> Change:
        """How far a mutant is from the correct export."""
        correct = self._workshop.artifacts[mutant.target]
        with _both(correct, mutant) as (right, wrong):
            samples = 0
            for call in self._calls(correct):
                samples += call.samples
                if any(differences(*pair).any() for pair in _answers(right, wrong, call).values()):
                    return self._measured(correct, right, wrong)
        return Change(samples, 0.0)

    def _calls(self, artifact: Artifact) -> Iterator[Call]:
        """What the judge tried, and more, without answers."""
        reference = self._workshop.reference
        yield from _inside(reference, artifact)
        for inputs in self._inputs():
            yield from cut(Batch(inputs, {}, 0, BATCH), artifact, reference)

    def _inputs(self) -> list[dict[str, np.ndarray]]:
        """Samples of the case's own range; of floats without data, of ever larger ones too."""
        signature = self._workshop.source.signature
        found = [self._case.feeds(signature, BATCH, seed=SEED + number) for number in range(BATCHES)]
        if self._workshop.reference.origin == "data":
            return found
        return found + [_enlarged(found[0], factor) for factor in FACTORS]

    def _measured(self, correct: Artifact, right: Session, wrong: Session) -> Change:
        """The difference over the floor, on inputs that the original answers to."""
        samples, greatest = 0, 0.0
        powers: dict[str, np.ndarray] = {}
        for reference in (self._workshop.reference, self._reference):
            for call in _inside(reference, correct):
                pairs = _answers(right, wrong, call)
                samples += call.samples
                if correct.target.is_base:
                    greatest = max([greatest, *(over_floor(n, *p, call) for n, p in pairs.items())])
                else:
                    _add_powers(powers, pairs, call)
        over = [over_quantization(change, own) for change, own in powers.values()]
        return Change(samples, max([greatest, *over]))

    @cached_property
    def _reference(self) -> Reference:
        """What the original answers to a part of the same inputs."""
        from validation.reference import record

        out = self._work / "searched"
        out.mkdir()
        parts = self._inputs()[-len(FACTORS) - MEASURED :]
        write_tensors(out / "inputs.npz", {n: np.concatenate([p[n] for p in parts]) for n in parts[0]})
        spec = FeedSpec(npz=out / "inputs.npz", directed=False, searched=0)
        return record(source=self._workshop.source, spec=spec, out=out)


def _enlarged(inputs: dict[str, np.ndarray], factor: float) -> dict[str, np.ndarray]:
    floats = {name: array for name, array in inputs.items() if array.dtype == np.float32}
    return {**inputs, **{name: np.float32(factor) * array for name, array in floats.items()}}


@contextmanager
def _both(correct: Artifact, mutant: Artifact) -> Iterator[tuple[Session, Session]]:
    with ExitStack() as stack:
        opened = [stack.enter_context(plain_runtime(a.target.format).open(a)) for a in (correct, mutant)]
        yield opened[0], opened[1]


def _inside(reference: Reference, artifact: Artifact) -> Iterator[Call]:
    """The calls for all batches of the domain but those with numbers that the format can't hold."""
    for batch in reference.batches():
        if batch.inside:
            with suppress(DoesNotFitError):
                yield from cut(batch, artifact, reference)


def _answers(right: Session, wrong: Session, call: Call) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """What both give, without the answers to filling rows."""
    first, second = right.run(call.inputs), wrong.run(call.inputs)
    return {name: (trim(first[name], call, True), trim(second[name], call, True)) for name in first}


def over_floor(name: str, right: np.ndarray, wrong: np.ndarray, call: Call) -> float:
    """The greatest difference over the floor; Infinity where there is a difference and no floor."""
    difference = differences(right, wrong)
    if not difference.any():
        return 0.0
    if not is_float(dtype_name(right)) or name not in call.noise:
        return math.inf
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.max(np.where(difference > 0, difference / call.noise[name], 0.0)))


def _add_powers(
    powers: dict[str, np.ndarray], pairs: dict[str, tuple[np.ndarray, np.ndarray]], call: Call
) -> None:
    """Sums of squares: of what the mutant changes, and of what the correct export is off."""
    for name, (right, wrong) in pairs.items():
        given = right.astype(np.float64)
        change = np.sum((wrong - given) ** 2)
        own = np.sum((given - call.expected[name]) ** 2)
        powers[name] = powers.get(name, np.zeros(2)) + np.array([change, own])


def over_quantization(change: float, own: float) -> float:
    if change == 0:
        return 0.0
    return math.sqrt(change / own) if own else math.inf
