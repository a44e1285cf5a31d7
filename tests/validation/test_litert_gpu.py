"""LiteRT on the GPU: what proves it, and what is said where there is none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from converters.errors import EdgeproofError
from validation.runtimes import runtime
from validation.runtimes.litert_gpu import find_lacking
from validation.runtimes.tiny import write_tiny

HINT = runtime("litert-gpu").missing()
pytestmark = pytest.mark.skipif(HINT is not None, reason=str(HINT))


def probe(name: str = "litert-gpu", **variables: str) -> str:
    """In a process of its own, since Vulkan is chosen once: status, device and hint."""
    script = (
        f"from validation.runtimes import probe; r = probe({name!r});"
        "print(r.status, r.device, ' '.join(r.hint.split()))"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(
        command, env={**os.environ, **variables}, capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()[-1]


def test_it_computes_on_the_adapter_that_it_names() -> None:
    answer = probe()
    assert answer.startswith("ok LiteRT ")
    assert ", GPU accelerator, adapter " in answer
    assert ("software GPU" in answer) == ("SwiftShader" in answer or "llvmpipe" in answer)


def test_without_an_adapter_nothing_is_proven_though_the_engine_runs() -> None:
    answer = probe(
        "litert-gpu", VK_ICD_FILENAMES="/no/such/driver.json", VK_DRIVER_FILES="/no/such/driver.json"
    )
    assert answer.startswith("error ")
    assert "No adapters found" in answer


def test_float16_is_measured_not_believed() -> None:
    """Here on a software adapter, which has none: LiteRT computes in float32 without a word."""
    answer = probe("litert-gpu-f16")
    if "SwiftShader" in answer:
        assert answer.startswith("unavailable  the adapter has no float16: float32 on SwiftShader Device")
    else:
        assert answer.startswith(("ok ", "unavailable "))


def test_the_row_for_float32_is_an_error_where_float16_is_measured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("validation.runtimes.litert_gpu._measure_arithmetic", lambda _: "float16")
    artifact = write_tiny("tflite", tmp_path)
    with pytest.raises(EdgeproofError) as caught, runtime("litert-gpu").open(artifact):
        pass
    assert (caught.value.what, caught.value.got) == (
        f"{artifact.entry_path} on litert-gpu: proving the device failed",
        "it computes in float16, though float32 is enforced",
    )


def test_float16_where_it_is_measured_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("validation.runtimes.litert_gpu._measure_arithmetic", lambda _: "float16")
    with runtime("litert-gpu-f16").open(write_tiny("tflite", tmp_path)) as session:
        assert session.device.endswith(", fp16")


def test_ops_that_the_accelerator_lacks_are_named_once() -> None:
    log = [
        "ERROR: Following operations are not supported by GPU delegate:",
        "GATHER: Only support 1D indices",
        "WHILE: Operation is not supported.",
        "13 operations will run on the GPU, and the remaining 14 operations will run on the CPU.",
        "INFO: Initializing",
        "ERROR: Following operations are not supported by GPU delegate:",
        "GATHER: Only support 1D indices",
        "16 operations will run on the GPU, and the remaining 7 operations will run on the CPU.",
    ]
    assert find_lacking(log) == ["GATHER: Only support 1D indices", "WHILE: Operation is not supported"]
    assert find_lacking(["INFO: Initializing", "WHILE: Operation is not supported."]) == []
