"""ONNX Runtime's other providers: how their facts are read, and that silence proves nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from converters.errors import EdgeproofError
from tests.validation.hand_made import Line, Port, write
from validation.runtimes import ort_elsewhere, ort_program, probe, runtime
from validation.runtimes.elsewhere import NotHereError
from validation.runtimes.environments import find_python
from validation.runtimes.tiny import write_tiny
from validation.runtimes.vulkan import missing_driver

CPU = ort_program.CPU
ONE = {"x": np.array([[1.0, 2.0, 4.0]], np.float32)}

OPENVINO = runtime("onnxruntime-openvino")
WEBGPU = runtime("onnxruntime-webgpu")
CUDA = runtime("onnxruntime-cuda")
TF32 = runtime("onnxruntime-cuda-tf32")

H100 = {"card": "NVIDIA H100", "capability": [9, 0], "driver": "13.0"}
T4 = {"card": "Tesla T4", "capability": [7, 5], "driver": "12.4"}


def facts(name: str, **changed: Any) -> dict[str, Any]:
    """What a program tells where all is well."""
    provider = {"cuda": "CUDA", "webgpu": "WebGpu", "openvino": "OpenVINO"}[name] + "ExecutionProvider"
    device = {"cuda": H100, "webgpu": {"adapters": ["NVIDIA H100"]}, "openvino": {}}[name]
    options = {"use_tf32": "0"} if name == "cuda" else {}
    return {
        "version": "1.31.1",
        "providers": [provider, CPU],
        "options": options,
        "nodes": {provider: 7, CPU: 1},
        "on_cpu": ["shape_1 (Shape)"],
        **device,
        **changed,
    }


def test_the_device_string_has_card_precision_and_nodes() -> None:
    assert CUDA.describe(facts("cuda")) == (
        "ONNX Runtime 1.31.1, NVIDIA H100, CUDA 13.0, TF32 off, CUDAExecutionProvider runs 7 node(s), "
        "CPUExecutionProvider runs 1 node(s), on the CPU: shape_1 (Shape)"
    )
    assert TF32.describe(
        facts("cuda", options={"use_tf32": "1"}, nodes={"CUDAExecutionProvider": 3}, on_cpu=[])
    ) == ("ONNX Runtime 1.31.1, NVIDIA H100, CUDA 13.0, TF32 on, CUDAExecutionProvider runs 3 node(s)")
    assert WEBGPU.describe(facts("webgpu", adapters=["llvmpipe (LLVM 19)"])).startswith(
        "ONNX Runtime 1.31.1, adapter llvmpipe (LLVM 19), software GPU, fp32, WebGpuExecutionProvider runs 7"
    )


def test_many_nodes_on_the_cpu_are_counted() -> None:
    assert CUDA.describe(facts("cuda", on_cpu=[f"n{i} (Shape)" for i in range(7)])).endswith(
        "on the CPU: n0 (Shape), n1 (Shape), n2 (Shape), n3 (Shape), n4 (Shape) and 2 more"
    )


@pytest.mark.parametrize(
    ("row", "told", "why"),
    [
        pytest.param(CUDA, facts("cuda"), "", id="all-is-well"),
        pytest.param(
            CUDA,
            facts("cuda", providers=[CPU]),
            "ONNX Runtime chose CPUExecutionProvider instead of CUDAExecutionProvider",
            id="silent-fallback",
        ),
        pytest.param(
            CUDA,
            facts("cuda", nodes={CPU: 1}, on_cpu=["dense (Gemm)"]),
            "CUDAExecutionProvider took none of the nodes: dense (Gemm) ran on the CPU",
            id="no-node",
        ),
        pytest.param(
            CUDA,
            facts("cuda", options={"use_tf32": "1"}),
            "the provider did not take use_tf32=0",
            id="tf32-on-in-the-row-for-float32",
        ),
        pytest.param(
            TF32, facts("cuda"), "the provider did not take use_tf32=1", id="tf32-off-in-its-own-row"
        ),
        pytest.param(CUDA, {**facts("cuda"), "capability": [7, 5]}, "", id="float32-on-an-old-card"),
        pytest.param(
            CUDA,
            {name: fact for name, fact in facts("cuda").items() if name not in H100},
            "the CUDA driver names no GPU",
            id="no-card",
        ),
        pytest.param(WEBGPU, facts("webgpu"), "", id="one-adapter"),
        pytest.param(
            WEBGPU,
            facts("webgpu", adapters=["NVIDIA H100", "llvmpipe"]),
            "Vulkan offers these adapters: NVIDIA H100 and llvmpipe; name one driver in VK_DRIVER_FILES",
            id="which-adapter",
        ),
        pytest.param(
            WEBGPU,
            facts("webgpu", adapters=[]),
            "Vulkan offers these adapters: none; name one driver in VK_DRIVER_FILES",
            id="no-adapter",
        ),
        pytest.param(OPENVINO, facts("openvino"), "", id="second-engine-on-the-cpu"),
        pytest.param(
            OPENVINO,
            facts("openvino", providers=[CPU]),
            "ONNX Runtime chose CPUExecutionProvider instead of OpenVINOExecutionProvider",
            id="openvino-falls-back",
        ),
    ],
)
def test_what_proves_the_device(row: ort_elsewhere.OnnxElsewhere, told: dict[str, Any], why: str) -> None:
    assert row.find_unproven(told) == why


def test_a_card_without_tf32_is_not_here() -> None:
    told = {**facts("cuda", options={"use_tf32": "1"}), **T4}
    with pytest.raises(NotHereError) as caught:
        TF32.find_unproven(told)
    assert (caught.value.got, caught.value.fix) == (
        "Tesla T4, which has no TF32",
        "take a GPU from Ampere on; the row without -tf32 judges float32 on this one",
    )


@pytest.mark.skipif(find_python(ort_elsewhere.OPENVINO) is None, reason="run `make runtime-openvino`")
class TestOpenVino:
    def test_it_runs_here(self) -> None:
        found = probe("onnxruntime-openvino")
        assert (found.status, found.hint) == ("ok", "")
        assert found.device.endswith("OpenVINOExecutionProvider runs 1 node(s)")

    def test_an_option_that_it_does_not_know_is_no_pass(self, tmp_path: Path) -> None:
        """ONNX Runtime 1.24 then runs on the CPU in silence, even with its fallback switched off."""
        broken = ort_elsewhere.OnnxElsewhere(
            "onnxruntime-openvino",
            "OpenVINOExecutionProvider",
            ort_elsewhere.OPENVINO,
            "cpu",
            {"device_type": "CPU", "precision": "FP99"},
        )
        artifact = write_tiny("onnx", tmp_path)
        with broken.open(artifact) as session, pytest.raises(EdgeproofError) as caught:
            session.run(ONE)
        assert (
            caught.value.what == f"{artifact.entry_path} on onnxruntime-openvino: proving the device failed"
        )
        assert caught.value.got.startswith(
            "ONNX Runtime chose CPUExecutionProvider instead of OpenVINOExecutionProvider"
        )

    def test_strings_that_it_leaves_to_the_cpu_are_no_pass(self, tmp_path: Path) -> None:
        artifact = write("onnx", tmp_path, {"x": Port((None, 3), "string")}, {"y": Line("x")})
        feed = {"x": np.array([["a", "ä€", ""]])}
        with OPENVINO.open(artifact) as session, pytest.raises(EdgeproofError) as caught:
            session.run(feed)
        assert caught.value.got == (
            "OpenVINOExecutionProvider took none of the nodes: Identity_0 (Identity) ran on the CPU"
        )

    def test_a_build_without_the_provider_says_what_it_has(self, tmp_path: Path) -> None:
        other = ort_elsewhere.OnnxElsewhere(
            "onnxruntime-cuda", "CUDAExecutionProvider", ort_elsewhere.OPENVINO, "cuda"
        )
        with pytest.raises(EdgeproofError) as caught, other.open(write_tiny("onnx", tmp_path)):
            pass
        assert "has no CUDAExecutionProvider, only OpenVINOExecutionProvider" in caught.value.got


@pytest.mark.skipif(
    find_python(ort_elsewhere.WEBGPU) is None or missing_driver() is not None,
    reason="run `make runtime-webgpu`, and have a Vulkan driver",
)
class TestWebGpu:
    def test_it_runs_here_and_names_its_adapter(self) -> None:
        found = probe("onnxruntime-webgpu")
        assert (found.status, found.hint) == ("ok", "")
        assert ", adapter " in found.device
        assert ("software GPU" in found.device) == ("SwiftShader" in found.device)
        assert found.device.endswith("fp32, WebGpuExecutionProvider runs 1 node(s)")

    def test_without_a_driver_it_is_an_error_not_the_cpu(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("VK_ICD_FILENAMES", "VK_DRIVER_FILES"):
            monkeypatch.setenv(name, "/no/such/driver.json")
        found = probe("onnxruntime-webgpu")
        assert found.status == "error"
        assert "No supported adapters" in found.hint
