"""Imports point left: converters ◄ validation ◄ pipeline ◄ samples; and none of them loads TensorFlow."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ORDER = ("converters", "validation", "pipeline", "samples")
HEAVY = frozenset(
    {
        "tensorflow",
        "keras",
        "tf_keras",
        "tensorflowjs",
        "onnx",
        "tf2onnx",
        "onnxruntime",
        "ai_edge_litert",
        "ai_edge_quantizer",
        "h5py",
        "PIL",
        "jinja2",
        "rich",
    }
)
"""What may be imported only inside the function that needs it."""


def files() -> list[Path]:
    found = [path for package in ORDER for path in (ROOT / package).rglob("*.py")]
    return sorted(path for path in found if "node_modules" not in path.parts)


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(tree: ast.AST) -> Iterator[str]:
    """Every module that is imported anywhere in a file; relative ones stay in their package."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module or ""


def to_the_right(package: str, tree: ast.AST) -> list[str]:
    forbidden = {*ORDER[ORDER.index(package) + 1 :], "tests", "bench"}
    return [name for name in imported(tree) if name.partition(".")[0] in forbidden]


@pytest.mark.parametrize("path", files(), ids=module_name)
def test_imports_point_left(path):
    package = path.relative_to(ROOT).parts[0]
    assert to_the_right(package, ast.parse(path.read_text(encoding="utf-8"))) == []


def test_an_arrow_to_the_right_is_seen_even_inside_a_function():
    tree = ast.parse("def f():\n    from pipeline.worker import Worker\n    import samples.digits\n")
    assert to_the_right("validation", tree) == ["pipeline.worker", "samples.digits"]
    assert to_the_right("samples", tree) == []


SCRIPT = """
import importlib, json, sys
heavy = set(json.loads(sys.argv[1]))
found = {}
for name in json.loads(sys.argv[2]):
    before = heavy & set(sys.modules)
    importlib.import_module(name)
    loaded = (heavy & set(sys.modules)) - before
    if loaded:
        found[name] = sorted(loaded)
print(json.dumps(found))
"""


def heavy_imports(modules: list[str], directory: Path = ROOT) -> dict[str, list[str]]:
    """Which module loaded which heavy package first, all imported one after the other in one process."""
    command = [sys.executable, "-c", SCRIPT, json.dumps(sorted(HEAVY)), json.dumps(modules)]
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_no_module_loads_a_framework_when_it_is_imported():
    assert heavy_imports([module_name(path) for path in files()]) == {}


def test_a_module_that_loads_one_is_named(tmp_path):
    (tmp_path / "innocent.py").write_text("import json")
    (tmp_path / "guilty.py").write_text("import onnxruntime")
    assert heavy_imports(["innocent", "guilty"], tmp_path) == {"guilty": ["onnxruntime"]}
