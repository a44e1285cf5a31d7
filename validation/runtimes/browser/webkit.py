"""How WebKitGTK is started: its MiniBrowser, with a software GPU if need be.

MiniBrowser opens a page from its command line, so no WebDriver is involved. It has no headless mode.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from validation.runtimes.browser.chromium import has_gpu


def environment() -> Mapping[str, str]:
    """What to add to ours, so that Mesa computes in software where there is no GPU, or none is wanted."""
    return {} if has_gpu() else {"LIBGL_ALWAYS_SOFTWARE": "1"}


def command(program: Path, profile: Path, url: str) -> list[str]:
    """The command line; nothing is kept on disk, and what the page prints goes to the log.

    The version is printed first: the page can't tell it, since WebKit's user agent never changes.
    """
    options = ("--private", "--enable-write-console-messages-to-stdout=true")
    return ["/bin/sh", "-c", '"$0" --version; exec "$0" "$@"', str(program), *options, url]


def version(printed: str) -> str:
    """ "WebKitGTK 2.50.6", from the log."""
    found = re.search(r"^WebKitGTK [\d.]+", printed, re.MULTILINE)
    return found[0] if found else ""
