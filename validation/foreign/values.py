"""Which tensor of a file is which, told by the numbers: the file is run on the reference's inputs,
and what comes out is held against what the original gave."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from converters.artifact import Artifact
from converters.errors import EdgeproofError, ExitStatus
from validation.casts import DoesNotFitError, dequantize
from validation.dtypes import is_float, is_integer
from validation.expected import Reference
from validation.feed import Tensors
from validation.fitting import cut, trim
from validation.foreign.names import MOST_MAPPINGS, NameMap, Side
from validation.runtime import Runtime
from validation.runtimes import select

MOST_CALLS = 8
"""Of the first batch, where the file takes few samples at a time."""

LIMITS = {"float32": 0.1, "float16": 0.1, "uint16": 0.1}
QUANTIZED_LIMIT = 0.5
"""Greatest `distance` at which an output counts as the same one. Wide, since this only tells outputs
apart, and unrelated ones are about 1.4 apart; whether they are right is judged afterwards."""

SEPARATION = 4.0
SAME = 1e-3
"""The next best has to be so many times as far away as the best one, or as this distance, which
correct exports stay below."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One mapping of the inputs, and the mapping of the outputs that then fits best.

    Attributes:
        distance: of the worst output under this mapping.
        rival: least distance of an output to a tensor other than its own.
    """

    inputs: NameMap
    outputs: NameMap
    distance: float
    rival: float


def map_by_values(
    path: Path,
    inputs: Side,
    outputs: Side,
    reference: Reference,
    build: Callable[[NameMap, NameMap], Artifact],
) -> tuple[NameMap, NameMap]:
    """The only mapping of inputs and outputs that gives the original's values.

    Args:
        build: makes an artifact from a mapping of inputs and one of outputs.

    Raises:
        EdgeproofError: no mapping fits, several do, or there are too many to try.
    """
    mappings = inputs.mappings()
    if len(mappings) > MOST_MAPPINGS:
        raise ambiguous(path, [inputs], f"more than {MOST_MAPPINGS} ways to map them")
    every = {f"tensor {i}": tensor for i, tensor in enumerate((*outputs.certain.values(), *outputs.tensors))}
    trials: list[Trial] = []
    failures: list[Exception] = []
    for mapping in mappings:
        try:
            expected, actual = _run(build(mapping, every), reference)
        except (EdgeproofError, DoesNotFitError) as error:  # inputs in wrong places may not even run
            failures.append(error)
        else:
            found = {id(every[name]): array for name, array in actual.items()}
            trials.append(_fit(mapping, outputs, expected, found))
    if not trials:
        raise _not_run(path, failures[0])
    precision = build(mappings[0], every).target.precision
    best = _choose(path, inputs, outputs, trials, LIMITS.get(precision, QUANTIZED_LIMIT))
    return best.inputs, best.outputs


def _not_run(path: Path, failure: Exception) -> EdgeproofError:
    if isinstance(failure, EdgeproofError):
        return failure
    return EdgeproofError(
        f"{path}: can't be run on the model's inputs, to tell its tensors apart",
        got=str(failure),
        want="a file that takes what the model takes",
        fix="check that this file was exported from this model",
        status=ExitStatus.VERDICT_FAILED,
    )


def _fit(mapping: NameMap, outputs: Side, expected: Tensors, actual: Mapping[int, np.ndarray]) -> Trial:
    """The tensor nearest to each output, and how near the next ones are."""
    worst, rival, chosen = 0.0, float("inf"), dict(outputs.certain)
    for name, tensor in outputs.certain.items():
        worst = max(worst, distance(expected[name], actual[id(tensor)]))
    for spec in outputs.specs:
        rows = [(distance(expected[spec.name], actual[id(t)]), i) for i, t in enumerate(outputs.tensors)]
        (least, index), *others = sorted(rows)
        chosen[spec.name] = outputs.tensors[index]
        worst = max(worst, least)
        rival = min([rival, *(far for far, _ in others)])
    if len(set(map(id, chosen.values()))) < len(chosen):
        rival = 0.0  # two outputs are nearest to the same tensor
    return Trial(mapping, chosen, worst, rival)


def _choose(path: Path, inputs: Side, outputs: Side, trials: list[Trial], limit: float) -> Trial:
    best, *others = sorted(trials, key=lambda trial: trial.distance)
    if best.distance > limit:
        raise EdgeproofError(
            f"{path}: no way to map its inputs and outputs gives the original's values",
            got=f"the best one is {best.distance:.2g} of the outputs' spread away ({_pairs(best.outputs)})",
            want=f"at most {limit:g}",
            fix="check that this file was exported from this model; if it was, name its tensors as the "
            "model does, so that it can be judged all the same",
            status=ExitStatus.VERDICT_FAILED,
        )
    clear = SEPARATION * max(best.distance, SAME)
    if others and others[0].distance < clear:
        raise ambiguous(path, [inputs], "several mappings give the original's values")
    if best.rival < clear:
        raise ambiguous(path, [outputs], "several mappings give the original's values")
    return best


def _pairs(names: NameMap) -> str:
    return ", ".join(f"{name} = {tensor.name}" for name, tensor in names.items())


def ambiguous(path: Path, sides: Sequence[Side], why: str) -> EdgeproofError:
    """The error for tensors that can't be told apart."""
    left = [f"{side.what}s {', '.join(map(str, side.tensors))}" for side in sides]
    right = [f"{side.what}s {', '.join(map(str, side.specs))}" for side in sides]
    return EdgeproofError(
        f"{path}: can't tell which tensor is which ({why})",
        got="; ".join(left),
        want="; ".join(right),
        fix="export it with the names of the Keras model, or give data (--data) on which these differ",
    )


