"""An artifact opened in a page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from converters.artifact import Artifact
from converters.errors import EdgeproofError, ExitStatus
from validation.feed import Tensors
from validation.runtimes.binding import engine_fault, place, to_file_names, to_keras_names
from validation.runtimes.browser.browser import Browser, BrowserError
from validation.runtimes.browser.device import describe, find_unproven
from validation.runtimes.fixed_shapes import fix_shapes
from validation.runtimes.wire import to_wire

if TYPE_CHECKING:
    from validation.runtimes.browser.runtime import BrowserRuntime

_CLOSE_LIMIT_S = 30.0
_LARGE_BYTES = 32 * 2**20
"""Wasm memory never shrinks: before a model of this size other engines give theirs back."""


_LITERT_DTYPES = ("float32", "int32", "uint8")
"""What LiteRT.js 2.5 takes and gives."""

_UNKNOWN = ""
"""The dtype of a tensor inside a file, which is an output only while an error is looked for."""


def check_dtypes(artifact: Artifact, runtime: BrowserRuntime) -> None:
    """Before anything is started for it: LiteRT.js has three element types for inputs and outputs.

    Raises:
        EdgeproofError: the file has another; nothing is wrong with it.
    """
    ends = artifact.signature.inputs + artifact.signature.outputs
    odd = next((spec for spec in ends if spec.dtype not in (*_LITERT_DTYPES, _UNKNOWN)), None)
    if runtime.engine != "litert" or odd is None:
        return
    kind = "input" if odd in artifact.signature.inputs else "output"
    raise EdgeproofError(
        f"{place(artifact, runtime.name)}: LiteRT.js has no tensors of type {odd.dtype}",
        got=f"{kind} {odd}",
        want=", ".join(_LITERT_DTYPES),
        fix=f"litert-cpu runs the file; for a page, cast {kind} {odd.name} inside the model",
        status=ExitStatus.UNAVAILABLE,
    )


class PageSession:
    """A model in a page.

    Attributes:
        failed: a job failed; the browser is not to be used again.
        load_ms: what the engine took to open the file.
        run_ms: what it took for the last batch, results fetched from the device.
    """

    def __init__(self, artifact: Artifact, runtime: BrowserRuntime, browser: Browser) -> None:
        self.failed = False
        self._artifact = artifact
        self._runtime = runtime
        self._browser = browser
        self._version = browser.version
        self._facts: dict[str, Any] = {}
        try:
            large = artifact.size_bytes > _LARGE_BYTES
            browser.start(runtime.engine, runtime.backend, runtime.open_limit_s, alone=large)
        except BrowserError as failure:
            raise self._fault("starting the engine", str(failure)) from failure
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._needs_fixed = runtime.engine == "litert" and any(
            None in spec.shape for spec in artifact.signature.inputs
        )
        names = artifact.input_names
        self._open({names[s.name]: tuple(size or 1 for size in s.shape) for s in artifact.signature.inputs})
        self.load_ms = float(self._facts["ms"])
        self.run_ms = 0.0

    @property
    def device(self) -> str:
        """Browser, engine, backend and what was really used; complete after the first batch."""
        known = {"fixed_shapes": self._needs_fixed, "browser": self._version}
        return describe(self._runtime.engine, {**self._facts, **known})

    @property
    def pid(self) -> int:
        """Of the process that keeps the browser."""
        return self._browser.pid

    def run(self, feed: Tensors) -> dict[str, np.ndarray]:
        named = to_file_names(self._artifact, feed, self._runtime.name)
        outputs = list(dict.fromkeys(self._artifact.output_names.values()))
        request = {"kind": "run", "outputs": outputs, "signature": self._artifact.signature_key}
        tensors = self._on_wire(named)
        shapes = {name: array.shape for name, array in tensors.items()}
        if self._needs_fixed and shapes != self._shapes:
            self._open(shapes)
        found = self._ask("running it", request, tensors, self._runtime.run_limit_s)
        unproven = find_unproven(self._runtime.backend, self._facts)
        if unproven:
            raise self._fault("proving the device", unproven)
        self.run_ms = float(self._facts["ms"])
        return to_keras_names(self._artifact, found, self._runtime.name)

    def close(self) -> bool:
        """Frees the model; whether that went well."""
        try:
            self._browser.ask({"kind": "close"}, {}, _CLOSE_LIMIT_S)
        except BrowserError:
            return False
        return True

    def _open(self, shapes: dict[str, tuple[int, ...]]) -> None:
        """Opens the file; one with dynamic shapes with these in their place, if the engine needs it so."""
        artifact = self._artifact
        files = {
            row.path: np.fromfile(artifact.directory / row.path, dtype=np.uint8) for row in artifact.files
        }
        if self._needs_fixed:
            try:
                files[artifact.entry] = fix_shapes(artifact, shapes)
            except (ValueError, RuntimeError) as error:
                raise self._fault("fixing its shapes", str(error)) from error
        request = {"kind": "open", "entry": artifact.entry}
        self._ask("opening the file", request, files, self._runtime.open_limit_s)
        self._shapes = shapes

    def _on_wire(self, named: Tensors) -> Tensors:
        if self._runtime.engine != "tfjs":
            return named
        where = place(self._artifact, self._runtime.name)
        names = self._artifact.input_names
        return {
            names[spec.name]: to_wire(spec, named[names[spec.name]], where)
            for spec in self._artifact.signature.inputs
        }

    def _ask(
        self, doing: str, request: dict[str, Any], tensors: Tensors, limit_s: float
    ) -> dict[str, np.ndarray]:
        try:
            self._facts, results = self._browser.ask(request, tensors, limit_s)
        except BrowserError as failure:
            raise self._fault(doing, str(failure)) from failure
        return results

    def _fault(self, doing: str, message: str) -> EdgeproofError:
        self.failed = True
        return engine_fault(self._artifact, self._runtime.name, doing, message)
