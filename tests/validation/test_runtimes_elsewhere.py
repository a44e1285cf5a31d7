"""Engines in other environments: how their facts are read, and that silence proves nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from converters.errors import EdgeproofError
from validation.runtimes import cuda, elsewhere, keras_jax, ort_elsewhere, ort_program, probe, runtime
from validation.runtimes.cuda import Card, has_nvidia
from validation.runtimes.elsewhere import NotHereError
from validation.runtimes.environments import VARIABLE, find_python
from validation.runtimes.tiny import write_tiny
from validation.runtimes.vulkan import missing_driver

ROOT = Path(elsewhere.__file__).resolve().parents[2]
CPU = ort_program.CPU
ONE = {"x": np.array([[1.0, 2.0, 4.0]], np.float32)}

OPENVINO = runtime("onnxruntime-openvino")
WEBGPU = runtime("onnxruntime-webgpu")
CUDA = runtime("onnxruntime-cuda")
TF32 = runtime("onnxruntime-cuda-tf32")
JAX = runtime("keras-jax-cpu")
KERAS_GPU = runtime("keras-gpu")
KERAS_TF32 = runtime("keras-gpu-tf32")

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
    with pytest.raises(NotHereError, match=r"^Tesla T4 has no TF32: GPUs from Ampere on do$"):
        TF32.find_unproven(told)


def test_nodes_are_counted_once_however_many_kernels_they_start() -> None:
    def event(name: str, provider: str, op: str) -> dict[str, Any]:
        return {"cat": "Node", "name": f"{name}_kernel_time", "args": {"provider": provider, "op_name": op}}

    events = [
        {"cat": "Session", "name": "model_run", "args": {}},
        event("conv", "CUDAExecutionProvider", "Conv"),
        event("conv", "CUDAExecutionProvider", "Conv"),
        event("dense", "CUDAExecutionProvider", "Gemm"),
        event("size", CPU, "Shape"),
    ]
    assert ort_program.count_nodes(events) == {
        "nodes": {CPU: 1, "CUDAExecutionProvider": 2},
        "on_cpu": ["size (Shape)"],
    }


@pytest.mark.parametrize("name", ["onnxruntime-cuda", "onnxruntime-cuda-tf32", "keras-gpu", "keras-gpu-tf32"])
def test_without_an_nvidia_gpu_it_is_unavailable(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (ort_elsewhere, keras_jax):
        monkeypatch.setattr(module, "has_nvidia", lambda: False)
    found = probe(name)
    assert (found.status, found.hint) == (
        "unavailable",
        "no NVIDIA GPU here: neither /dev/nvidia* nor /dev/dxg exists",
    )


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("onnxruntime-openvino", "make runtime-openvino"),
        ("onnxruntime-cuda", "make runtime-cuda"),
        ("keras-jax-cpu", "make runtime-jax"),
        ("keras-gpu", "make runtime-cuda"),
    ],
)
def test_without_its_environment_the_command_that_makes_one_is_told(
    name: str, command: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv(VARIABLE, raising=False)
    for module in (ort_elsewhere, keras_jax):
        monkeypatch.setattr(module, "has_nvidia", lambda: True)
    found = probe(name)
    assert found.status == "unavailable"
    assert found.hint.startswith(f"run `{command}`, or `python3 -m venv ~/.cache/edgeproof/runtimes/")


def test_the_second_engine_on_the_cpu_is_in_its_group_where_it_is_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for found, groups in ((None, frozenset()), (Path("python"), frozenset({"cpu"}))):
        for module in (ort_elsewhere, keras_jax):
            monkeypatch.setattr(module, "find_python", lambda _, found=found: found)
        assert OPENVINO.groups == JAX.groups == groups
        assert CUDA.groups == KERAS_GPU.groups == frozenset({"gpu"})


def test_tf32_is_off_in_the_driver_too_for_the_rows_of_float32() -> None:
    assert CUDA._variables() == {"NVIDIA_TF32_OVERRIDE": "0"}
    assert TF32._variables() == {}
    assert KERAS_GPU._variables() == {
        "JAX_PLATFORMS": "cuda",
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
        "NVIDIA_TF32_OVERRIDE": "0",
    }
    assert "NVIDIA_TF32_OVERRIDE" not in KERAS_TF32._variables()
    assert [CUDA.arithmetic, TF32.arithmetic, KERAS_GPU.arithmetic, KERAS_TF32.arithmetic] == [
        "float32",
        "tf32",
        "float32",
        "tf32",
    ]


def test_a_row_named_after_the_gpu_that_ran_on_the_cpu_is_not_here() -> None:
    told = {"platforms": ["cpu"], "devices": ["cpu"], "precision": "float32"}
    with pytest.raises(NotHereError, match=r"^JAX computed on cpu, not on gpu$"):
        KERAS_GPU.find_unproven(told)
    assert JAX.find_unproven(told) == ""


def test_the_precision_that_jax_took_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keras_jax, "first_card", lambda: Card("NVIDIA H100", (9, 0), "13.0"))
    told = {"platforms": ["gpu"], "devices": ["NVIDIA H100"], "precision": "tensorfloat32"}
    assert KERAS_GPU.find_unproven(told) == "JAX took the precision tensorfloat32, not float32"
    assert KERAS_TF32.find_unproven(told) == ""
    assert KERAS_TF32.describe({"keras": "3.15.1", "jax": "0.10.2", **told}) == (
        "Keras 3.15.1 on JAX 0.10.2, NVIDIA H100, products in tensorfloat32"
    )
    monkeypatch.setattr(keras_jax, "first_card", lambda: Card("Tesla T4", (7, 5), "12.4"))
    with pytest.raises(NotHereError, match=r"^Tesla T4 has no TF32: GPUs from Ampere on do$"):
        KERAS_TF32.find_unproven(told)


class FakeDriver:
    """`libcuda` as `ctypes` shows it."""

    def __init__(self, status: int = 0) -> None:
        self.cuInit = lambda flags: status

    def cuDeviceGet(self, device: Any, number: int) -> int:  # noqa: N802
        device._obj.value = 4 + number
        return 0

    def cuDeviceGetName(self, name: Any, size: int, device: Any) -> int:  # noqa: N802
        name.value = f"GPU {device.value}".encode()
        return 0

    def cuDriverGetVersion(self, version: Any) -> int:  # noqa: N802
        version._obj.value = 12040
        return 0

    def cuDeviceGetAttribute(self, value: Any, number: int, device: Any) -> int:  # noqa: N802
        value._obj.value = {75: 8, 76: 6}[number]
        return 0


@pytest.mark.parametrize(
    ("driver", "card"),
    [(FakeDriver(), Card("GPU 4", (8, 6), "12.4")), (FakeDriver(status=100), None), (None, None)],
    ids=["one-gpu", "no-gpu", "no-driver"],
)
def test_the_driver_names_the_card(
    driver: FakeDriver | None, card: Card | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cuda, "_load", lambda: driver)
    assert cuda.first_card() == card


@pytest.mark.parametrize("module", ["ort_program", "keras_program"])
def test_a_program_gets_by_with_numpy_alone(module: str) -> None:
    """In its environment nothing else of edgeproof's is installed."""
    script = (
        "import sys\n"
        "class Nothing:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        allowed = {'numpy', 'converters', 'validation', *sys.stdlib_module_names}\n"
        "        if name.partition('.')[0] not in allowed: raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Nothing())\n"
        f"import validation.runtimes.{module}\n"
    )
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True)


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


