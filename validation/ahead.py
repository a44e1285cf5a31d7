"""Asks a slow runtime while the original is still being recorded, whose answers aren't known yet.

One sample takes plain JavaScript seconds, and so does the original's noise floor: both at once take half
as long. The session stays open for `validation.judge` in the same process, which goes through every batch
as always. Each answer serves one call with exactly its inputs, so that whatever is run again is run; a
fault on the way is raised by the call that would have met it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from converters.artifact import Artifact, check_files
from converters.signature import Signature
from validation.batch_writer import written
from validation.casts import DoesNotFitError
from validation.expected import Batch, Reference
from validation.fitting import cut
from validation.latency import TimedSession
from validation.runtime import Runtime
from validation.tensor_files import read_tensors

MOST_BYTES = 2**28
"""Of answers that are kept; what comes after them is asked when it is judged."""

_WAIT_S = 0.05


@dataclass(frozen=True, slots=True)
class Opened:
    """A session that runs.

    Attributes:
        artifact: that was opened.
        runtime_name: what runs it.
        session: with the answers to what it was asked ahead.
        load_s: what opening took.
        stack: closes the session.
    """

    artifact: Artifact
    runtime_name: str
    session: TimedSession
    load_s: float
    stack: ExitStack


@dataclass(frozen=True, slots=True)
class Recording:
    """A reference that is being recorded.

    Attributes:
        directory: where it is written; gone when all of it has got its final name.
        signature: of the original.
    """

    directory: Path
    signature: Signature


_waiting: list[Opened] = []
"""The one session of this process that was asked ahead and not yet taken over."""


def open_session(chosen: Runtime, artifact: Artifact, stack: ExitStack) -> tuple[TimedSession, float]:
    """The session that was asked ahead, or a new one, and the seconds that opening it took.

    Args:
        stack: closes it.
    """
    while _waiting:
        found = _waiting.pop()
        stack.push(found.stack.pop_all())
        if (found.artifact, found.runtime_name) == (artifact, chosen.name):
            return found.session, found.load_s
    start = time.perf_counter()
    session = TimedSession(stack.enter_context(chosen.open(artifact)))
    return session, time.perf_counter() - start


def ask_ahead(*, artifact: Artifact, runtime_name: str, recording: Recording) -> float:
    """Runs each batch as it is written, until all are.

    Args:
        artifact: as for `judge`; likewise `runtime_name`.
        recording: of the same original.

    Returns:
        seconds that it took but for waiting.
    """
    from validation.runtimes import runtime

    chosen, spent_s = runtime(runtime_name), 0.0
    with ExitStack() as stack:
        if chosen.missing() is None:
            try:
                check_files(artifact.directory, artifact.files, alone=False)
                session, load_s = open_session(chosen, artifact, stack)
            except Exception:  # `judge` opens it again, and says what is wrong
                pass
            else:
                spent_s = load_s + _ask(session, artifact, recording)
                _waiting.append(Opened(artifact, runtime_name, session, load_s, stack.pop_all()))
        while recording.directory.is_dir():
            time.sleep(_WAIT_S)
    return spent_s


def _ask(session: TimedSession, artifact: Artifact, recording: Recording) -> float:
    """Seconds that the session took."""
    kept, spent_s = 0, 0.0
    so_far = Reference(recording.directory, "", recording.signature, (), (), 0, "", "", ())
    for batch in _batches(so_far):
        try:
            for call in cut(batch, artifact, so_far):
                if kept > MOST_BYTES or not recording.directory.is_dir():
                    return spent_s
                start = time.perf_counter()
                kept += session.ask_ahead(call.inputs)
                spent_s += time.perf_counter() - start
        except DoesNotFitError:  # `Trial` counts it
            continue
    return spent_s


def _batches(so_far: Reference) -> Iterator[Batch]:
    """What is written of a reference, as far as its inputs."""
    number = first = 0
    while so_far.directory.is_dir():
        path = written(so_far.directory, number)
        if path is None:
            time.sleep(_WAIT_S)
            continue
        try:
            inputs = read_tensors(path, so_far.signature.inputs)
        except FileNotFoundError:  # the directory has got its final name
            return
        samples = so_far.layout.count(inputs)
        yield Batch(inputs, {}, first, samples)
        number, first = number + 1, first + samples
