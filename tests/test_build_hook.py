"""The hook that bundles the JavaScript programs: it must not pack ones of other sources."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]
INTERFACE = "hatchling.builders.hooks.plugin.interface"
REFUSAL = (
    "validation/runtimes/js/dist is not built from the sources here, and npm is not here to build it.\n"
    "  want: npm of Node 20 or newer on the PATH\n"
    "  fix:  install Node, or build the wheel where `make setup` has run"
)


@pytest.fixture
def hook(monkeypatch):
    """The module, with a stand-in for hatchling, which is installed only where wheels are built."""
    parts = INTERFACE.split(".")
    for end in range(1, len(parts) + 1):
        monkeypatch.setitem(sys.modules, ".".join(parts[:end]), ModuleType(parts[end - 1]))
    monkeypatch.setattr(sys.modules[INTERFACE], "BuildHookInterface", object, raising=False)
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def tree(hook, tmp_path, monkeypatch):
    """Sources, programs that were made from them, and no npm."""
    monkeypatch.setenv("PATH", str(tmp_path))
    folder = tmp_path / hook.FOLDER
    (folder / "src").mkdir(parents=True)
    (folder / "dist").mkdir()
    for name in ("build.mjs", "package.json", "package-lock.json", "src/node.ts"):
        (folder / name).write_text(name)
    (tmp_path / hook.STAMP).write_text(hook.sources_sha256(folder) + "\n")
    return folder


def build(hook, tree, version="standard"):
    bundle = hook.BundleJavaScript()
    bundle.root = str(tree.parents[2])
    bundle.initialize(version, {})


def test_programs_of_these_sources_are_packed_as_they_are(hook, tree):
    build(hook, tree)


@pytest.mark.parametrize("name", ["src/node.ts", "src/new.ts", "package-lock.json", "build.mjs"])
def test_programs_of_other_sources_are_not_packed(hook, tree, name):
    (tree / name).write_text("changed")
    with pytest.raises(RuntimeError, match=f"^{re.escape(REFUSAL)}$"):
        build(hook, tree)


def test_programs_that_do_not_say_what_they_were_made_from_are_not_packed(hook, tree):
    (tree / "dist" / "sources.sha256").unlink()
    with pytest.raises(RuntimeError, match=f"^{re.escape(REFUSAL)}$"):
        build(hook, tree)


def test_an_editable_install_is_left_alone(hook, tree):
    (tree / "dist" / "sources.sha256").unlink()
    build(hook, tree, version="editable")


def test_build_mjs_and_the_hook_agree_on_the_hash(hook):
    stamp = ROOT / hook.STAMP
    if not stamp.exists():
        pytest.skip("the programs aren't bundled here")
    stale = "run `make setup`: the bundled programs are older than their sources"
    assert stamp.read_text().strip() == hook.sources_sha256(ROOT / hook.FOLDER), stale
