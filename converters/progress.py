"""How long work tells whoever waits for it where it stands."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """One step of long work.

    Attributes:
        stage: what is being done ("train", "freeze", "onnx:float32 …").
        done: units finished.
        total: units in all, None if unknown.
        detail: a few words more ("loss 0.31").
    """

    stage: str
    done: int
    total: int | None = None
    detail: str = ""


Listener = Callable[[Progress], None]
_listener: ContextVar[Listener | None] = ContextVar("progress_listener", default=None)


def advance(stage: str, done: int, total: int | None = None, detail: str = "") -> None:
    """Tells the listener, if there is one."""
    listener = _listener.get()
    if listener is not None:
        listener(Progress(stage, done, total, detail))


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Hands every `advance` inside the block to `listener`."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)