@pytest.mark.skipif(find_python(keras_jax.JAX) is None, reason="run `make runtime-jax`")
class TestJax:
    def test_it_opens_the_original_here(self) -> None:
        found = probe("keras-jax-cpu")
        assert (found.status, found.hint) == ("ok", "")
        assert " on JAX " in found.device
        assert ", cpu, " in found.device

    def test_without_cuda_the_row_for_the_gpu_is_no_pass(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(keras_jax, "JAX_CUDA", keras_jax.JAX)
        monkeypatch.setattr(keras_jax, "has_nvidia", lambda: True)
        found = probe("keras-gpu")
        assert found.status == "error"
        assert "finds no cuda device" in found.hint


@pytest.mark.skipif(
    find_python(ort_elsewhere.CUDA) is None or has_nvidia(),
    reason="run `make runtime-cuda`, where there is no GPU",
)
class TestCudaWithoutGpu:
    """The real CUDA builds, for whose silence all of this is made."""

    @pytest.fixture(autouse=True)
    def _pretend(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for module in (ort_elsewhere, keras_jax):
            monkeypatch.setattr(module, "has_nvidia", lambda: True)

    def test_onnx_runtime_runs_on_the_cpu_and_is_caught(self) -> None:
        found = probe("onnxruntime-cuda")
        assert found.status == "error"
        assert found.hint.startswith(
            "proving the device failed: ONNX Runtime chose CPUExecutionProvider instead of "
            "CUDAExecutionProvider\n"
        )
        assert "libcuda.so.1: cannot open shared object file" in found.hint

    def test_jax_finds_no_gpu(self) -> None:
        found = probe("keras-gpu")
        assert found.status == "error"
        assert "finds no cuda device" in found.hint
