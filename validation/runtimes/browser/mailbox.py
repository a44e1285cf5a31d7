"""One job at a time from the session to the page, and its result back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class PageGoneError(Exception):
    """The page will not answer; the message says why."""


class PageCrashedError(PageGoneError):
    """Its connection ended."""


class Mailbox:
    """Shared by the session's thread and the server's.

    Attributes:
        closed: nothing is exchanged any more.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._job: list[bytes] | None = None
        self._result: bytes | None = None
        self._polled = False
        self._gone = False
        self.closed = False

    def wait_for_page(self, limit_s: float, check: Callable[[], None]) -> None:
        """Waits until the page asks for a job.

        Args:
            check: called again and again meanwhile; raises when waiting is in vain.

        Raises:
            PageGoneError: it did not within `limit_s`.
        """
        self._wait(lambda: self._polled, limit_s, check, "the page did not load")

    def exchange(self, job: list[bytes], limit_s: float, check: Callable[[], None]) -> bytes:
        """Hands out a job and waits for its result.

        Raises:
            PageGoneError: the page crashed, or gave no answer within `limit_s`.
        """
        with self._changed:
            self._job, self._result = job, None
            self._changed.notify_all()
        self._wait(lambda: self._result is not None, limit_s, check, "the page gave no answer")
        assert self._result is not None
        return self._result

    def _wait(self, done: Callable[[], bool], limit_s: float, check: Callable[[], None], what: str) -> None:
        deadline = time.monotonic() + limit_s
        with self._changed:
            while not done():
                check()
                if self._gone:
                    raise PageCrashedError("the page crashed")
                left = deadline - time.monotonic()
                if left <= 0:
                    raise PageGoneError(f"{what} within {limit_s:g} s")
                self._changed.wait(min(left, 0.2))

    def page_is_gone(self) -> None:
        """Its connection has ended."""
        with self._changed:
            self._gone = True
            self._changed.notify_all()

    def take(self, limit_s: float) -> list[bytes] | None:
        """The next job, for the page; None when there is none."""
        with self._changed:
            self._polled = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._job is not None or self.closed, limit_s)
            job, self._job = self._job, None
            return job

    def deliver(self, result: bytes) -> None:
        """A result, from the page."""
        with self._changed:
            self._result = result
            self._changed.notify_all()

    def close(self) -> None:
        with self._changed:
            self.closed = True
            self._changed.notify_all()
