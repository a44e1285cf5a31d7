"""Which fault goes into which export: all kinds, formats and networks, but not every combination."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.detection.catalogue import KINDS, Mutant, mutate
from bench.detection.workshop import Workshop
from converters.target import ExportTarget


@dataclass(frozen=True, slots=True)
class Place:
    """One mutant, before it is made."""

    model: str
    target: ExportTarget
    kind: str


def choose(shops: Mapping[str, Workshop], kinds: Sequence[str], most: int, scratch: Path) -> list[Place]:
    """For each kind of fault and format at most so many networks that it applies to.

    Which ones is settled by a hash of their names, so that the networks get even shares and the same
    arguments give the same plan. Quantized exports, which few faults apply to, are all taken.
    """
    chosen = []
    for kind in kinds:
        for format in ("tflite", "onnx", "tfjs"):
            places = [
                Place(model, target, kind)
                for model, shop in shops.items()
                for target in shop.artifacts
                if target.format == format
            ]
            found = [p for p in sorted(places, key=_rank) if make(p, shops[p.model], scratch) is not None]
            bases = [place for place in found if place.target.is_base]
            chosen += bases[:most] + [place for place in found if not place.target.is_base]
    return sorted(chosen, key=lambda place: (place.model, str(place.target), place.kind))


def make(place: Place, shop: Workshop, out: Path) -> Mutant | None:
    """The mutant in an empty directory; None where the fault does not apply."""
    artifact = shop.artifacts[place.target]
    return mutate(KINDS[place.kind], artifact, out, layers=shop.layers, norms=shop.norms)


def _rank(place: Place) -> int:
    return zlib.crc32(f"{place.kind} {place.model} {place.target.format}".encode())
