"""What a runtime is: something that opens an artifact and runs a feed."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from converters.artifact import Artifact
from validation.feed import Tensors

Status = Literal["ok", "unavailable", "error"]


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

    def missing(self) -> str | None:
        """What to install before this runtime can be tried here, or None. Cheap: no heavy import."""

    def open(self, artifact: Artifact) -> AbstractContextManager[Session]: ...
