"""Which inputs to look at: those on which the export is most wrong."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from converters.errors import EdgeproofError
from validation.casts import DoesNotFitError, from_file
from validation.compare import differences
from validation.expected import Reference
from validation.feed import NATURAL
from validation.fitting import Call, cut, trim
from validation.localize.bench import Bench
from validation.localize.measuring import difference
from validation.trial import EVERYDAY_ONLY

SAMPLES = 8
"""Looked at together, the worst one first: more show a fault that touches a few values only."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """Inputs of one run.

    Attributes:
        inputs: in the file's shapes and dtypes, by Keras name.
        number: of the sample that is most wrong.
    """

    inputs: Mapping[str, np.ndarray]
    number: int


def choose(bench: Bench, reference: Reference, sample: int | None) -> Chosen:
    """The inputs to look at.

    Args:
        sample: number of the one that shows the error; None has it looked for.

    Raises:
        EdgeproofError: the export takes none of the samples.
    """
    calls = _calls(bench, reference)
    found = _worst(bench, reference, calls) if sample is None else _holding(sample, calls)
    if found is None:
        raise EdgeproofError(
            f"{bench.artifact.entry_path}: there is nothing to look at",
            got="no sample that the file takes",
            want="one at least",
            fix="give data that the file takes",
        )
    call, row = found
    return Chosen(_rows(call, row, reference, bench), call.first_sample + row)


def _calls(bench: Bench, reference: Reference) -> Iterator[Call]:
    """Those that count and that the file takes, one in memory at a time."""
    everyday_only = bench.artifact.target.precision in EVERYDAY_ONLY
    for batch in reference.batches():
        if not batch.inside or (everyday_only and batch.origin not in NATURAL):
            continue
        try:
            yield from cut(batch, bench.artifact, reference)
        except DoesNotFitError:
            continue


def _holding(sample: int, calls: Iterator[Call]) -> tuple[Call, int] | None:
    """The call with a sample, and its place there; the first call where none has it."""
    first = None
    for call in calls:
        if call.first_sample <= sample < call.first_sample + call.samples:
            return call, sample - call.first_sample
        first = first or call
    return None if first is None else (first, 0)


def _worst(bench: Bench, reference: Reference, calls: Iterator[Call]) -> tuple[Call, int] | None:
    """The call with the sample that is most wrong, and its place there; the first where it doesn't run."""
    first = next(calls, None)
    if first is None:
        return None
    worst = (-1.0, first, 0)
    try:
        with bench.runtime.open(bench.artifact) as session:
            for call in itertools.chain([first], calls):
                given = session.run(call.inputs)
                for output in reference.outputs:
                    name = output.spec.name
                    if name not in given:
                        continue
                    actual = from_file(given[name], output.spec, bench.artifact.quantization.get(name))
                    actual = trim(actual, call, output.per_sample)
                    floor = call.noise.get(name) if bench.artifact.target.is_base else None
                    for error, row in _errors(call.expected[name], actual, floor, output.per_sample):
                        if error > worst[0]:
                            worst = (error, call, row)
    except (EdgeproofError, DoesNotFitError):
        return first, 0
    return worst[1], worst[2]


def _errors(
    expected: np.ndarray, actual: np.ndarray, floor: np.ndarray | None, per_sample: bool
) -> Iterator[tuple[float, int]]:
    """How wrong each sample is, and its number."""
    if not per_sample or expected.shape != actual.shape:
        yield _error(expected, actual, floor), 0
        return
    for row in range(len(expected)):
        yield _error(expected[row], actual[row], None if floor is None else floor[row]), row


def _error(expected: np.ndarray, actual: np.ndarray, floor: np.ndarray | None) -> float:
    """In units of the noise floor, as it is judged: a tiny probability may be off by all of itself.

    Where there is no floor, as for 8 bits, relative to the values.
    """
    if floor is None or expected.shape != actual.shape or not expected.size:
        return difference(expected, actual).relative
    apart = differences(expected, actual)
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.max(np.where(apart == 0, 0.0, apart / floor)))


def _rows(call: Call, row: int, reference: Reference, bench: Bench) -> dict[str, np.ndarray]:
    """The worst sample and some of its neighbours, where the file takes any number."""
    fixed = any(spec.shape[:1] != (None,) for spec in bench.artifact.signature.inputs)
    if fixed or not reference.layout.batched:
        return dict(call.inputs)
    others = [number for number in range(call.samples) if number != row][: SAMPLES - 1]
    return {name: array[[row, *others]] for name, array in call.inputs.items()}
