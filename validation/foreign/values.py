"""Which tensor of a file is which, told by the numbers: the file is run on the reference's inputs,
and what comes out is held against what the original gave."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from converters.artifact import Artifact, Quantization
from converters.errors import EdgeproofError, ExitStatus
from validation.dtypes import is_float, is_integer, numpy_dtype
from validation.expected import Batch, Reference
from validation.feed import Tensors
from validation.foreign.names import MOST_MAPPINGS, NameMap, Side
from validation.runtimes import select

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
        raise ambiguous(path, (inputs,), "more ways to map them than can be tried")
    batch = next(reference.batches())
    every = {f"tensor {i}": tensor for i, tensor in enumerate((*outputs.certain.values(), *outputs.tensors))}
    trials: list[Trial] = []
    failures: list[EdgeproofError] = []
    for mapping in mappings:
        try:
            expected, actual = _run(build(mapping, every), batch, reference.layout.batched)
        except EdgeproofError as error:  # inputs in the wrong places can be more than a file can take
            failures.append(error)
        else:
            trials.append(_fit(mapping, outputs, expected, {id(every[i]): a for i, a in actual.items()}))
    if not trials:
        raise failures[0]
    precision = build(mappings[0], every).target.precision
    best = _choose(path, inputs, outputs, trials, LIMITS.get(precision, QUANTIZED_LIMIT))
    return best.inputs, best.outputs


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
        raise ambiguous(path, (inputs,), "several mappings give the original's values")
    if best.rival < clear:
        raise ambiguous(path, (outputs,), "several mappings give the original's values")
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


def _run(artifact: Artifact, batch: Batch, batched: bool) -> tuple[Tensors, dict[str, np.ndarray]]:
    """What was expected of, and came out for, as many samples as the file's batch size divides."""
    runtime = next((r for r in select(("all",), artifact.target.format) if r.missing() is None), None)
    if runtime is None:
        first = select(("all",), artifact.target.format)[0]
        raise EdgeproofError(
            f"{artifact.entry_path}: no runtime here can run it, to tell its tensors apart",
            got=f"{first.name} is missing",
            want=f"a runtime for {artifact.target.format}",
            fix=first.missing() or "see `edgeproof doctor`",
            status=ExitStatus.UNAVAILABLE,
        )
    with runtime.open(artifact) as session:
        results = [session.run(_to_file(artifact, piece)) for piece in _pieces(artifact, batch, batched)]
    if not batched:
        return batch.expected, {name: _real(artifact, name, results[0][name]) for name in results[0]}
    actual = {name: _real(artifact, name, np.concatenate([r[name] for r in results])) for name in results[0]}
    count = min(len(array) for array in actual.values())
    return {name: array[:count] for name, array in batch.expected.items()}, actual


def _pieces(artifact: Artifact, batch: Batch, batched: bool) -> Iterator[Tensors]:
    """The batch in pieces of the size that the file takes; a remainder is left out."""
    fixed = {spec.shape[0] for spec in artifact.signature.inputs if spec.shape} - {None}
    size = (min(filter(None, fixed), default=batch.samples)) if batched else batch.samples
    if not batched:
        yield batch.inputs
        return
    if size > batch.samples:
        raise EdgeproofError(
            f"{artifact.entry_path}: its batch size is greater than the reference's",
            got=f"a fixed batch of {size}",
            want=f"at most {batch.samples} samples",
            fix="give more samples in one batch, or export the model with an open batch dimension",
        )
    for start in range(0, batch.samples - size + 1, size):
        yield {name: array[start : start + size] for name, array in batch.inputs.items()}


def _to_file(artifact: Artifact, tensors: Tensors) -> dict[str, np.ndarray]:
    """Inputs in the dtypes of the file: quantized with its scale, or cast."""
    specs = artifact.signature.inputs
    return {
        spec.name: _quantized(tensors[spec.name], artifact.quantization[spec.name])
        if spec.name in artifact.quantization
        else tensors[spec.name].astype(numpy_dtype(spec.dtype))
        for spec in specs
    }


def _quantized(array: np.ndarray, quantization: Quantization) -> np.ndarray:
    limits = np.iinfo(quantization.dtype)
    steps = np.rint(array / quantization.scale) + quantization.zero_point
    return np.clip(steps, limits.min, limits.max).astype(quantization.dtype)


def _real(artifact: Artifact, name: str, array: np.ndarray) -> np.ndarray:
    quantization = artifact.quantization.get(name)
    if quantization is None:
        return array
    return quantization.scale * (array.astype(np.float64) - quantization.zero_point)


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
