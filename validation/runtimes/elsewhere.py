"""Sessions in another Python: the model's path goes there once, batches go there and back."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from converters.artifact import Artifact
from converters.errors import EdgeproofError, ExitStatus
from validation.feed import Tensors
from validation.runtimes.binding import engine_fault, place, to_file_names, to_keras_names
from validation.runtimes.child_process import ChildError, ChildProcess

_PACKAGES = Path(__file__).resolve().parents[2]
"""Where edgeproof lies; last on the other Python's path, so that everything else is its own."""

_OPEN_LIMIT_S = 300.0
_RUN_LIMIT_S = 600.0

Facts = Mapping[str, Any]


class NotHereError(Exception):
    """The device that a runtime is for isn't here.

    Attributes:
        got: what is.
        fix: what to do.
    """

    def __init__(self, got: str, fix: str) -> None:
        super().__init__(got)
        self.got, self.fix = got, fix


class Told(Protocol):
    """A runtime that knows what the facts of its program mean."""

    @property
    def name(self) -> str: ...

    def describe(self, facts: Facts) -> str:
        """The device string; complete after the first batch."""

    def find_unproven(self, facts: Facts) -> str:
        """Why it isn't proven that the last batch ran on the device; empty if it is.

        Raises:
            NotHereError: there is no such device.
        """


class ElsewhereSession:
    """An artifact opened in a program of another environment.

    Attributes:
        load_ms: what the engine alone took for opening; likewise `run_ms` for the last batch.
    """

    def __init__(self, artifact: Artifact, runtime: Told, process: ChildProcess, settings: Facts) -> None:
        self._artifact, self._runtime, self._process = artifact, runtime, process
        request = {**settings, "kind": "open", "model": str(artifact.entry_path.resolve())}
        self._facts, _ = self._ask("opening the file", request, {}, _OPEN_LIMIT_S)
        self.load_ms = self.run_ms = float(self._facts["ms"])

    @property
    def device(self) -> str:
        return self._runtime.describe(self._facts)

    def run(self, feed: Tensors) -> dict[str, np.ndarray]:
        name = self._runtime.name
        tensors = to_file_names(self._artifact, feed, name)
        outputs = list(dict.fromkeys(self._artifact.output_names.values()))
        facts, found = self._ask("running it", {"kind": "run", "outputs": outputs}, tensors, _RUN_LIMIT_S)
        self._facts |= facts
        self.run_ms = float(facts["ms"])
        self._prove()
        return to_keras_names(self._artifact, found, name)

    def _prove(self) -> None:
        try:
            why = self._runtime.find_unproven(self._facts)
        except NotHereError as error:
            raise EdgeproofError(
                f"{place(self._artifact, self._runtime.name)}: the device is not here",
                got=error.got,
                want="the device that the runtime is named after",
                fix=error.fix,
                status=ExitStatus.UNAVAILABLE,
            ) from error
        if why:
            message = "\n".join([why, *self._process.last_words()])
            raise engine_fault(self._artifact, self._runtime.name, "proving the device", message)

    def _ask(
        self, doing: str, request: Facts, tensors: Tensors, limit_s: float
    ) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        try:
            return self._process.ask(request, tensors, limit_s)
        except ChildError as failure:
            raise engine_fault(self._artifact, self._runtime.name, doing, str(failure)) from failure


@contextmanager
def program(python: Path, module: str, name: str, environment: Mapping[str, str]) -> Iterator[ChildProcess]:
    """A module's `main` in another Python, until the end of the block.

    Args:
        python: an interpreter.
        module: of edgeproof, such as `validation.runtimes.ort_program`.
        name: what errors call it.
        environment: variables on top of this process's own.
    """
    # -I keeps the current directory and PYTHONPATH out: the engine has to be that environment's own.
    start = f"import sys; sys.path.append({str(_PACKAGES)!r}); from {module} import main; main()"
    process = ChildProcess(name, [str(python), "-I", "-c", start], {**os.environ, **environment})
    try:
        yield process
    finally:
        process.close()
