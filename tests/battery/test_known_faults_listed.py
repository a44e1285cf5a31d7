"""docs/known-faults.md and the tests of known faults are in step."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "known-faults.md"
NONE_FOUND = ("not reported upstream as far as we found", "not a fault")


def rows() -> list[list[str]]:
    """fault, here, upstream, tests of every row."""
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return [row for row in cells if row[0] != "fault"]


def named_in(row: list[str]) -> list[str]:
    return re.findall(r"`([^`]+)`", row[3])


def defined(path: Path) -> set[str]:
    """Every test in a file, those in classes too."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return {
        node.name for node in nodes if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0][:40])
def test_a_fault_is_cured_refused_or_caught_by_a_test_that_exists(row: list[str]) -> None:
    assert len(row) == 4
    assert set(row[1].split(", ")) <= {"cured", "refused", "caught"}
    assert "](https://github.com/" in row[2] or row[2].startswith(NONE_FOUND)
    assert named_in(row)
    for name in named_in(row):
        path, _, function = name.partition("::")
        assert (ROOT / path).is_file(), name
        assert not function or function in defined(ROOT / path), name


def test_every_test_of_a_known_fault_is_listed() -> None:
    listed = {name for row in rows() for name in named_in(row)}
    own = ("tests/battery/test_known_faults.py", "tests/battery/test_known_faults_web.py")
    assert {f"{path}::{name}" for path in own for name in defined(ROOT / path)} <= listed
