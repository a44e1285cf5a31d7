"""A browser with our page open in it, asked through the loopback server."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from validation.runtimes.browser.families import FAMILIES
from validation.runtimes.browser.find import find_browser
from validation.runtimes.browser.mailbox import Mailbox, PageCrashedError, PageGoneError
from validation.runtimes.browser.process import BrowserProcess, new_profile
from validation.runtimes.browser.server import PageServer
from validation.runtimes.wire import decode_frame, encode_frame

_CONSOLE_LINES = 4
_END_S = 2.0


class BrowserError(Exception):
    """The browser or its page failed; the message says how, with their last words."""


class Browser:
    """One browser process and one page, with every engine in a realm of its own, one at work at a time.

    After an exception that `broken` confirms it can't be used any more.

    Args:
        family: "chromium", …
        files: the bundled page.
        load_limit_s: how long the page may take to appear.
    """

    def __init__(self, family: str, files: Path, load_limit_s: float = 60.0) -> None:
        program = find_browser(family)
        if program is None:
            raise BrowserError(f"no {family} is here")
        self.family = family
        self.broken = False
        self._serving = ""
        self._started: dict[str, dict[str, Any]] = {}
        self._mailbox = Mailbox()
        self._load_limit_s = load_limit_s
        self._server = PageServer(files, self._mailbox)
        profile = new_profile()
        start = profile / "start.html"
        start.write_text(f"<script>location.replace({json.dumps(self._server.url)})</script>")
        row = FAMILIES[family]
        command = row.command(program, profile, start.as_uri())
        self._process = BrowserProcess(profile, command, row.environment(), row.xvfb)
        try:
            self._wait_for_page()
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int:
        """Of the process that keeps the browser."""
        return self._process.pid

    @property
    def version(self) -> str:
        """Name and version of the program, where the page can't tell them; else ""."""
        return FAMILIES[self.family].version(self._process.printed())

    @property
    def usable(self) -> bool:
        return not self.broken and self._process.exit_status is None

    def start(self, engine: str, backend: str, limit_s: float, alone: bool = False) -> dict[str, Any]:
        """Has jobs go to this engine on this backend, started if need be, in a realm of the page of its own.

        Args:
            alone: free what other engines hold; those start again when they are asked for.
        """
        realm = f"{engine}-{backend}"
        if alone:
            self._started = {name: facts for name, facts in self._started.items() if name == realm}
        if realm != self._serving or alone:
            self.ask({"kind": "switch", "realm": realm, "alone": alone}, {}, limit_s)
            self._serving = realm
        if realm not in self._started:
            threads = FAMILIES[self.family].threads
            request = {"kind": "start", "engine": engine, "backend": backend, "threads": threads}
            self._started[realm], _ = self.ask(request, {}, limit_s)
        return self._started[realm]

    def ask(
        self, header: Mapping[str, Any], tensors: Mapping[str, np.ndarray], limit_s: float
    ) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """One job, and what the page answers.

        Raises:
            BrowserError: the page said that it failed; or it crashed or hung, and then the browser
                is `broken`.
        """
        job = list(encode_frame(header, tensors))
        try:
            reply = self._mailbox.exchange(job, limit_s, self._check_process)
        except PageCrashedError as error:  # it alone, or with the whole browser
            status = self._process.ends_within(_END_S)
            raise self._broke(str(error) if status is None else self._ended(status)) from error
        except PageGoneError as error:
            raise self._broke(str(error)) from error
        decoded = decode_frame(io.BytesIO(reply).read)
        if decoded is None:
            raise self._broke("the page's answer was cut off")
        answer, results = decoded
        if not answer.pop("ok"):
            lines = [line for line in answer["console"] if line][-_CONSOLE_LINES:]
            raise BrowserError("\n".join([answer["error"], *lines]))
        return answer, results

    def close(self) -> None:
        """Ends the browser and the server."""
        self.broken = True
        self._process.close()
        self._server.close()

    def _wait_for_page(self) -> None:
        try:
            self._mailbox.wait_for_page(self._load_limit_s, self._check_process)
        except PageGoneError as error:
            raise self._broke(str(error)) from error

    def _check_process(self) -> None:
        status = self._process.exit_status
        if status is not None:
            raise PageGoneError(self._ended(status))

    def _ended(self, status: int) -> str:
        return f"{self.family} ended with exit status {status}"

    def _broke(self, what: str) -> BrowserError:
        self.broken = True
        return BrowserError("\n".join([what, self._process.last_words()]).strip())
