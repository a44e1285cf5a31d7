"""Tries a runtime with a tiny model, numbers included."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from converters.errors import EdgeproofError, ExitStatus
from validation.runtime import Availability, Runtime, Status
from validation.runtimes.binding import place
from validation.runtimes.tiny import BIAS, WEIGHTS, write_tiny

_BATCHES = (
    np.array([[1.0, 2.0, 4.0]], dtype=np.float32),
    np.array([[0.0, 0.0, 0.0], [-1.0, 3.0, 0.5]], dtype=np.float32),
)
"""Two sizes: the second has to be resized for. Every product and sum is exact in float32."""


def try_runtime(runtime: Runtime) -> Availability:
    """Opens and runs the tiny model in the first of the runtime's formats, and checks what comes out."""
    with tempfile.TemporaryDirectory(prefix="edgeproof-probe-") as directory:
        artifact = write_tiny(min(runtime.formats), Path(directory))
        try:
            with runtime.open(artifact) as session:
                faults = [_fault(session.run({"x": batch})["y"], batch) for batch in _BATCHES]
                device = session.device
        except EdgeproofError as error:
            said = error.what.removeprefix(f"{place(artifact, runtime.name)}: ")
            status: Status = "unavailable" if error.status is ExitStatus.UNAVAILABLE else "error"
            return Availability(runtime.name, status, "", f"{said}: {error.got}")
        except (ImportError, OSError) as error:  # a shared library that the package needs is not here
            return Availability(runtime.name, "error", "", f"{type(error).__name__}: {error}")
    fault = next(filter(None, faults), "")
    if fault:
        return Availability(runtime.name, "error", "", fault)
    return Availability(runtime.name, "ok", device)


def _fault(got: np.ndarray, batch: np.ndarray) -> str:
    want = batch @ WEIGHTS + BIAS
    if np.array_equal(got, want):
        return ""
    return f"a dense layer gives {got.tolist()} where {want.tolist()} is right"
