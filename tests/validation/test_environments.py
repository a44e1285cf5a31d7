"""Finding the Python environments of engines, without starting any of them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from validation.runtimes.environments import VARIABLE, Environment, find_python, how_to_make

ENGINE = Environment("abacus", "'abacus[beads]'", ("abacus-core", "beads-13|beads-12"))


def make(root: Path, *packages: str, library: str = "lib/python3.12/site-packages") -> Path:
    """An environment's interpreter, with these packages beside it."""
    for package in packages:
        (root / library / f"{package}.dist-info").mkdir(parents=True)
    python = root / "bin" / "python"
    python.parent.mkdir(parents=True, exist_ok=True)
    python.write_text("#!/bin/sh\n")
    python.chmod(0o755)
    return python


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A home without environments."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv(VARIABLE, raising=False)
    return tmp_path


def test_where_make_puts_it(home: Path) -> None:
    python = make(home / ".cache/edgeproof/runtimes/abacus", "abacus_core-1.0", "beads_12-3")
    assert find_python(ENGINE) == python


@pytest.mark.parametrize(
    "packages", [(), ("abacus_core-1.0",), ("beads_13-1",), ("abacus_core_extra-1.0", "beads_13-1")]
)
def test_an_environment_without_all_packages_is_none(home: Path, packages: tuple[str, ...]) -> None:
    make(home / ".cache/edgeproof/runtimes/abacus", *packages)
    assert find_python(ENGINE) is None


def test_this_environment_counts() -> None:
    assert find_python(Environment("numpy", "numpy", ("numpy",))) == Path(sys.executable)


@pytest.mark.parametrize("named", ["environment", "interpreter"])
def test_what_is_named_comes_first(named: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(home / ".cache/edgeproof/runtimes/abacus", "abacus_core-1.0", "beads_12-3")
    other = make(home / "other", "abacus_core-2.0", "beads_13-3", library="lib/python3/dist-packages")
    empty = make(home / "empty")
    path = other if named == "interpreter" else home / "other"
    monkeypatch.setenv(VARIABLE, os.pathsep.join(["/no/such/python", str(empty), str(path)]))
    assert find_python(ENGINE) == other


def test_a_link_to_another_python_is_the_environment_that_it_lies_in(home: Path) -> None:
    python = make(home / ".cache/edgeproof/runtimes/abacus", "abacus_core-1.0", "beads_12-3")
    system = make(home / "system")
    python.unlink()
    python.symlink_to(system)
    assert find_python(ENGINE) == python


def test_the_hint_can_be_pasted_into_a_shell() -> None:
    place = "~/.cache/edgeproof/runtimes/abacus"
    assert how_to_make(ENGINE) == (
        f"run `make runtime-abacus`, or `python3 -m venv {place} && {place}/bin/pip install "
        "'abacus[beads]'`, or name a Python that has it with --runtime-python or EDGEPROOF_RUNTIME_PYTHON"
    )
