"""A runtime that remembers what its sessions did: how long the engine ran, and what it gave first."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from converters.artifact import Artifact
from validation.feed import Tensors
from validation.runtime import Arithmetic, Runtime, Session
from validation.runtimes.child_process import ChildProcess
from validation.runtimes.tfjs_node import TfjsNode


class KeptNode(TfjsNode):
    """TF.js in one Node process for all mutants: it takes longer to start than to judge a small file.

    A fresh one follows any failure.
    """

    _kept: ClassVar[ChildProcess | None] = None

    @contextmanager
    def open(self, artifact: Artifact) -> Iterator[Any]:
        process = KeptNode._kept or self.start()
        KeptNode._kept = None
        try:
            yield self.session(artifact, process)
        except BaseException:  # whatever ended it, an interrupt too, the engine is in an unknown state
            process.close()
            raise
        if KeptNode._kept is not None:
            process.close()
        else:
            KeptNode._kept = process


def plain_runtime(format: str) -> Runtime:
    """Where a format is judged: one plain runtime each."""
    from validation.runtimes import runtime

    if format == "tfjs":
        return KeptNode(RUNTIMES[format], backend="wasm")
    return runtime(RUNTIMES[format])


RUNTIMES = {"tflite": "litert-cpu", "onnx": "onnxruntime-cpu", "tfjs": "tfjs-node-wasm"}


@dataclass
class Watch:
    """A runtime, and what was seen of it; the same to a judge as the runtime itself.

    Attributes:
        first: what it gave to the first batch, or None.
        seconds: of each run, in order.
        again: how many runs there were at the end with one and the same object, as for a latency.
        at_work: the engine has not come to an end of what it was last asked; so it stays where that failed.
    """

    runtime: Runtime
    first: dict[str, np.ndarray] | None = None
    seconds: list[float] = field(default_factory=list)
    again: int = 0
    at_work: bool = False
    _last: Tensors | None = None

    @property
    def name(self) -> str:
        return self.runtime.name

    @property
    def formats(self) -> frozenset[str]:
        return self.runtime.formats

    @property
    def groups(self) -> frozenset[str]:
        return self.runtime.groups

    @property
    def arithmetic(self) -> Arithmetic:
        return self.runtime.arithmetic

    def missing(self) -> str | None:
        return self.runtime.missing()

    def took(self, seconds: float, feed: Tensors) -> None:
        """A run is over."""
        self.seconds.append(seconds)
        self.again = self.again + 1 if feed is self._last else 1
        self._last = feed

    @contextmanager
    def open(self, artifact: Artifact) -> Iterator[Session]:
        with ExitStack() as stack:
            self.at_work = True
            session = stack.enter_context(self.runtime.open(artifact))
            self.at_work = False
            yield _Watched(session, self)


class _Watched:
    def __init__(self, session: Session, watch: Watch) -> None:
        self._session, self._watch = session, watch

    @property
    def device(self) -> str:
        return self._session.device

    def run(self, feed: Tensors) -> dict[str, np.ndarray]:
        start, self._watch.at_work = time.perf_counter(), True
        given = self._session.run(feed)
        self._watch.at_work = False
        self._watch.took(time.perf_counter() - start, feed)
        if self._watch.first is None:
            self._watch.first = given
        return given
