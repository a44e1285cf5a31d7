"""The runtimes in browsers: a family, an engine and a backend."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from converters.artifact import Artifact
from validation.runtime import Arithmetic
from validation.runtimes.binding import engine_fault
from validation.runtimes.browser import shared
from validation.runtimes.browser.browser import BrowserError
from validation.runtimes.browser.families import FAMILIES
from validation.runtimes.browser.find import find_browser, hint
from validation.runtimes.browser.session import PageSession, check_dtypes

_FORMATS = {"tfjs": "tfjs", "ort": "onnx", "litert": "tflite"}
_OPEN_LIMIT_S = 180.0
_RUN_LIMIT_S = 600.0


@dataclass(frozen=True, slots=True)
class BrowserRuntime:
    """An engine in a browser.

    Attributes:
        family: "chromium", …
        engine: "tfjs", "ort" or "litert".
        backend: as the engine calls it: "cpu", "wasm", "webgl" or "webgpu"; "webgl-f16" is the one with
            its values in textures of 16-bit floats, as on phones that have no others.
        open_limit_s: after so long without an answer the browser counts as hung; likewise
            `run_limit_s` for one batch.
    """

    family: str
    engine: str
    backend: str
    open_limit_s: float = _OPEN_LIMIT_S
    run_limit_s: float = _RUN_LIMIT_S

    @property
    def name(self) -> str:
        return f"{self.family}-{self.engine}-{self.backend}"

    @property
    def formats(self) -> frozenset[str]:
        return frozenset({_FORMATS[self.engine]})

    @property
    def groups(self) -> frozenset[str]:
        return frozenset({"web", "gpu"} if self.on_gpu else {"web"})

    @property
    def on_gpu(self) -> bool:
        return self.backend.startswith("webg")

    @property
    def arithmetic(self) -> Arithmetic:
        return "float16" if self.backend.endswith("-f16") else "float32"

    def missing(self) -> str | None:
        if not (shared.DIST / "page.html").exists():
            return "run `make setup`, which builds the JavaScript programs"
        if find_browser(self.family) is None:
            return hint(self.family)
        return FAMILIES[self.family].missing_display(self.backend)

    @contextmanager
    def open(self, artifact: Artifact) -> Iterator[PageSession]:
        check_dtypes(artifact, self)
        try:
            browser = shared.lend(self.family)
        except BrowserError as failure:
            raise engine_fault(artifact, self.name, "starting the browser", str(failure)) from failure
        session = None
        try:
            session = PageSession(artifact, self, browser)
            yield session
        finally:
            if session is None or session.failed or not session.close():
                # An engine or a GPU that failed may answer wrongly from now on.
                shared.discard(self.family)


ROWS = tuple(
    BrowserRuntime(family.name, engine, backend)
    for family in FAMILIES.values()
    for engine, backends in family.backends.items()
    for backend in backends
)
"""In the order of reports."""
