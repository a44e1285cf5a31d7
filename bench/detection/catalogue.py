"""Every kind of fault, and the mutants that it makes of an export."""

from __future__ import annotations

import shutil
import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from bench.detection import (
    attribute_faults,
    constant_faults,
    end_faults,
    norm_faults,
    op_faults,
    quantized_faults,
    weight_faults,
)
from bench.detection.fault import KINDS, Hit, Kind, Norm, Scene
from bench.detection.parsed import ParsedFile, open_file
from converters.artifact import Artifact, record_files
from converters.signature import TensorSpec

__all__ = ["KINDS", "Mutant", "applies", "mutate"]

ENTERED = (
    weight_faults,
    norm_faults,
    attribute_faults,
    op_faults,
    constant_faults,
    end_faults,
    quantized_faults,
)
"""Modules that put kinds into `KINDS` when they are loaded."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """An export with one fault.

    Attributes:
        kind: of the fault.
        hit: where it is.
        artifact: as the converter's, with the faulty files.
    """

    kind: Kind
    hit: Hit
    artifact: Artifact


def mutate(
    kind: Kind,
    artifact: Artifact,
    out: Path,
    *,
    layers: Collection[str],
    norms: Mapping[str, Norm],
    seed: int = 0,
) -> Mutant | None:
    """The export with one fault, in an empty directory; None where the fault does not apply.

    The same arguments give the same mutant: the place is drawn from a seed of their own.

    Args:
        layers: names of the Keras layers; `norms` their BatchNorms.
    """
    file, hit = _put(kind, artifact, layers, norms, seed)
    if hit is None:
        return None
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    file.write(out)
    return Mutant(kind, hit, replace(artifact, directory=out, files=record_files(out)))


def applies(kind: Kind, artifact: Artifact, *, layers: Collection[str], norms: Mapping[str, Norm]) -> bool:
    """Whether the export has a place for the fault; see `mutate`."""
    return _put(kind, artifact, layers, norms, 0)[1] is not None


def _put(
    kind: Kind, artifact: Artifact, layers: Collection[str], norms: Mapping[str, Norm], seed: int
) -> tuple[ParsedFile, Hit | None]:
    """The parsed file with the fault, not written yet."""
    file = open_file(artifact, layers)
    random = np.random.default_rng([seed, zlib.crc32(f"{kind.name} {artifact.target}".encode())])
    signature = artifact.signature
    scene = Scene(file, random, norms, _alike(signature.inputs), _alike(signature.outputs))
    return file, kind.apply(scene)


def _alike(specs: Sequence[TensorSpec]) -> tuple[str, ...]:
    """Names of the first inputs or outputs that have one shape and dtype; empty without such."""
    for spec in specs:
        found = [other.name for other in specs if (other.shape, other.dtype) == (spec.shape, spec.dtype)]
        if len(found) > 1:
            return tuple(found)
    return ()
