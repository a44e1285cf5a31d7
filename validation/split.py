"""Tells the error that lies in a file from the one that a runtime adds.

A quantized file differs from the original by its rounding. Its reference runtime, with plain kernels and
no optimiser, shows that difference; what another runtime's answers differ from those is its own doing.
While a coarse export is judged, its differences to the original are kept, so that runtimes can be held
against each other afterwards.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from validation.dtypes import dtype_name, is_float
from validation.feed import Tensors
from validation.verdict import Split, Verdict

REFERENCES: Mapping[str, tuple[str, ...]] = {
    "tflite": ("litert-reference",),
    "onnx": ("onnxruntime-unoptimized",),
    "tfjs": ("tfjs-node-cpu", "chromium-tfjs-cpu", "tfjs-node-wasm"),
}
"""Runtimes that stand for the file itself, the best one first, by format."""


class DifferenceWriter:
    """Keeps one runtime's differences to the original, call by call.

    Args:
        directory: made if it is not there; what an earlier run left in it is overwritten.
    """

    def __init__(self, directory: Path) -> None:
        self._directory, self._count = directory, 0
        directory.mkdir(parents=True, exist_ok=True)
        for stale in directory.glob("*.npz"):
            stale.unlink()

    def add(self, expected: Tensors, actual: Tensors) -> None:
        """One call; outputs that are no floats are left out."""
        arrays = {
            str(number): (actual[name].astype(np.float64) - expected[name]).astype(np.float32)
            for number, name in enumerate(expected)
            if is_float(dtype_name(expected[name]))
        }
        with np.errstate(invalid="ignore"):
            np.savez(self._directory / f"{self._count:05}.npz", allow_pickle=False, **arrays)
        self._count += 1


def differences_of(answers: Path, artifact: str, target: str, runtime: str) -> Path:
    """The directory of one artifact's differences on one runtime.

    Args:
        answers: of the whole run.
        artifact: as its verdict calls it.
        target: likewise.
        runtime: likewise.
    """
    name = hashlib.sha256(f"{artifact}\0{target}".encode()).hexdigest()[:16]
    return answers / name / runtime


def with_splits(verdicts: Sequence[Verdict], answers: Path) -> tuple[Verdict, ...]:
    """The verdicts, those of coarse exports with the parts of their error.

    Args:
        verdicts: of a whole run.
        answers: what the `DifferenceWriter`s of the run wrote to.
    """
    return tuple(replace(v, split=_splits(v, verdicts, answers)) for v in verdicts)


def _splits(verdict: Verdict, verdicts: Sequence[Verdict], answers: Path) -> tuple[Split, ...]:
    reference = _reference(verdict, verdicts)
    if reference is None:
        return ()
    here, there = (_files(answers, each) for each in (verdict, reference))
    names = [output.comparison.name for output in verdict.outputs]
    if not here or len(here) != len(there):
        return ()
    sums: dict[str, list[float]] = {}
    for own, plain in zip(here, there, strict=True):
        for number, parts in _squares(own, plain):
            sums[number] = [a + b for a, b in zip(sums.get(number, [0.0] * 4), parts, strict=True)]
    return tuple(
        Split(names[int(number)], reference.runtime, *(math.sqrt(part / max(count, 1)) for part in parts))
        for number, (count, *parts) in sums.items()
    )


def _reference(verdict: Verdict, verdicts: Sequence[Verdict]) -> Verdict | None:
    """The verdict on the same file that stands for the file itself."""
    format = verdict.target.partition(":")[0]
    alike = {v.runtime: v for v in verdicts if (v.artifact, v.target) == (verdict.artifact, verdict.target)}
    ran = [name for name in REFERENCES.get(format, ()) if name in alike and alike[name].outputs]
    return alike[ran[0]] if ran and verdict.outputs else None


def _files(answers: Path, verdict: Verdict) -> list[Path]:
    return sorted(differences_of(answers, verdict.artifact, verdict.target, verdict.runtime).glob("*.npz"))


def _squares(own: Path, plain: Path) -> Iterator[tuple[str, list[float]]]:
    """By output: elements, and squares of the whole error, the file's, and the runtime's."""
    with np.load(own) as a, np.load(plain) as b:
        for number in a.files:
            total, quantization = a[number].astype(np.float64), b[number].astype(np.float64)
            known = np.isfinite(total) & np.isfinite(quantization)
            total, quantization = total[known], quantization[known]
            parts = (total, quantization, total - quantization)
            yield number, [float(known.sum()), *(float(np.sum(part**2)) for part in parts)]


def describe(split: Split) -> str:
    """A sentence: how much of an error is whose."""
    if split.runtime == 0:
        own = f"{split.quantization:.3g} (rms) on {split.reference}"
        return f"the error of {split.output} is the file's own: {own}"
    return (
        f"of {split.output}'s error of {split.total:.3g} (rms) the file has {split.quantization:.3g} itself, "
        f"on {split.reference}, and the runtime adds {split.runtime:.3g}"
    )
