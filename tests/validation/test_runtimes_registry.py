"""Choosing runtimes by name, pattern and group, and trying each."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from converters.errors import EdgeproofError
from tests.validation.dense_files import write_dense
from validation.runtimes import RUNTIMES, probe, select
from validation.runtimes.environments import VARIABLE
from validation.runtimes.probing import _fault
from validation.runtimes.tiny import BIAS, WEIGHTS, write_tiny

CPU = [
    "litert-cpu",
    "litert-reference",
    "onnxruntime-cpu",
    "onnxruntime-unoptimized",
    "tfjs-node-cpu",
    "tfjs-node-wasm",
]
ORT_ON_GPU = ("onnxruntime-webgpu", "onnxruntime-cuda", "onnxruntime-cuda-tf32")
BROWSERS = ("chromium", "firefox")


@pytest.mark.parametrize(
    ("patterns", "format", "names"),
    [
        (("all",), None, list(RUNTIMES)),
        (("cpu",), None, CPU),
        (
            ("web",),
            "tflite",
            [*(f"{b}-litert-{k}" for b in BROWSERS for k in ("wasm", "webgpu")), "webkit-litert-wasm"],
        ),
        (("gpu",), "onnx", [*ORT_ON_GPU, *(f"{browser}-ort-webgpu" for browser in BROWSERS)]),
        (("cpu",), "onnx", ["onnxruntime-cpu", "onnxruntime-unoptimized"]),
        (("chromium-*gl",), None, ["chromium-tfjs-webgl"]),
        (("tfjs-*",), None, ["tfjs-node-cpu", "tfjs-node-wasm"]),
        (("*-cpu",), "tflite", ["litert-cpu"]),
        (
            ("tfjs-node-wasm", "litert-cpu", "litert-*"),
            None,
            ["litert-cpu", "litert-reference", "litert-gpu", "litert-gpu-f16", "tfjs-node-wasm"],
        ),
        ((), None, []),
    ],
)
def test_select(
    patterns: tuple[str, ...],
    format: str | None,
    names: list[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))  # without environments, of which one adds a runtime to "cpu"
    monkeypatch.delenv(VARIABLE, raising=False)
    assert [row.name for row in select(patterns, format)] == names


@pytest.mark.parametrize("pattern", ["litert-tpu", "netscape-*", ""])
def test_a_runtime_that_does_not_exist_is_an_error(pattern: str) -> None:
    with pytest.raises(EdgeproofError) as caught:
        select(("litert-cpu", pattern))
    assert str(caught.value) == (
        f"{pattern}: no such runtime\n"
        f"  got:  {pattern!r}\n"
        f"  want: one of {', '.join(RUNTIMES)}; or a group: cpu, web, gpu, all\n"
        "  fix:  name one of these, or a shell pattern such as 'litert-*'"
    )


def test_every_cpu_runtime_passes_its_probe_within_seconds() -> None:
    start = time.monotonic()
    found = [probe(name) for name in CPU]
    assert [(row.name, row.status, row.hint) for row in found] == [(name, "ok", "") for name in CPU]
    assert all(row.device for row in found)
    assert time.monotonic() - start < 15


def test_probing_leaves_the_function_in_its_place() -> None:
    """A submodule called `probe` would replace it once it is imported."""
    from validation import runtimes

    assert runtimes.probe("litert-cpu") == runtimes.probe("litert-cpu")


def test_a_probe_notices_a_wrong_number() -> None:
    batch = np.ones((1, 3), np.float32)
    right = batch @ WEIGHTS + BIAS
    assert _fault(right, batch) == ""
    assert _fault(right + np.float32(0.5), batch) == (
        "a dense layer gives [[1.875, 9.5]] where [[1.375, 9.0]] is right"
    )


def test_a_runtime_that_is_broken_is_an_error_with_its_reason(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "node.cjs").write_text("throw new Error('half installed');")
    monkeypatch.setattr("validation.runtimes.tfjs_node.DIST", tmp_path)
    found = probe("tfjs-node-cpu")
    assert (found.status, found.device) == ("error", "")
    assert "node ended with exit status 1" in found.hint
    assert "Error: half installed" in found.hint


def test_a_provider_that_was_not_asked_for_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    import onnxruntime

    monkeypatch.setattr(onnxruntime.InferenceSession, "get_providers", lambda _: ["AzureExecutionProvider"])
    found = probe("onnxruntime-cpu")
    assert (found.status, found.hint) == (
        "error",
        "opening the file failed: ONNX Runtime chose AzureExecutionProvider instead of CPUExecutionProvider",
    )


@pytest.mark.parametrize("format", ["tflite", "onnx", "tfjs"])
def test_the_tiny_models_are_what_their_maker_makes(format: str, tmp_path: Path) -> None:
    made = write_dense(format, tmp_path / "made", WEIGHTS, BIAS)
    assert write_tiny(format, tmp_path / "shipped") == replace(made, directory=tmp_path / "shipped")


def test_no_probe_imports_tensorflow() -> None:
    script = (
        "import sys; from validation.runtimes import probe; "
        "[probe(name) for name in ('litert-cpu', 'litert-reference', 'onnxruntime-cpu')]; "
        "sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)
