"""ONNX Runtime with one execution provider, in an environment that has a build with it.

What is told: the providers that the session has, the options that this one took, how many nodes each
ran in the first batch, which ones the CPU ran, and the device behind it.
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from validation.runtimes.answering import Facts, answer_forever
from validation.runtimes.machine import THREADS
from validation.runtimes.ort import LOG_ERRORS, as_session_takes

CPU = "CPUExecutionProvider"


class _Engine:
    def __init__(self) -> None:
        self._session: Any = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def open(self, request: Mapping[str, Any]) -> Facts:
        import onnxruntime as ort

        provider = request["provider"]
        here = ort.get_available_providers()
        if provider not in here:
            raise RuntimeError(f"onnxruntime {ort.__version__} has no {provider}, only {', '.join(here)}")
        if provider == "CUDAExecutionProvider":
            ort.preload_dlls()  # CUDA and cuDNN from pip's packages, where they are there
        self._folder = tempfile.TemporaryDirectory(prefix="edgeproof-profile-")
        options = ort.SessionOptions()
        options.intra_op_num_threads = THREADS
        options.inter_op_num_threads = 1
        options.log_severity_level = LOG_ERRORS
        options.enable_profiling = True
        options.profile_file_prefix = str(Path(self._folder.name) / "profile")
        # Without the last argument, and the call after it, a provider that fails is replaced by the CPU.
        providers = [(provider, request["options"])]
        self._session = ort.InferenceSession(
            request["model"], options, providers=providers, enable_fallback=0
        )
        self._session.disable_fallback()
        return {
            "version": ort.__version__,
            "providers": self._session.get_providers(),
            "options": self._session.get_provider_options().get(provider, {}),
            **_describe_device(provider),
        }

    def run(
        self, request: Mapping[str, Any], tensors: Mapping[str, np.ndarray]
    ) -> tuple[Facts, dict[str, np.ndarray]]:
        ready = {name: as_session_takes(array) for name, array in tensors.items()}
        results = self._session.run(request["outputs"], ready)
        facts = {} if self._folder is None else self._count_nodes()
        return facts, dict(zip(request["outputs"], results, strict=True))

    def _count_nodes(self) -> Facts:
        """From the profile of the first batch: a session's nodes stay where they were put."""
        assert self._folder is not None
        events = json.loads(Path(self._session.end_profiling()).read_text())
        self._folder.cleanup()
        self._folder = None
        return count_nodes(events)


def count_nodes(events: list[dict[str, Any]]) -> Facts:
    """How many nodes each provider ran, and the names of the CPU's.

    Args:
        events: of ONNX Runtime's profile; a node has one for each kernel it started.
    """
    ran = {
        (event["args"]["provider"], event["name"].removesuffix("_kernel_time"), event["args"]["op_name"])
        for event in events
        if event.get("cat") == "Node" and event.get("args", {}).get("provider")
    }
    on_cpu = sorted(f"{name} ({op})" for provider, name, op in ran if provider == CPU)
    return {"nodes": dict(Counter(provider for provider, _, _ in sorted(ran))), "on_cpu": on_cpu}


def _describe_device(provider: str) -> Facts:
    if provider == "WebGpuExecutionProvider":
        from validation.runtimes.vulkan import adapters

        return {"adapters": adapters()}
    if provider == "CUDAExecutionProvider":
        from validation.runtimes.cuda import first_card

        card = first_card()
        if card is not None:
            return {"card": card.name, "capability": list(card.capability), "driver": card.driver}
    return {}


def main() -> None:
    answer_forever(_Engine)
