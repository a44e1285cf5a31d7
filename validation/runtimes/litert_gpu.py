"""TFLite files on LiteRT's GPU accelerator: WebGPU on Vulkan, Metal or Direct3D, in true float32."""

from __future__ import annotations

import math
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np

from converters.artifact import Artifact
from converters.errors import EdgeproofError
from validation.feed import Tensors
from validation.runtime import Arithmetic
from validation.runtimes.binding import engine_fault, to_file_names, to_keras_names
from validation.runtimes.browser.device import is_software
from validation.runtimes.fixed_shapes import fix_shapes
from validation.runtimes.vulkan import missing_driver, variables

if TYPE_CHECKING:
    from ai_edge_litert.compiled_model import CompiledModel

_ADAPTER = re.compile(r"Selected adapter: (.+)")
_ENGINE_ERRORS = (RuntimeError, ValueError, TypeError)


@dataclass(frozen=True, slots=True)
class LiteRTGpu:
    """LiteRT's `CompiledModel` with every node on the GPU.

    Shapes are fixed in a copy of the file to those of the data: the accelerator takes no others.
    """

    name: str = "litert-gpu"
    formats: frozenset[str] = frozenset({"tflite"})
    groups: frozenset[str] = frozenset({"gpu"})
    arithmetic: Arithmetic = "float32"

    def missing(self) -> str | None:
        if find_spec("ai_edge_litert.gpu_options") is None:
            return "pip install 'ai-edge-litert>=2.3'"
        return missing_driver()

    @contextmanager
    def open(self, artifact: Artifact) -> Iterator[_Session]:
        os.environ.update(variables())
        session = _Session(artifact, self.name)
        try:
            yield session
        finally:
            session.close()


class _Session:
    def __init__(self, artifact: Artifact, name: str) -> None:
        self._artifact = artifact
        self._name = name
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
        return ", ".join([*parts, "fp32"])

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
        # float16 is the default where the adapter has it.
        options = Options(HardwareAccelerator.GPU, gpu_options=GpuOptions(enforce_f32=True))
        log: list[str] = []
        try:
            content = fix_shapes(self._artifact, shapes).tobytes()
            with _captured(log):
                self._model = CompiledModel.from_buffer(content, options=options)
        except _ENGINE_ERRORS as error:
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

    def _fault(self, doing: str, message: str) -> EdgeproofError:
        return engine_fault(self._artifact, self._name, doing, message)


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
