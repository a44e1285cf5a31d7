"""The other end of `ChildProcess` in Python: answers frames until stdin closes.

Runs in environments that have NumPy and one engine, and nothing else of edgeproof's: what is imported
here must get by with these. Python 3.11 or newer.
"""

from __future__ import annotations

import os
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np

from validation.runtimes.wire import decode_frame, encode_frame

Facts = dict[str, Any]


class Engine(Protocol):
    """What a program has to know."""

    def open(self, request: Mapping[str, Any]) -> Facts:
        """Opens the model that a request names; gives facts about it."""

    def run(
        self, request: Mapping[str, Any], tensors: Mapping[str, np.ndarray]
    ) -> tuple[Facts, dict[str, np.ndarray]]:
        """The outputs for one batch, and facts that hold from now on."""


def answer_forever(make: Callable[[], Engine]) -> None:
    """Serves one parent. Whatever the engine prints goes to stderr, never between the frames."""
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    engine = make()
    while (request := decode_frame(sys.stdin.buffer.read)) is not None:
        header, results = _answer(engine, *request)
        for piece in encode_frame(header, results):
            replies.write(piece)
        replies.flush()


def _answer(
    engine: Engine, request: Mapping[str, Any], tensors: Mapping[str, np.ndarray]
) -> tuple[Facts, dict[str, np.ndarray]]:
    results: dict[str, np.ndarray] = {}
    start = time.perf_counter()
    try:
        if request["kind"] == "open":
            facts = engine.open(request)
        else:
            facts, results = engine.run(request, tensors)
    except Exception as error:  # the engine's own; the parent words it
        traceback.print_exc()
        return {"ok": False, "error": f"{type(error).__name__}: {error}"}, {}
    return {"ok": True, "ms": (time.perf_counter() - start) * 1000, **facts}, results
