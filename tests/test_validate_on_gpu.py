"""`scripts/validate_on_gpu.sh` up to the command that it hands over to, with devices in a folder."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "scripts/validate_on_gpu.sh"
REQUIRED = "--require onnxruntime-cuda keras-gpu"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A clone: the script, which looks for devices in its folder `dev`, and a recipe."""
    script = tmp_path / "scripts" / SCRIPT.name
    script.parent.mkdir()
    script.write_text(SCRIPT.read_text().replace(" /dev/", f" {tmp_path}/dev/"))
    program(script.with_name("runtime.sh"), "installing")
    (tmp_path / "dev").mkdir()
    (tmp_path / "recipe.toml").touch()
    return tmp_path


def program(path: Path, says: str) -> None:
    """A program that prints what it is called with."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'#!/bin/sh\necho "{says} $*"\n')
    path.chmod(0o755)


def run(root: Path, *arguments: str, **variables: str) -> tuple[int, str, str]:
    done = subprocess.run(
        ["sh", f"{root}/scripts/{SCRIPT.name}", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=root,
        env={"PATH": os.environ["PATH"], "HOME": str(root / "home"), **variables},
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("device", ["nvidia0", "dxg"])
def test_either_kind_of_device_is_a_gpu(root: Path, device: str) -> None:
    (root / "dev" / device).touch()
    program(root / "home/.cache/edgeproof/runtimes/cuda/bin/python", "python")
    program(root / ".venv/bin/edgeproof", "edgeproof")
    assert run(root, "recipe.toml", "-t", "onnx:*") == (
        0, f"edgeproof validate recipe.toml --runtime cpu gpu -t onnx:* {REQUIRED}\n", "",
    )  # fmt: skip


@pytest.mark.parametrize("device", [None, "nvidiactl"])
def test_without_one_nothing_is_installed(root: Path, device: str | None) -> None:
    if device:
        (root / "dev" / device).touch()
    status, printed, said = run(root, "recipe.toml")
    assert (status, printed, said.splitlines()[0]) == (4, "", "There is no NVIDIA GPU here")
    assert not (root / "home").exists()


@pytest.mark.parametrize(
    ("folder", "installs"),
    [(None, "cuda"), ("wheels", "cuda --no-index --find-links {root}/wheels")],
    ids=["from-the-network", "from-wheels-beside-it"],
)
def test_the_environment_is_made_first(root: Path, folder: str | None, installs: str) -> None:
    (root / "dev/nvidia0").touch()
    if folder:
        (root / folder).mkdir()
    program(root / ".venv/bin/edgeproof", "edgeproof")
    status, printed, _ = run(root, "recipe.toml")
    assert (status, printed.splitlines()[0]) == (0, "installing " + installs.format(root=root))


def test_wheels_that_are_named_must_be_there(root: Path) -> None:
    (root / "dev/nvidia0").touch()
    assert run(root, "recipe.toml", WHEELS="/no/such") == (
        2,
        "",
        "WHEELS names no directory\n"
        "  got:  /no/such\n"
        "  want: the directory that pip download filled\n"
        "  fix:  correct it, or leave it out to install from the network\n",
    )


def test_what_was_carried_needs_no_edgeproof_of_its_own(root: Path) -> None:
    (root / "dev/nvidia0").touch()
    program(root / "home/.cache/edgeproof/runtimes/cuda/bin/python", "python")
    record = root / "exports/carried/record.json"
    record.parent.mkdir(parents=True)
    record.touch()
    assert run(root, "exports") == (
        0, f"python -m pipeline.cli validate exports --runtime gpu {REQUIRED}\n", "",
    )  # fmt: skip


def test_a_recipe_needs_edgeproof(root: Path) -> None:
    (root / "dev/nvidia0").touch()
    program(root / "home/.cache/edgeproof/runtimes/cuda/bin/python", "python")
    assert run(root, "recipe.toml") == (
        2,
        "",
        "edgeproof is not installed\n"
        f"  got:  no {root}/.venv\n"
        "  want: TensorFlow and the converters, for a recipe\n"
        "  fix:  make setup; or carry the exports here, which need neither: docs/gpu.md\n",
    )


@pytest.mark.parametrize(("arguments", "got"), [((), "no argument"), (("nowhere",), "nowhere")])
def test_something_must_be_named(root: Path, arguments: tuple[str, ...], got: str) -> None:
    assert run(root, *arguments) == (
        2,
        "",
        "Nothing to validate\n"
        f"  got:  {got}\n"
        "  want: a recipe, or a directory that edgeproof carry filled\n"
        "  fix:  scripts/validate_on_gpu.sh samples/digits/recipe.toml\n",
    )
