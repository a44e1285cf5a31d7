"""CUDA: the card that the driver names, TF32 off, and what its builds do where there is no GPU."""

from __future__ import annotations

from typing import Any

import pytest

from validation.runtimes import cuda, keras_jax, ort_elsewhere, probe, runtime
from validation.runtimes.cuda import Card, has_nvidia
from validation.runtimes.environments import find_python

CUDA = runtime("onnxruntime-cuda")
TF32 = runtime("onnxruntime-cuda-tf32")
KERAS_GPU = runtime("keras-gpu")
KERAS_TF32 = runtime("keras-gpu-tf32")


@pytest.mark.parametrize("name", ["onnxruntime-cuda", "onnxruntime-cuda-tf32", "keras-gpu", "keras-gpu-tf32"])
def test_without_an_nvidia_gpu_it_is_unavailable(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (ort_elsewhere, keras_jax):
        monkeypatch.setattr(module, "has_nvidia", lambda: False)
    found = probe(name)
    assert (found.status, found.hint) == (
        "unavailable",
        "no NVIDIA GPU here: neither /dev/nvidia* nor /dev/dxg exists",
    )


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
