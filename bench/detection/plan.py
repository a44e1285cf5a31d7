"""Which fault goes into which export: all kinds, formats and networks, but not every combination."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.detection.catalogue import KINDS, Mutant, applies, mutate
from bench.detection.workshop import Exports
from converters.target import ExportTarget


@dataclass(frozen=True, slots=True)
class Place:
    """One mutant, before it is made."""

    model: str
    target: ExportTarget
    kind: str


def choose(shops: Mapping[str, Exports], kinds: Sequence[str], most: int) -> list[Place]:
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
            found = [p for p in sorted(places, key=_rank) if _applies(p, shops[p.model])]
            bases = [place for place in found if place.target.is_base]
            chosen += bases[:most] + [place for place in found if not place.target.is_base]
    return sorted(chosen, key=lambda place: (place.model, str(place.target), place.kind))


def make(place: Place, shop: Exports, out: Path) -> Mutant:
    """The mutant in an empty directory."""
    artifact = shop.artifacts[place.target]
    mutant = mutate(KINDS[place.kind], artifact, out, layers=shop.layers, norms=shop.norms)
    if mutant is None:
        raise ValueError(f"{place.kind} was planned for {place.model} as {place.target}: it does not apply")
    return mutant


def _applies(place: Place, shop: Exports) -> bool:
    artifact = shop.artifacts[place.target]
    return applies(KINDS[place.kind], artifact, layers=shop.layers, norms=shop.norms)


def _rank(place: Place) -> int:
    return zlib.crc32(f"{place.kind} {place.model} {place.target.format}".encode())
