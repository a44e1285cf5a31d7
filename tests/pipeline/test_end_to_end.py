"""The real thing, with a tiny network: a few commands in processes of their own, as users run them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import pipeline
from tests.zoo import ZOO

ROOT = Path(pipeline.__file__).parent.parent
TARGETS = ("tflite:float32", "tflite:int8", "tfjs:uint8", "onnx:float32")
RECIPE = f"""
[model]
name = "tiny"
path = "tiny.keras"
[export]
targets = {list(TARGETS)}
[validate]
runtimes = ["cpu"]
"""


def edgeproof(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "pipeline.cli", *arguments]
    return subprocess.run(
        command, cwd=directory, env=environment, capture_output=True, text=True, check=False, timeout=280
    )


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory in which a recipe has been run."""
    directory = tmp_path_factory.mktemp("tiny")
    ZOO["conv2d_batchnorm"].build().save(directory / "tiny.keras")
    (directory / "recipe.toml").write_text(RECIPE)
    ran = edgeproof(directory, "run")
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stdout
    return directory


def test_every_export_passes_on_every_runtime(done):
    result = json.loads((done / "build/tiny/result.json").read_text())
    assert result["ok"] is True
    rows = [(row["target"], row["runtime"], row["verdict"]) for row in result["verdicts"]]
    assert {verdict for _, _, verdict in rows} == {"pass"}, (
        "engines in environments of their own pass as well"
    )
    usual = [
        ("tflite:float32", "litert-cpu", "pass"),
        ("tflite:float32", "litert-reference", "pass"),
        ("tflite:int8", "litert-cpu", "pass"),
        ("tflite:int8", "litert-reference", "pass"),
        ("tfjs:uint8", "tfjs-node-cpu", "pass"),
        ("tfjs:uint8", "tfjs-node-wasm", "pass"),
        ("onnx:float32", "onnxruntime-cpu", "pass"),
        ("onnx:float32", "onnxruntime-unoptimized", "pass"),
    ]
    assert [row for row in rows if row in usual] == usual


def test_the_bundle_is_whole_and_says_what_was_proven(done):
    bundle = done / "bundles/tiny/0.0.0"
    assert edgeproof(done, "package", "--verify", str(bundle)).returncode == 0
    manifest = json.loads((bundle / "manifest.json").read_text())
    assert [export["target"] for export in manifest["exports"]] == list(TARGETS)
    assert str(done) not in (bundle / "manifest.json").read_text()
    assert str(ROOT) not in (bundle / "manifest.json").read_text()


def test_nothing_but_results_is_left(done):
    assert [path.name for path in done.rglob(".*")] == [".steps"]


def test_another_process_exports_the_same_bytes(done):
    exported = edgeproof(done, "export", "tiny.keras", "-t", *TARGETS, "-o", "again")
    assert exported.returncode == 0, exported.stderr
    artifacts = done / "build/tiny/artifacts"
    for path in filter(Path.is_file, artifacts.rglob("*")):
        again = done / "again" / path.relative_to(artifacts)
        assert again.read_bytes() == path.read_bytes(), path
    assert sorted(path.name for path in (done / "again").iterdir()) == [
        "edgeproof.log",
        "onnx-float32",
        "tfjs-uint8",
        "tflite-float32",
        "tflite-int8",
    ]


def test_shipped_files_are_judged_as_anybody_elses(done):
    bundle = done / "bundles/tiny/0.0.0"
    files = [str(bundle / "tflite-float32/model.tflite"), str(bundle / "onnx-float32/model.onnx")]
    judged = edgeproof(
        done, "validate", "tiny.keras", *files, "--runtime", "litert-cpu", "onnxruntime-cpu", "--json", "-"
    )
    assert judged.returncode == 0, judged.stderr
    result = json.loads(judged.stdout)
    assert [(Path(row["artifact"]).name, row["verdict"]) for row in result["verdicts"]] == [
        ("model.tflite", "pass"),
        ("model.onnx", "pass"),
    ]


@pytest.mark.heavy
def test_a_wrong_custom_object_is_named(done):
    wrong = edgeproof(
        done, "export", "tiny.keras", "-t", "onnx", "-o", "no", "--custom-objects", "nowhere:Scale"
    )
    assert wrong.returncode == 2
    assert wrong.stderr.startswith(
        "error: nowhere:Scale: no module of that name\n"
        "  got:  No module named 'nowhere'\n"
        f"  want: nowhere.py in {done}\n"
    )
    assert wrong.stderr.endswith(f"log: {done}/no/edgeproof.log\n")
