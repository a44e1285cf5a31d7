"""TFLite files on the LiteRT interpreter: with XNNPACK, as apps run it, or on reference kernels."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from converters.artifact import Artifact
from converters.errors import EdgeproofError, ExitStatus
from validation.dtypes import as_bytes
from validation.feed import Tensors
from validation.runtime import Arithmetic
from validation.runtimes.binding import engine_fault, place, to_file_names, to_keras_names
from validation.runtimes.machine import THREADS, instruction_set

if TYPE_CHECKING:
    from ai_edge_litert.interpreter import Interpreter

# What the bindings raise, for a file that they don't take as for kernels that fail.
_ENGINE_ERRORS = (ValueError, RuntimeError, TypeError)

_LACKS = re.compile(r"Didn't find op for builtin opcode '(\w+)'")
"""What the interpreter says of an op that its resolver doesn't have."""


@dataclass(frozen=True, slots=True)
class LiteRT:
    """The LiteRT interpreter.

    Attributes:
        reference: run the slow kernels that define what an op means, without any delegate.
    """

    name: str
    reference: bool
    formats: frozenset[str] = frozenset({"tflite"})
    groups: frozenset[str] = frozenset({"cpu"})
    arithmetic: Arithmetic = "float32"

    def missing(self) -> str | None:
        if find_spec("ai_edge_litert") is None:
            return "pip install ai-edge-litert"
        return None

    @contextmanager
    def open(self, artifact: Artifact) -> Iterator[_Session]:
        yield _Session(artifact, self)


class _Session:
    """One interpreter for all batches, as in an app: a state that leaks shows."""

    def __init__(self, artifact: Artifact, runtime: LiteRT) -> None:
        self._artifact = artifact
        self._runtime = runtime
        try:
            self._interpreter = _start(artifact, runtime)
            self._call = _bind(self._interpreter, artifact, runtime)
        except _ENGINE_ERRORS as error:
            if runtime.reference and (lacks := _LACKS.search(str(error))):
                raise _no_reference_kernel(artifact, runtime.name, lacks[1]) from error
            raise engine_fault(artifact, runtime.name, "opening the file", str(error)) from error

    @property
    def device(self) -> str:
        """Known in full only once a batch has run: delegates are applied on allocation."""
        if self._runtime.reference:
            engine = "reference kernels, no delegate"
        else:
            engine = describe_delegates(self._interpreter)
        package = f"LiteRT {version('ai-edge-litert')}"
        return f"{package}, {engine}, {THREADS} threads, {instruction_set()}"

    def run(self, feed: Tensors) -> dict[str, np.ndarray]:
        name = self._runtime.name
        named = to_file_names(self._artifact, feed, name)
        ready = {key: _as_interpreter_takes(array) for key, array in named.items()}
        try:
            results = self._call(ready)
        except _ENGINE_ERRORS as error:
            raise engine_fault(self._artifact, name, "running it", str(error)) from error
        return to_keras_names(self._artifact, results, name)


def _no_reference_kernel(artifact: Artifact, runtime: str, op: str) -> EdgeproofError:
    """The reference resolver has fewer ops than the others (ELU is missing in 2.3): nothing is wrong."""
    return EdgeproofError(
        f"{place(artifact, runtime)}: LiteRT has no reference kernel for {op}",
        got=f"a file with the op {op}",
        want="ops that have one",
        fix="litert-cpu runs the file",
        status=ExitStatus.UNAVAILABLE,
    )


def _start(artifact: Artifact, runtime: LiteRT) -> Interpreter:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    resolver = OpResolverType.BUILTIN_REF if runtime.reference else OpResolverType.BUILTIN
    return Interpreter(
        model_path=str(artifact.entry_path), num_threads=THREADS, experimental_op_resolver_type=resolver
    )


def _bind(interpreter: Interpreter, artifact: Artifact, runtime: LiteRT) -> Any:
    """A function from inputs to outputs by the file's names.

    By signature where the file has one: the order of tensors in a TFLite file is nobody's order.
    """
    if artifact.signature_key is not None:
        runner = interpreter.get_signature_runner(artifact.signature_key)
        return lambda inputs: runner(**inputs)
    inputs = _by_tensor_name(interpreter.get_input_details(), artifact, runtime)
    outputs = _by_tensor_name(interpreter.get_output_details(), artifact, runtime)
    shapes: dict[str, tuple[int, ...]] = {}

    def call(feed: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        wanted = {name: array.shape for name, array in feed.items()}
        if wanted != shapes:
            for name, shape in wanted.items():
                interpreter.resize_tensor_input(inputs[name], shape)
            interpreter.allocate_tensors()
            shapes.update(wanted)
        for name, array in feed.items():
            interpreter.set_tensor(inputs[name], array)
        interpreter.invoke()
        return {name: interpreter.get_tensor(index) for name, index in outputs.items()}

    return call


def _by_tensor_name(details: list[dict[str, Any]], artifact: Artifact, runtime: LiteRT) -> dict[str, int]:
    names = [row["name"] for row in details]
    if len(set(names)) != len(names):
        raise EdgeproofError(
            f"{place(artifact, runtime.name)}: tensors share a name and the file has no signature",
            got=", ".join(names),
            want="a signature, or names that differ",
            fix="convert the model again with a converter that writes signatures",
        )
    return {row["name"]: row["index"] for row in details}


def _as_interpreter_takes(array: np.ndarray) -> np.ndarray:
    # The bindings read object and bytes arrays as strings, and refuse text arrays.
    return as_bytes(array) if array.dtype.kind in "OSU" else np.ascontiguousarray(array)


def describe_delegates(interpreter: Interpreter) -> str:
    """Which part of the main subgraph the XNNPACK delegate took over.

    The interpreter lists the file's own nodes first and appends one node for each delegated part;
    a part's nodes are those between its outputs and its inputs.
    """
    rows = interpreter._get_ops_details()  # no public call tells which nodes a delegate took
    nodes = [row for row in rows if row["op_name"] != "DELEGATE"]
    parts = [row for row in rows if row["op_name"] == "DELEGATE"]
    taken = {index for part in parts for index in _nodes_of(part, nodes)}
    if not taken:
        return f"optimised kernels, XNNPACK took none of {len(nodes)} nodes"
    return f"XNNPACK runs {len(taken)} of {len(nodes)} nodes in {len(parts)} part(s)"


def _nodes_of(part: dict[str, Any], nodes: list[dict[str, Any]]) -> set[int]:
    maker = {tensor: row for row in nodes for tensor in row["outputs"]}
    given = set(part["inputs"])
    found: set[int] = set()
    todo = list(part["outputs"])
    while todo:
        tensor = todo.pop()
        row = maker.get(tensor)
        if row is None or tensor in given or row["index"] in found:
            continue
        found.add(row["index"])
        todo.extend(row["inputs"])
    return found
