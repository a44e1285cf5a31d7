"""What a kind of fault is, and the list of them all.

A fault is a function of a parsed file and a seeded generator: it edits one place and says which, or
leaves the file as it is and gives None where it does not apply.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.detection.parsed import Op, ParsedFile


@dataclass(frozen=True, slots=True)
class Norm:
    """A BatchNorm layer of the original; arrays are float64, one value a channel."""

    variance: np.ndarray
    beta: np.ndarray
    epsilon: float


@dataclass(frozen=True, slots=True)
class Hit:
    """Where a fault was put.

    Attributes:
        layers: Keras layers of the place; several where the format fuses them, none where the fault
            is in no layer (swapped outputs).
        where: the op and what was done to it, for a reader.
    """

    layers: tuple[str, ...]
    where: str


@dataclass(frozen=True, slots=True)
class Scene:
    """What a fault may look at.

    Attributes:
        file: to be edited.
        random: seeded for this mutant alone.
        norms: the original's BatchNorm layers by name: exports hold them folded into weights.
        inputs: Keras names of the model's inputs; likewise `outputs`.
    """

    file: ParsedFile
    random: np.random.Generator
    norms: Mapping[str, Norm]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    def pick(self, candidates: Iterable[Any]) -> Any | None:
        """One of them, or None where there are none."""
        listed = list(candidates)
        return listed[int(self.random.integers(len(listed)))] if listed else None

    def ops(self, *kinds: str) -> Iterator[Op]:
        """The ops of these kinds, of any without."""
        return (op for op in self.file.ops() if not kinds or op.kind in kinds)

    def hit(self, op: Op, what: str) -> Hit:
        """The record of a fault in an op."""
        return Hit(self.file.layers_of(op), f"{op.kind}: {what}")


Fault = Callable[[Scene], Hit | None]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of fault.

    Attributes:
        name: short, with dashes.
        what: in a few words, for the table.
        apply: puts it into a file.
    """

    name: str
    what: str
    apply: Fault


KINDS: dict[str, Kind] = {}
"""Every kind by its name, in the order of the table."""


def kind(name: str, what: str) -> Callable[[Fault], Fault]:
    """Enters a fault into the catalogue."""

    def enter(fault: Fault) -> Fault:
        if name in KINDS:
            raise ValueError(f"two faults are called {name}")
        KINDS[name] = Kind(name, what, fault)
        return fault

    return enter
