"""Places to work in, given to the most urgent of those who wait."""

from __future__ import annotations

import heapq
import itertools
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager


def cores() -> int:
    """Processor cores that this process may use: fewer than the machine's in most containers."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Slots:
    """As a semaphore, with an order among those who wait.

    Args:
        free: how many may work at once.
    """

    def __init__(self, free: int) -> None:
        self._free = free
        self._changed = threading.Condition()
        self._waiting: list[tuple[int, int]] = []
        self._tickets = itertools.count()

    def add(self, count: int) -> None:
        """Lets more work at once."""
        with self._changed:
            self._free += count
            self._changed.notify_all()

    @contextmanager
    def one(self, rank: int) -> Iterator[None]:
        """A slot for the time of the `with`; among those who wait the lowest rank is next, then the first."""
        mine = (rank, next(self._tickets))
        with self._changed:
            heapq.heappush(self._waiting, mine)
            self._changed.wait_for(lambda: self._free > 0 and self._waiting[0] == mine)
            heapq.heappop(self._waiting)
            self._free -= 1
            self._changed.notify_all()  # whoever is next now may have looked before, and sleeps
        try:
            yield
        finally:
            self.add(1)
