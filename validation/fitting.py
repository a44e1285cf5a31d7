"""Cuts a batch of the original into calls that a file takes, and says why where it takes none.

A file with a fixed batch gets as many calls as it needs; the last one is filled up with copies of its
last sample, whose answers are dropped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from converters.artifact import Artifact
from converters.signature import TensorSpec
from validation.casts import DoesNotFitError, to_file
from validation.expected import Batch, Reference


class ValueDoesNotFitError(DoesNotFitError):
    """A value that the file's dtype can't hold: such an input can't even be given to it."""


@dataclass(frozen=True, slots=True)
class Call:
    """One run of a session.

    Attributes:
        inputs: in the file's shapes and dtypes, under the Keras names.
        expected: the original's answers to these samples.
        noise: how far each element of these may be off, as `Batch.noise`.
        first_sample: number of the first one in the whole stream.
        samples: how many count; rows after them are filling.
        filled: rows in all.
    """

    inputs: dict[str, np.ndarray]
    expected: dict[str, np.ndarray]
    noise: dict[str, np.ndarray]
    first_sample: int
    samples: int
    filled: int


def cut(batch: Batch, artifact: Artifact, reference: Reference) -> Iterator[Call]:
    """The calls for one batch.

    Raises:
        ValueDoesNotFitError: the file's dtype can't hold a value of these inputs; says which.
        DoesNotFitError: the file can't take these inputs, or can't give these outputs; says why.
    """
    try:
        inputs = _cast_inputs(batch, artifact)
    except DoesNotFitError as error:
        raise ValueDoesNotFitError(str(error)) from error
    size = _file_batch(artifact, batch, reference)
    for start in range(0, batch.samples, size):
        stop = min(start + size, batch.samples)
        rows, undivided = slice(start, stop), stop - start == batch.samples == size
        yield Call(
            inputs=_rows(inputs, start, stop, size) if reference.layout.batched else inputs,
            expected=_answers(batch.expected, rows, undivided, reference),
            noise=_answers(batch.noise, rows, undivided, reference),
            first_sample=batch.first_sample + start,
            samples=stop - start,
            filled=size,
        )


def _cast_inputs(batch: Batch, artifact: Artifact) -> dict[str, np.ndarray]:
    return {
        spec.name: to_file(batch.inputs[spec.name], spec, artifact.quantization.get(spec.name))
        for spec in artifact.signature.inputs
    }


def _file_batch(artifact: Artifact, batch: Batch, reference: Reference) -> int:
    """Samples in one call; confirms every other dimension on the way."""
    batched = reference.layout.batched
    sizes = {spec.shape[0] for spec in artifact.signature.inputs if batched and spec.shape} - {None}
    if len(sizes) > 1:
        raise DoesNotFitError(f"the file wants different batch sizes: {sorted(s for s in sizes if s)}")
    for spec in artifact.signature.inputs:
        shape = batch.inputs[spec.name].shape
        skipped = 1 if batched else 0
        if not _fits(spec.shape[skipped:], shape[skipped:]) or len(spec.shape) != len(shape):
            raise DoesNotFitError(f"shape {list(shape)} does not fit {_frozen(spec, reference)}")
    return sizes.pop() or batch.samples if sizes else batch.samples


def _frozen(spec: TensorSpec, reference: Reference) -> str:
    """The file's input, and that it is narrower than the original's where it is."""
    free = next(each for each in reference.signature.inputs if each.name == spec.name)
    if len(free.shape) == len(spec.shape) and _fits(free.shape, spec.shape) and free.shape != spec.shape:
        return f"{spec}: the file froze dimensions that are free in the original, {free}"
    return str(spec)


def _fits(want: tuple[int | None, ...], got: tuple[int | None, ...]) -> bool:
    return len(want) == len(got) and all(w in (None, g) for w, g in zip(want, got, strict=True))


def _rows(inputs: dict[str, np.ndarray], start: int, stop: int, size: int) -> dict[str, np.ndarray]:
    """Rows start to stop, the last one repeated until there are `size`."""
    wanted = np.minimum(np.arange(start, start + size), stop - 1)
    return {name: array[wanted] for name, array in inputs.items()}


def _answers(
    answers: Mapping[str, np.ndarray], samples: slice, undivided: bool, reference: Reference
) -> dict[str, np.ndarray]:
    """The part of a batch's answers, or of their noise, that belongs to some of its samples."""
    parts = {}
    for name in answers:
        if reference.output(name).per_sample:
            parts[name] = answers[name][samples]
        elif undivided:
            parts[name] = answers[name]
        else:
            raise DoesNotFitError(f"output {name} belongs to a whole batch, the file takes fewer samples")
    return parts


def trim(actual: np.ndarray, call: Call, per_sample: bool) -> np.ndarray:
    """An output without the answers to filling rows."""
    if per_sample and call.filled > call.samples and actual.shape[:1] == (call.filled,):
        return actual[: call.samples]
    return actual
