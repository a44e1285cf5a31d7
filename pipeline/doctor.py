"""Tries every runtime and device of this machine, each engine in a process of its own."""

from __future__ import annotations

import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import TypeAlias

from converters.errors import EdgeproofError
from converters.progress import advance
from pipeline.judging import engine_of
from pipeline.worker import Worker, WorkerError
from validation.devices import nvidia_smi, tensorflow_gpu, vulkan
from validation.runtime import Availability
from validation.runtimes import probe, runtime, select

TIME_LIMIT_S = 60.0
"""For one runtime; the slowest start measured is 5 s."""

_SIDE_BY_SIDE = 3
"""More than cores: browsers wait a while before they compute."""

Trial: TypeAlias = tuple[str, Callable[..., Availability], dict[str, str]]
"""A name, the function that tries it, and that function's arguments."""


def examine(log: Path) -> tuple[tuple[Availability, ...], tuple[Availability, ...]]:
    """The runtimes, and the GPUs as each framework sees them.

    Args:
        log: for whatever they print.
    """
    names = [row.name for row in select(("all",))]
    trials: list[list[Trial]] = [
        [(name, probe, {"name": name}) for name in of_engine] for _, of_engine in groupby(names, engine_of)
    ]
    trials.append([(witness.__name__, witness, {}) for witness in (nvidia_smi, tensorflow_gpu, vulkan)])
    with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        context = contextvars.copy_context
        # Browsers first, which have most to try: whatever starts last, the end waits for.
        runs = {
            place: pool.submit(context().run, partial(_try, log, trials[place]))
            for place in sorted(range(len(trials)), key=lambda place: -len(trials[place]))
        }
        found = [answer for place in sorted(runs) for answer in runs[place].result()]
    return tuple(found[: len(names)]), tuple(found[len(names) :])


def _try(log: Path, trials: list[Trial]) -> list[Availability]:
    """The answers of one engine, whose process is a fresh one after a crash."""
    with Worker(log, TIME_LIMIT_S) as worker:
        return [_answer(worker, *trial) for trial in trials]


def _answer(
    worker: Worker, name: str, witness: Callable[..., Availability], arguments: dict[str, str]
) -> Availability:
    advance("doctor", 0, None, name)
    if witness is probe and (hint := runtime(name).missing()) is not None:
        return Availability(name, "unavailable", "", hint)
    try:
        return worker.call(witness, **arguments)
    except EdgeproofError as error:  # crashed or hung: an answer too
        return Availability(name, "error", "", f"{error.what}: {error.got}")
    except WorkerError as error:
        return Availability(name, "error", "", error.summary)
