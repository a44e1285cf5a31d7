"""LiteRT on the GPU: what proves it, and what is said where there is none."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from validation.runtimes import runtime

HINT = runtime("litert-gpu").missing()
pytestmark = pytest.mark.skipif(HINT is not None, reason=str(HINT))


def probe(**variables: str) -> str:
    """In a process of its own, since Vulkan is chosen once: status, device and hint."""
    script = (
        "from validation.runtimes import probe; r = probe('litert-gpu');"
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
    answer = probe(VK_ICD_FILENAMES="/no/such/driver.json", VK_DRIVER_FILES="/no/such/driver.json")
    assert answer.startswith("error ")
    assert "No adapters found" in answer
