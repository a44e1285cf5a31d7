"""The browsers that edgeproof knows, a row each: how one is found and started, and what it can run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from validation.runtimes.browser import chromium, display, firefox, webkit
from validation.runtimes.machine import THREADS

Backends = Mapping[str, tuple[str, ...]]

_ALL: Backends = {
    "tfjs": ("cpu", "wasm", "webgl", "webgpu"),
    "ort": ("wasm", "webgpu"),
    "litert": ("wasm", "webgpu"),
}


@dataclass(frozen=True)
class Family:
    """Browsers of one engine.

    Attributes:
        name: what runtimes are called after.
        programs: names on the PATH, the first found is taken.
        places: where systems, and `make browsers`, put one that is not on the PATH; shell patterns.
        packages: Debian's, that install one.
        command: its command line, from program, profile and the address of a local page.
        environment: what to add to ours.
        backends: of each engine that it can run.
        threads: that an engine gets.
        version: of the browser, from what it printed; "" where the page tells it.
        on_display: backends that need a display, a real one or Xvfb's.
    """

    name: str
    programs: tuple[str, ...]
    places: tuple[str, ...]
    packages: str
    command: Callable[[Path, Path, str], list[str]]
    environment: Callable[[], Mapping[str, str]]
    backends: Backends
    threads: int = THREADS
    version: Callable[[str], str] = lambda printed: ""
    on_display: frozenset[str] = frozenset()

    def missing_display(self, backend: str) -> str | None:
        """How to get the display that the backend needs, or None."""
        return display.missing() if backend in self.on_display else None

    @property
    def xvfb(self) -> str | None:
        """The program that has to make a display first, or None."""
        return display.xvfb() if self.on_display else None


_ROWS = (
    Family(
        "chromium",
        (
            "chromium",
            "chromium-browser",
            "google-chrome",
            "google-chrome-stable",
            "chrome",
            "headless_shell",
            "microsoft-edge",
            "microsoft-edge-stable",
            "msedge",
        ),
        (
            "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
            "/Applications/Chromium.app/Contents/MacOS/Chromium",
            "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
            "/opt/google/chrome/chrome",
            "/opt/microsoft/msedge/msedge",
            "~/.cache/edgeproof/browsers/chromium/chromium",
        ),
        "chromium",
        chromium.command,
        dict,
        {**_ALL, "tfjs": (*_ALL["tfjs"], "webgl-f16")},
    ),
    Family(
        "firefox",
        ("firefox", "firefox-esr"),
        ("/Applications/Firefox.app/Contents/MacOS/firefox",),
        "firefox-esr xvfb libvulkan1",
        firefox.command,
        firefox.environment,
        _ALL,
        on_display=frozenset({"webgl"}),
    ),
    Family(
        "webkit",
        ("MiniBrowser",),
        ("/usr/lib/*/webkit2gtk-4*/MiniBrowser", "/usr/libexec/webkit2gtk-4*/MiniBrowser"),
        "libwebkit2gtk-4.1-0 libgl1-mesa-dri xvfb",
        webkit.command,
        webkit.environment,
        {"tfjs": ("cpu", "wasm", "webgl"), "ort": ("wasm",), "litert": ("wasm",)},
        # It has no SharedArrayBuffer, not even in an isolated page (WebKitGTK 2.50).
        threads=1,
        version=webkit.version,
        on_display=frozenset({"cpu", "wasm", "webgl"}),
    ),
)

FAMILIES: Mapping[str, Family] = {row.name: row for row in _ROWS}
"""By name, in the order of reports."""