def _run(artifact: Artifact, reference: Reference) -> tuple[Tensors, Tensors]:
    """What was expected and what came out for the first few samples.

    Raises:
        EdgeproofError: the file can't be run here.
        DoesNotFitError: it can't take the original's inputs.
    """
    calls = list(islice(cut(next(reference.batches()), artifact, reference), MOST_CALLS))
    with _runtime(artifact).open(artifact) as session:
        results = [session.run(call.inputs) for call in calls]
    trimmed = [
        {name: trim(array, call, per_sample=True) for name, array in result.items()}
        for call, result in zip(calls, results, strict=True)
    ]
    actual = {name: _real(artifact, name, _join(trimmed, name)) for name in trimmed[0]}
    return {name: _join([call.expected for call in calls], name) for name in calls[0].expected}, actual


def _runtime(artifact: Artifact) -> Runtime:
    """The first one that is here."""
    rows = select(("all",), artifact.target.format)
    found = next((row for row in rows if row.missing() is None), None)
    if found is None:
        raise EdgeproofError(
            f"{artifact.entry_path}: no runtime here can run it, to tell its tensors apart",
            got=f"none of {', '.join(row.name for row in rows)}",
            want=f"a runtime for {artifact.target.format}",
            fix=rows[0].missing() or "",
            status=ExitStatus.UNAVAILABLE,
        )
    return found


def _join(pieces: Sequence[Tensors], name: str) -> np.ndarray:
    arrays = [piece[name] for piece in pieces]
    return np.concatenate(arrays) if len(arrays) > 1 and arrays[0].ndim else arrays[0]


def _real(artifact: Artifact, name: str, array: np.ndarray) -> np.ndarray:
    quantization = artifact.quantization.get(name)
    return array if quantization is None else dequantize(array, quantization)


def distance(expected: np.ndarray, actual: np.ndarray) -> float:
    """How far two arrays are apart: 0 for equal, about 1.4 for unrelated ones, infinity for other shapes.

    Numbers: root mean squared difference over the expected values' standard deviation. Strings and
    booleans: the share of unequal elements.
    """
    if expected.shape != actual.shape:
        return float("inf")
    if not all(is_float(a.dtype.name) or is_integer(a.dtype.name) for a in (expected, actual)):
        return float(np.mean(expected != actual)) if expected.size else 0.0
    wanted, got = expected.astype(np.float64), actual.astype(np.float64)
    known = np.isfinite(wanted) & np.isfinite(got)
    if not known.any():
        return float("inf")
    rms = float(np.sqrt(np.mean((wanted[known] - got[known]) ** 2)))
    spread = float(np.std(wanted[known]))
    return rms / spread if spread else (0.0 if rms == 0 else float("inf"))
