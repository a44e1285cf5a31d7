"""TFLite files on LiteRT's GPU accelerator: WebGPU on Vulkan, Metal or Direct3D.

Two rows: true float32, and float16, which is LiteRT's default wherever the adapter has it and so what
apps get. Which of the two it really computes in is measured: no call and no log line tells.
"""

from __future__ import annotations

import math
import os
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from converters.artifact import Artifact
from converters.errors import EdgeproofError, ExitStatus
from validation.feed import Tensors
from validation.runtime import Arithmetic
from validation.runtimes.binding import engine_fault, place, to_file_names, to_keras_names
from validation.runtimes.browser.device import is_software
from validation.runtimes.fixed_shapes import fix_shapes
from validation.runtimes.tiny import BIAS, WEIGHTS, write_tiny
from validation.runtimes.vulkan import missing_driver, variables

if TYPE_CHECKING:
    from ai_edge_litert.compiled_model import CompiledModel

_ADAPTER = re.compile(r"Selected adapter: (.+)")
_LACKING = re.compile(r"([A-Z0-9_]+: .*?)\.? *")
_ENGINE_ERRORS = (RuntimeError, ValueError, TypeError)


@dataclass(frozen=True, slots=True)
class LiteRTGpu:
    """LiteRT's `CompiledModel` with every node on the GPU.

    Shapes are fixed in a copy of the file to those of the data: the accelerator takes no others.

    Attributes:
        arithmetic: "float32" is enforced; "float16" is taken where the adapter has it.
    """

    name: str
    arithmetic: Arithmetic
    formats: frozenset[str] = frozenset({"tflite"})
    groups: frozenset[str] = frozenset({"gpu"})

    def missing(self) -> str | None:
        if find_spec("ai_edge_litert.gpu_options") is None:
            return "pip install 'ai-edge-litert>=2.3'"
        return missing_driver()

    @contextmanager
    def open(self, artifact: Artifact) -> Iterator[_Session]:
        os.environ.update(variables())
        session = _Session(artifact, self)
        try:
            session.prove()
            yield session
        finally:
            session.close()


