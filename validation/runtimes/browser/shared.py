"""One browser of each family in this process, kept from session to session."""

from __future__ import annotations

import atexit
import threading
from pathlib import Path

from validation.runtimes.browser.browser import Browser

DIST = Path(__file__).parents[1] / "js" / "dist"
"""The bundled page and the wasm binaries."""

_browsers: dict[str, Browser] = {}
_lock = threading.RLock()


def lend(family: str) -> Browser:
    """The family's browser, started when there is none or it is broken."""
    with _lock:
        browser = _browsers.get(family)
        if browser is None or not browser.usable:
            discard(family)
            browser = _browsers[family] = Browser(family, DIST)
        return browser


def discard(family: str) -> None:
    """Ends the family's browser; the next session starts a fresh one."""
    with _lock:
        browser = _browsers.pop(family, None)
        if browser is not None:
            browser.close()


def discard_all() -> None:
    """Ends every browser."""
    for family in list(_browsers):
        discard(family)


atexit.register(discard_all)
