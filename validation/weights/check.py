"""The weights of an 8-bit file that no rounding explains."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from converters.artifact import Artifact
from converters.serial import dumps, loads
from converters.writing import write_text
from validation.blame import accuses
from validation.expected import Reference
from validation.localization import LayerError
from validation.quantized import QUANTIZED
from validation.verdict import Verdict
from validation.weights.fit import fit
from validation.weights.kernel import Kernel
from validation.weights.stored import read
from validation.weights.wrong import LIMIT, WrongWeight

LEAST_SIZE = 16
"""Numbers from which on two weights aren't alike by chance."""


def with_weights(verdict: Verdict, artifact: Artifact, reference: Reference) -> Verdict:
    """The verdict, a failure where weights are wrong: they are of the file, whatever runs it.

    Limits that the user set for every output take the place of this one too.
    """
    by_user = all(output.spec.name in reference.limits for output in reference.outputs)
    wrong = () if by_user else find_wrong(artifact, reference)
    if not wrong:
        return verdict
    said = "; ".join(f"weights of {each.layer}: {each.fault}" for each in wrong)
    both = (verdict.reason, said) if accuses(verdict) else (said, verdict.reason)
    return replace(verdict, verdict="fail", reason="; ".join(both), blame="file", weights=wrong)


def find_wrong(artifact: Artifact, reference: Reference) -> tuple[WrongWeight, ...]:
    """The wrong weights of an 8-bit export, the furthest off of each layer, and of these first.

    A weight that is like none of the original's is not accused. Runtimes are judged in processes of their
    own: what is found for the first of a file's lies beside the answers, for the others.
    """
    if artifact.target.precision not in QUANTIZED or not reference.weights:
        return ()
    file = dumps((artifact.target, artifact.entry, artifact.files))
    known = reference.answers / f"weights-{hashlib.sha256(file.encode()).hexdigest()}.json"
    if not known.exists():
        write_text(known, dumps(_furthest(_find(artifact, reference.weights))))
    return loads(known.read_text(encoding="utf-8"), tuple[WrongWeight, ...])


def _furthest(wrong: Iterator[WrongWeight]) -> tuple[WrongWeight, ...]:
    found: dict[str, WrongWeight] = {}
    for each in sorted(wrong, key=lambda each: -each.ratio):
        found.setdefault(each.layer, each)
    return tuple(found.values())


def _find(artifact: Artifact, kernels: Sequence[Kernel]) -> Iterator[WrongWeight]:
    by_size: dict[int, list[Kernel]] = {}
    for kernel in (part for each in kernels for part in each.parts()):
        if kernel.size >= LEAST_SIZE:
            by_size.setdefault(kernel.size, []).append(kernel)
    for stored in read(artifact) if by_size else ():
        alike = by_size.get(stored.values.size, [])
        found = fit(stored, alike)
        if found is not None and found.ratios.max() > LIMIT:
            found = fit(stored, alike, sampled=stored.values.size)
        if found is not None:
            alike.remove(found.kernel)  # files hold most in the original's order: it is the last to be next
            alike.append(found.kernel)
        if found is not None and found.ratios.max() > LIMIT:
            furthest, wrong = int(np.argmax(found.ratios)), int((found.ratios > LIMIT).sum())
            kernel, ratio = found.kernel, float(found.ratios[furthest])
            yield WrongWeight(kernel.layer, kernel.first + furthest, kernel.all_columns, wrong, ratio)


def accuse(rows: Sequence[LayerError], wrong: Sequence[WrongWeight]) -> tuple[LayerError, ...]:
    """The rows of a localization that found no layer guilty, with those whose weights are wrong."""
    faults = {each.layer: f"in its weights {each.fault}" for each in wrong}
    told = []
    for row in rows:
        layer = next((layer for layer in row.layers if layer in faults), None)
        told.append(row if layer is None else replace(row, guilty=True, fault=faults.pop(layer)))
    return tuple(told)