class _Session:
    def __init__(self, artifact: Artifact, runtime: LiteRTGpu) -> None:
        self._artifact = artifact
        self._runtime = runtime
        self._name = runtime.name
        self._adapter = ""
        self._model: CompiledModel | None = None
        self._shapes: dict[str, tuple[int, ...]] = {}
        names = artifact.input_names
        self._open({names[s.name]: tuple(n or 1 for n in s.shape) for s in artifact.signature.inputs})

    @property
    def device(self) -> str:
        """With the adapter that LiteRT says it selected: it claims full acceleration on the CPU as well."""
        parts = [f"LiteRT {version('ai-edge-litert')}", "GPU accelerator", f"adapter {self._adapter}"]
        if is_software(self._adapter):
            parts.append("software GPU")
        if any(None in spec.shape for spec in self._artifact.signature.inputs):
            parts.append("dynamic sizes fixed in a copy of the file")
        return ", ".join([*parts, {"float32": "fp32", "float16": "fp16"}[self._runtime.arithmetic]])

    def prove(self) -> None:
        """Confirms the arithmetic.

        Raises:
            EdgeproofError: it is another one; where the adapter has no float16, status 4.
        """
        measured = _measure_arithmetic(self._runtime)
        if measured == self._runtime.arithmetic:
            return
        if measured == "float16":
            raise self._fault("proving the device", "it computes in float16, though float32 is enforced")
        raise EdgeproofError(
            f"{place(self._artifact, self._name)}: the adapter has no float16",
            got=f"float32 on {self._adapter}",
            want="an adapter that computes in float16",
            fix=f"litert-gpu judges float32 on {self._adapter}",
            status=ExitStatus.UNAVAILABLE,
        )

    def run(self, feed: Tensors) -> dict[str, np.ndarray]:
        tensors = to_file_names(self._artifact, feed, self._name)
        shapes = {name: array.shape for name, array in tensors.items()}
        if shapes != self._shapes:
            self._open(shapes)
        try:
            found = self._call(tensors)
        except _ENGINE_ERRORS as error:
            raise self._fault("running it", str(error)) from error
        return to_keras_names(self._artifact, found, self._name)

    def close(self) -> None:
        if self._model is not None:
            self._model.close()
            self._model = None

    def _open(self, shapes: dict[str, tuple[int, ...]]) -> None:
        from ai_edge_litert.compiled_model import CompiledModel, GpuOptions, HardwareAccelerator, Options

        self.close()
        exact = self._runtime.arithmetic == "float32"
        options = Options(HardwareAccelerator.GPU, gpu_options=GpuOptions(enforce_f32=exact))
        log: list[str] = []
        try:
            content = fix_shapes(self._artifact, shapes).tobytes()
            with _captured(log):
                self._model = CompiledModel.from_buffer(content, options=options)
        except _ENGINE_ERRORS as error:
            if lacking := find_lacking(log):
                raise self._no_kernel(lacking) from error
            said = [line for line in log if line.startswith("ERROR")]
            raise self._fault("opening the file", "\n".join([str(error), *said])) from error
        adapters = _ADAPTER.findall("\n".join(log))
        if not adapters or not self._model.is_fully_accelerated():
            why = "some nodes would run on the CPU" if adapters else "no GPU adapter was selected"
            raise self._fault("proving the device", why)
        self._adapter, self._shapes = adapters[-1].strip(), shapes

    def _call(self, tensors: Tensors) -> dict[str, np.ndarray]:
        assert self._model is not None
        model, key = self._model, self._artifact.signature_key or ""
        given = {}
        for name, array in tensors.items():
            given[name] = model.create_input_buffer_by_name(key, name)
            given[name].write(np.ascontiguousarray(array))
        details = model.get_output_tensor_details(key)
        taken = {name: model.create_output_buffer_by_name(key, name) for name in details}
        model.run_by_name(key, given, taken)
        return {
            name: taken[name].read(math.prod(row["shape"]), np.dtype(row["dtype"])).reshape(row["shape"])
            for name, row in details.items()
        }

    def _no_kernel(self, lacking: list[str]) -> EdgeproofError:
        """Nothing is wrong: the accelerator has fewer ops than the interpreter."""
        ops = ", ".join(dict.fromkeys(line.partition(":")[0] for line in lacking))
        return EdgeproofError(
            f"{place(self._artifact, self._name)}: LiteRT's GPU accelerator can't run {ops} as it is here",
            got="; ".join(lacking),
            want="ops and arguments that it has kernels for",
            fix="litert-cpu runs the file",
            status=ExitStatus.UNAVAILABLE,
        )

    def _fault(self, doing: str, message: str) -> EdgeproofError:
        return engine_fault(self._artifact, self._name, doing, message)


def find_lacking(log: Iterable[str]) -> list[str]:
    """What the accelerator says of ops that it leaves to the CPU, each line once: `WHILE: Operation …`.

    It says so for each signature and subgraph, between a heading and a line of its totals.
    """
    found: dict[str, None] = {}
    listing = False
    for line in log:
        if line.endswith("not supported by GPU delegate:"):
            listing = True
        elif listing and (row := _LACKING.fullmatch(line)):
            found[row[1]] = None
        else:
            listing = False
    return list(found)


@cache
def _measure_arithmetic(runtime: LiteRTGpu) -> Arithmetic:
    """What a product comes out as that float16 can't hold: 1 + 2^-12 is 1 there."""
    with tempfile.TemporaryDirectory(prefix="edgeproof-probe-") as directory:
        session = _Session(write_tiny("tflite", Path(directory)), runtime)
        x = np.array([[1 + 2**-12, 0, 0]], np.float32)
        found = session.run({"x": x})["y"]
        session.close()
    return "float32" if np.array_equal(found, x @ WEIGHTS + BIAS) else "float16"


ROWS = (LiteRTGpu("litert-gpu", "float32"), LiteRTGpu("litert-gpu-f16", "float16"))


@contextmanager
def _captured(lines: list[str]) -> Iterator[None]:
    """Adds what native code writes to stderr meanwhile; it is passed on after that."""
    sys.stderr.flush()
    saved = os.dup(2)
    with tempfile.TemporaryFile() as log:
        os.dup2(log.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)
            log.seek(0)
            text = log.read()
            os.write(2, text)
            lines += text.decode(errors="replace").splitlines()
