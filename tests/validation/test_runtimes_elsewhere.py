"""Engines in environments of their own: when they count, and what their programs get by with."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from validation.runtimes import elsewhere, keras_jax, ort_elsewhere, probe, runtime
from validation.runtimes.environments import VARIABLE

ROOT = Path(elsewhere.__file__).resolve().parents[2]


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
        on_cpu = {runtime(name).groups for name in ("onnxruntime-openvino", "keras-jax-cpu")}
        on_gpu = {runtime(name).groups for name in ("onnxruntime-cuda", "keras-gpu")}
        assert (on_cpu, on_gpu) == ({groups}, {frozenset({"gpu"})})


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
