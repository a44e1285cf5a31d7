"""How WebKitGTK is started: its MiniBrowser, with a software GPU if need be.

MiniBrowser opens a page from its command line, so no WebDriver is involved. It has no headless mode.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from validation.runtimes.browser.chromium import has_gpu


def environment() -> Mapping[str, str]:
    """What to add to ours, so that Mesa computes in software where there is no GPU, or none is wanted."""
    return {} if has_gpu() else {"LIBGL_ALWAYS_SOFTWARE": "1"}


def command(program: Path, profile: Path, url: str) -> list[str]:
    """The command line; nothing is kept on disk, and what the page prints goes to the log."""
    return [str(program), "--private", "--enable-write-console-messages-to-stdout=true", url]
