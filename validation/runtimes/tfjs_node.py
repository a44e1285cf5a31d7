"""TF.js graph models in Node, on the plain JavaScript backend and on WebAssembly."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from converters.artifact import Artifact
from validation.feed import Tensors
from validation.runtime import Arithmetic
from validation.runtimes.binding import engine_fault, place, to_file_names, to_keras_names
from validation.runtimes.child_process import ChildError, ChildProcess
from validation.runtimes.machine import instruction_set
from validation.runtimes.wire import to_wire

DIST = Path(__file__).parent / "js" / "dist"
"""The bundled program and the wasm binaries: built by `make setup`, inside every wheel."""

_LEAST_NODE = 20
_OPEN_LIMIT_S = 120.0
_RUN_LIMIT_S = 600.0


@dataclass(frozen=True, slots=True)
class TfjsNode:
    """TF.js in a Node process of its own for each session.

    Attributes:
        backend: "cpu" (plain JavaScript) or "wasm" (XNNPACK compiled to WebAssembly).
        run_limit_s: after so long without an answer to one batch it counts as hung.
    """

    name: str
    backend: str
    formats: frozenset[str] = frozenset({"tfjs"})
    groups: frozenset[str] = frozenset({"cpu"})
    arithmetic: Arithmetic = "float32"
    run_limit_s: float = _RUN_LIMIT_S

    def missing(self) -> str | None:
        node = shutil.which("node")
        if node is None:
            return f"install Node {_LEAST_NODE} or newer and have `node` on the PATH"
        found = _node_version(node)
        if found < _LEAST_NODE:
            return f"install Node {_LEAST_NODE} or newer; {node} is version {found}"
        if not (DIST / "node.cjs").exists():
            return "run `make setup`, which builds the JavaScript programs"
        return None

    @contextmanager
    def open(self, artifact: Artifact) -> Iterator[_Session]:
        hint = self.missing()
        if hint is not None:
            raise engine_fault(artifact, self.name, "starting Node", hint)
        process = self.start()
        try:
            yield self.session(artifact, process)
        finally:
            process.close()

    def start(self) -> ChildProcess:
        """The program, for any number of sessions, one after the other."""
        return ChildProcess("node", [shutil.which("node") or "node", str(DIST / "node.cjs"), self.backend])

    def session(self, artifact: Artifact, process: ChildProcess) -> _Session:
        """The artifact in a program that was started; takes the place of the one that was open there."""
        return _Session(artifact, self, process)


@cache
def _node_version(node: str) -> int:
    """The major version, 0 when it doesn't say."""
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    major = answer.stdout.strip().removeprefix("v").split(".")[0]
    return int(major) if major.isdigit() else 0


class _Session:
    def __init__(self, artifact: Artifact, runtime: TfjsNode, process: ChildProcess) -> None:
        self._artifact = artifact
        self._runtime = runtime
        self._process = process
        request = {"kind": "open", "model": str(artifact.entry_path.resolve())}
        self._description, _ = self._ask("opening the file", request, {}, _OPEN_LIMIT_S)

    @property
    def device(self) -> str:
        """Known in full only once a batch has run: only then TF.js tells how it executes the graph."""
        facts = self._description
        parts = [f"TensorFlow.js {facts['version']}", f"{facts['backend']} backend"]
        if "wasm" in facts:
            parts += [facts["wasm"], f"{facts['threads']} thread(s)"]
        return ", ".join([*parts, facts["call"], f"Node {facts['node']}", instruction_set()])

    @property
    def pid(self) -> int:
        """Of the Node process."""
        return self._process.pid

    def run(self, feed: Tensors) -> dict[str, np.ndarray]:
        artifact, name = self._artifact, self._runtime.name
        where = place(artifact, name)
        sent = {spec.name: spec for spec in artifact.signature.inputs}
        to_file_names(artifact, feed, name)
        cast = {key: to_wire(spec, feed[key], where) for key, spec in sent.items()}
        tensors = {artifact.input_names[key]: array for key, array in cast.items()}
        outputs = list(dict.fromkeys(artifact.output_names.values()))
        request = {"kind": "run", "outputs": outputs}
        self._description, found = self._ask("running it", request, tensors, self._runtime.run_limit_s)
        return to_keras_names(artifact, found, name)

    def _ask(
        self, doing: str, request: dict[str, Any], tensors: Tensors, limit_s: float
    ) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        try:
            return self._process.ask(request, tensors, limit_s)
        except ChildError as failure:
            raise engine_fault(self._artifact, self._runtime.name, doing, str(failure)) from failure
