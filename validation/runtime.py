"""What a runtime is: something that opens an artifact and runs a feed."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from converters.artifact import Artifact
from validation.feed import Tensors

Status = Literal["ok", "unavailable", "error"]

Arithmetic = Literal["float32", "tf32", "float16"]
"""What a runtime computes float32 files in, where it can't do it exactly as they say."""

UNIT_ROUNDOFF: Mapping[Arithmetic, float] = {"float32": 2**-24, "tf32": 2**-11, "float16": 2**-11}
"""Greatest relative error of one rounding. TF32 keeps 10 bits of the fraction, as float16 does; its
range and the sums of its products are those of float32. Source: IEEE 754; NVIDIA A100 white paper."""


@dataclass(frozen=True, slots=True)
class Availability:
    """Whether a runtime works on this machine.

    Attributes:
        name: of the runtime.
        status: "ok" was tried with a tiny model; "unavailable" lacks a package, program or device;
            "error" is there and broken.
        device: what it really runs on; empty when not "ok".
        hint: what to install or do when not "ok".
    """

    name: str
    status: Status
    device: str
    hint: str = ""


class Session(Protocol):
    """An artifact opened on a runtime."""

    @property
    def device(self) -> str:
        """What it really runs on, with the engine's version and flags.

        Complete after the first batch: engines place their work when they see its shapes.
        """

    def run(self, feed: Tensors) -> dict[str, np.ndarray]:
        """One batch; every output under its Keras name, in arrays the caller owns.

        The feed has the artifact's own dtypes and a batch size that its signature allows.
        """


class Runtime(Protocol):
    """One engine in one configuration."""

    @property
    def name(self) -> str:
        """`engine-device`, as on the command line."""

    @property
    def formats(self) -> frozenset[str]:
        """The `ExportTarget.format`s that it opens."""

    @property
    def groups(self) -> frozenset[str]:
        """The names under which recipes choose it with others ("cpu", "web", "gpu")."""

    @property
    def arithmetic(self) -> Arithmetic:
        """The coarsest arithmetic that it may use on float32 values; limits grow with it."""

    def missing(self) -> str | None:
        """What to install before this runtime can be tried here, or None. Cheap: no heavy import."""

    def open(self, artifact: Artifact) -> AbstractContextManager[Session]: ...
