"""The program that runs ONNX Runtime in another environment: what it asks of it, and what it tells."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from validation.runtimes import cuda, ort_program
from validation.runtimes.cuda import Card

CPU = ort_program.CPU
GPU = "CUDAExecutionProvider"
OPEN = {"model": "m.onnx", "provider": GPU, "options": {"use_tf32": "0"}}


class FakeSession:
    """Takes the provider that it is given, and one node of two; the CPU has the other."""

    def __init__(self, model: str, options: Any, providers: list[Any], enable_fallback: int) -> None:
        self.asked = (model, providers, enable_fallback)
        self.fallback = True
        self.profile = Path(options.profile_file_prefix + ".json") if options.enable_profiling else None

    def disable_fallback(self) -> None:
        self.fallback = False

    def get_providers(self) -> list[str]:
        return [GPU, CPU]

    def get_provider_options(self) -> dict[str, dict[str, str]]:
        return {GPU: {"use_tf32": "0", "device_id": "0"}, CPU: {}}

    def run(self, outputs: list[str], feed: dict[str, np.ndarray]) -> list[np.ndarray]:
        return [feed["x"] for _ in outputs]

    def end_profiling(self) -> str:
        assert self.profile is not None
        self.profile.write_text(json.dumps([event("dense", GPU, "Gemm"), event("size", CPU, "Shape")]))
        return str(self.profile)


def event(name: str, provider: str, op: str) -> dict[str, Any]:
    return {"cat": "Node", "name": f"{name}_kernel_time", "args": {"provider": provider, "op_name": op}}


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The program, with an ONNX Runtime that has CUDA."""
    module = ModuleType("onnxruntime")
    module.__version__ = "1.31.1"
    for name, value in {
        "get_available_providers": lambda: [GPU, CPU],
        "preload_dlls": lambda: None,
        "SessionOptions": SimpleNamespace,
        "InferenceSession": FakeSession,
    }.items():
        setattr(module, name, value)
    monkeypatch.setitem(sys.modules, "onnxruntime", module)
    monkeypatch.setattr(cuda, "first_card", lambda: Card("NVIDIA H100", (9, 0), "13.0"))
    return ort_program._Engine()


def test_no_other_provider_may_take_its_place(engine: Any) -> None:
    engine.open(OPEN)
    session = engine._session
    assert session.asked == ("m.onnx", [(GPU, {"use_tf32": "0"})], 0)
    assert session.fallback is False


def test_what_the_session_took_is_told_not_what_was_asked(engine: Any) -> None:
    assert engine.open({**OPEN, "options": {"use_tf32": "1"}}) == {
        "version": "1.31.1",
        "providers": [GPU, CPU],
        "options": {"use_tf32": "0", "device_id": "0"},
        "card": "NVIDIA H100",
        "capability": [9, 0],
        "driver": "13.0",
    }


def test_the_first_batch_tells_who_ran_the_nodes_and_leaves_no_profile(engine: Any) -> None:
    engine.open(OPEN)
    x = np.ones((1, 3), np.float32)
    told, found = engine.run({"outputs": ["y"]}, {"x": x})
    assert told == {"nodes": {CPU: 1, GPU: 1}, "on_cpu": ["size (Shape)"]}
    np.testing.assert_array_equal(found["y"], x)
    assert not engine._session.profile.parent.exists()
    assert engine.run({"outputs": ["y"]}, {"x": x})[0] == {}


def test_a_build_without_the_provider_opens_nothing(engine: Any) -> None:
    with pytest.raises(RuntimeError) as caught:
        engine.open({**OPEN, "provider": "TensorrtExecutionProvider"})
    assert str(caught.value) == f"onnxruntime 1.31.1 has no TensorrtExecutionProvider, only {GPU}, {CPU}"
    assert engine._session is None


def test_nodes_are_counted_once_however_many_kernels_they_start() -> None:
    events = [
        {"cat": "Session", "name": "model_run", "args": {}},
        event("conv", GPU, "Conv"),
        event("conv", GPU, "Conv"),
        event("dense", GPU, "Gemm"),
        event("size", CPU, "Shape"),
    ]
    assert ort_program.count_nodes(events) == {
        "nodes": {CPU: 1, GPU: 2},
        "on_cpu": ["size (Shape)"],
    }
