"""ONNX files on ONNX Runtime's other execution providers: CUDA, WebGPU, OpenVINO.

Each provider comes in a build of its own, and so in an environment of its own. What a provider doesn't
take, ONNX Runtime gives to the CPU: such nodes are named, and if it took none at all nothing is proven.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from converters.artifact import Artifact
from validation.runtime import Arithmetic
from validation.runtimes.binding import engine_fault
from validation.runtimes.browser.device import is_software
from validation.runtimes.cuda import TF32_FIX, TF32_FROM, has_nvidia
from validation.runtimes.elsewhere import ElsewhereSession, Facts, NotHereError, program
from validation.runtimes.environments import Environment, find_python, how_to_make
from validation.runtimes.machine import THREADS, instruction_set
from validation.runtimes.vulkan import missing_driver, variables

OPENVINO = Environment("openvino", "onnxruntime-openvino", ("onnxruntime-openvino",))
WEBGPU = Environment("webgpu", "onnxruntime-webgpu", ("onnxruntime-webgpu",))
CUDA = Environment("cuda", "'onnxruntime-gpu[cuda,cudnn]'", ("onnxruntime-gpu",))

_NAMED = 5
"""Nodes on the CPU that are named; of more, the number."""


@dataclass(frozen=True, slots=True)
class OnnxElsewhere:
    """ONNX Runtime with one execution provider.

    Attributes:
        provider: its name in ONNX Runtime.
        environment: what has a build with it.
        options: of the provider.
        device: "cuda", "webgpu" or "cpu": how its device is found and proven.
    """

    name: str
    provider: str
    environment: Environment
    device: str
    options: Mapping[str, str] = field(default_factory=dict)
    arithmetic: Arithmetic = "float32"
    formats: frozenset[str] = frozenset({"onnx"})

    @property
    def groups(self) -> frozenset[str]:
        """The second engine on the CPU is used where it is installed, and asked for where not."""
        if self.device != "cpu":
            return frozenset({"gpu"})
        return frozenset({"cpu"} if find_python(self.environment) else ())

    def missing(self) -> str | None:
        if self.device == "cuda" and not has_nvidia():
            return "no NVIDIA GPU here: neither /dev/nvidia* nor /dev/dxg exists"
        hint = missing_driver() if self.device == "webgpu" else None
        if hint is not None:
            return hint
        return None if find_python(self.environment) else how_to_make(self.environment)

    @contextmanager
    def open(self, artifact: Artifact) -> Iterator[ElsewhereSession]:
        python = find_python(self.environment)
        if python is None:
            raise engine_fault(artifact, self.name, "starting it", how_to_make(self.environment))
        settings = {"provider": self.provider, "options": dict(self.options)}
        with program(python, "validation.runtimes.ort_program", self.name, self._variables()) as process:
            yield ElsewhereSession(artifact, self, process, settings)

    def _variables(self) -> Mapping[str, str]:
        if self.device == "webgpu":
            return variables()
        # The driver's own switch holds for cuBLAS and cuDNN whatever a library asks for.
        return {"NVIDIA_TF32_OVERRIDE": "0"} if self.device == "cuda" and self.arithmetic == "float32" else {}

    def describe(self, facts: Facts) -> str:
        parts = [f"ONNX Runtime {facts['version']}", *self._describe_device(facts)]
        parts += [f"{provider} runs {count} node(s)" for provider, count in facts.get("nodes", {}).items()]
        if facts.get("on_cpu"):
            parts.append(f"on the CPU: {_named(facts['on_cpu'])}")
        return ", ".join(parts)

    def _describe_device(self, facts: Facts) -> list[str]:
        if self.device == "cuda":
            switched = {"0": "TF32 off", "1": "TF32 on"}.get(str(facts["options"].get("use_tf32")), "")
            return list(filter(None, (facts.get("card", ""), f"CUDA {facts.get('driver', '')}", switched)))
        if self.device == "webgpu":
            adapter = " or ".join(facts["adapters"])
            software = ["software GPU"] if facts["adapters"] and is_software(adapter) else []
            return [f"adapter {adapter}", *software, "fp32"]
        return [f"{THREADS} threads", instruction_set()]

    def find_unproven(self, facts: Facts) -> str:
        if facts["providers"][:1] != [self.provider]:
            return f"ONNX Runtime chose {', '.join(facts['providers'])} instead of {self.provider}"
        if not facts["nodes"].get(self.provider):
            return f"{self.provider} took none of the nodes: {_named(facts['on_cpu'])} ran on the CPU"
        if self.device == "webgpu" and len(set(facts["adapters"])) != 1:
            found = " and ".join(facts["adapters"]) or "none"
            return f"Vulkan offers these adapters: {found}; name one driver in VK_DRIVER_FILES"
        return self._find_unproven_card(facts) if self.device == "cuda" else ""

    def _find_unproven_card(self, facts: Facts) -> str:
        if "card" not in facts:
            return "the CUDA driver names no GPU"
        coarse = self.arithmetic == "tf32"
        if coarse and tuple(facts["capability"]) < TF32_FROM:
            raise NotHereError(f"{facts['card']}, which has no TF32", TF32_FIX)
        if str(facts["options"].get("use_tf32")) != ("1" if coarse else "0"):
            return f"the provider did not take use_tf32={int(coarse)}"
        return ""


def _named(nodes: list[str]) -> str:
    more = f" and {len(nodes) - _NAMED} more" if len(nodes) > _NAMED else ""
    return ", ".join(nodes[:_NAMED]) + more


# OpenVINO computes in bfloat16 by default on CPUs that have it; an option that it doesn't know makes
# ONNX Runtime 1.24 take the CPU provider in silence.
_OPENVINO_OPTIONS = {"device_type": "CPU", "precision": "FP32", "num_of_threads": str(THREADS)}

ROWS = (
    OnnxElsewhere("onnxruntime-openvino", "OpenVINOExecutionProvider", OPENVINO, "cpu", _OPENVINO_OPTIONS),
    OnnxElsewhere("onnxruntime-webgpu", "WebGpuExecutionProvider", WEBGPU, "webgpu"),
    OnnxElsewhere("onnxruntime-cuda", "CUDAExecutionProvider", CUDA, "cuda", {"use_tf32": "0"}),
    OnnxElsewhere(
        "onnxruntime-cuda-tf32", "CUDAExecutionProvider", CUDA, "cuda", {"use_tf32": "1"}, arithmetic="tf32"
    ),
)
