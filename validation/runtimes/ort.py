"""ONNX files on ONNX Runtime's CPU provider, with its graph optimisations and without."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from converters.artifact import Artifact
from validation.feed import Tensors
from validation.runtime import Arithmetic
from validation.runtimes.binding import engine_fault, to_file_names, to_keras_names
from validation.runtimes.machine import THREADS, instruction_set

if TYPE_CHECKING:
    import onnxruntime

_PROVIDER = "CPUExecutionProvider"
LOG_ERRORS = 3


@dataclass(frozen=True, slots=True)
class OnnxRuntime:
    """ONNX Runtime on the CPU.

    Attributes:
        optimized: with all graph optimisations, which is the default that apps get. Without them
            every node runs as the file has it, which tells a wrong file from a wrong optimiser.
    """

    name: str
    optimized: bool
    formats: frozenset[str] = frozenset({"onnx"})
    groups: frozenset[str] = frozenset({"cpu"})
    arithmetic: Arithmetic = "float32"

    def missing(self) -> str | None:
        if find_spec("onnxruntime") is None:
            return "pip install onnxruntime"
        return None

    @contextmanager
    def open(self, artifact: Artifact) -> Iterator[_Session]:
        yield _Session(artifact, self)


class _Session:
    def __init__(self, artifact: Artifact, runtime: OnnxRuntime) -> None:
        self._artifact = artifact
        self._runtime = runtime
        try:
            self._session = _start(artifact, runtime)
        except _engine_errors() as error:
            raise engine_fault(artifact, runtime.name, "opening the file", str(error)) from error
        running = self._session.get_providers()
        if running != [_PROVIDER]:
            message = f"ONNX Runtime chose {', '.join(running)} instead of {_PROVIDER}"
            raise engine_fault(artifact, runtime.name, "opening the file", message)
        optimisations = "all graph optimisations" if runtime.optimized else "no graph optimisations"
        self.device = (
            f"ONNX Runtime {version('onnxruntime')}, {running[0]}, {optimisations}, "
            f"{THREADS} threads, {instruction_set()}"
        )

    def run(self, feed: Tensors) -> dict[str, np.ndarray]:
        name = self._runtime.name
        named = to_file_names(self._artifact, feed, name)
        outputs = list(dict.fromkeys(self._artifact.output_names.values()))
        try:
            ready = {key: as_session_takes(array) for key, array in named.items()}
            results = self._session.run(outputs, ready)
        except _engine_errors() as error:
            raise engine_fault(self._artifact, name, "running it", str(error)) from error
        return to_keras_names(self._artifact, dict(zip(outputs, results, strict=True)), name)


def _start(artifact: Artifact, runtime: OnnxRuntime) -> onnxruntime.InferenceSession:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = THREADS
    options.inter_op_num_threads = 1
    options.log_severity_level = LOG_ERRORS
    level = ort.GraphOptimizationLevel
    options.graph_optimization_level = level.ORT_ENABLE_ALL if runtime.optimized else level.ORT_DISABLE_ALL
    # Without the last argument a provider that fails is replaced by the CPU, in silence.
    return ort.InferenceSession(str(artifact.entry_path), options, providers=[_PROVIDER], enable_fallback=0)


@cache
def _engine_errors() -> tuple[type[Exception], ...]:
    """What the bindings raise: classes of their own, each a direct child of Exception."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    own: list[Any] = [item for item in vars(state).values() if isinstance(item, type)]
    return (*(item for item in own if issubclass(item, Exception)), ValueError, RuntimeError, TypeError)


def as_session_takes(array: np.ndarray) -> np.ndarray:
    """The array as the bindings take it: strings as text, and so only those that are UTF-8."""
    if array.dtype.kind not in "OSU":
        return np.ascontiguousarray(array)
    text = [item if isinstance(item, str) else bytes(item).decode() for item in array.reshape(-1)]
    taken = np.empty(array.shape, dtype=object)
    taken.reshape(-1)[:] = text
    return taken
