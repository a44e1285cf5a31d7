"""A browser with a profile of its own, which dies with this process."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

_KEEPER = Path(__file__).with_name("keeper.py")
_LOG_LINES = 6
_LOG_BYTES = 2**24


def new_profile() -> Path:
    """An empty directory that only this user can read.

    Not below TMPDIR where that is deep: Chromium puts a Unix socket into it, and the path of one has
    at most 107 bytes.
    """
    base = min((Path(tempfile.gettempdir()), Path("/tmp")), key=lambda path: len(str(path)))
    profile = Path(tempfile.mkdtemp(prefix="edgeproof-browser-", dir=base if base.is_dir() else None))
    (profile / "tmp").mkdir()
    return profile


class BrowserProcess:
    """A running browser. Its profile is removed with it.

    Args:
        profile: from `new_profile`.
        command: program and arguments.
        environment: what is added to ours.
        xvfb: the program that makes a display for it first, if any.
    """

    def __init__(
        self, profile: Path, command: Sequence[str], environment: Mapping[str, str], xvfb: str | None
    ) -> None:
        self.profile = profile
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed in `close`
        own = {"TMPDIR": str(profile / "tmp"), **environment}
        # A session of its own: it has to outlive the group of a worker that is killed, to clear up.
        self._keeper = subprocess.Popen(
            [sys.executable, "-P", str(_KEEPER), str(profile), xvfb or "", *command],
            stdin=subprocess.PIPE,
            stdout=self._log,
            stderr=self._log,
            env={**os.environ, **own},
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """Of the keeper, whose only child is the browser."""
        return self._keeper.pid

    @property
    def exit_status(self) -> int | None:
        """As a shell reports it; None while the browser runs."""
        return self._keeper.poll()

    def ends_within(self, seconds: float) -> int | None:
        """`exit_status`, waiting for it so long."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._keeper.wait(seconds)
        return None

    def printed(self) -> str:
        """What the browser has printed."""
        return os.pread(self._log.fileno(), _LOG_BYTES, 0).decode(errors="replace")

    def last_words(self) -> str:
        """The end of what the browser printed."""
        lines = self.printed().strip().splitlines()
        # Every browser complains that there is no D-Bus, which none needs.
        return "\n".join([line for line in lines if "dbus" not in line.lower()][-_LOG_LINES:])

    def close(self) -> None:
        """Ends the browser and waits until its profile is gone."""
        if self._keeper.stdin is not None:
            self._keeper.stdin.close()
        self._keeper.wait()
        self._log.close()
