"""Whether the files of an artifact are the ones that were recorded."""

from __future__ import annotations

from pathlib import Path

import pytest

from converters.artifact import check_files, record_files
from converters.errors import EdgeproofError


def fault(directory: Path, *, alone: bool) -> str:
    records = record_files(directory)
    (directory / "model.onnx").write_bytes(b"other")
    (directory / "weights.bin").unlink()
    (directory / "neighbour.txt").write_bytes(b"new")
    with pytest.raises(EdgeproofError) as caught:
        check_files(directory, records, alone=alone)
    return str(caught.value)


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    (tmp_path / "model.onnx").write_bytes(b"model")
    (tmp_path / "weights.bin").write_bytes(b"weights")
    return tmp_path


def test_unchanged_files_pass(artifact: Path) -> None:
    check_files(artifact, record_files(artifact))
    check_files(artifact, record_files(artifact), alone=False)


def test_every_fault_is_named(artifact: Path) -> None:
    assert fault(artifact, alone=True) == (
        f"{artifact}: files are not the ones that were recorded\n"
        "  got:  weights.bin is missing; neighbour.txt is not in the record; model.onnx has other bytes\n"
        "  want: the 2 recorded file(s), unchanged\n"
        "  fix:  export and validate again, or restore the files"
    )


def test_a_foreign_export_may_have_neighbours(artifact: Path) -> None:
    records = record_files(artifact)
    (artifact / "neighbour.txt").write_bytes(b"new")
    check_files(artifact, records, alone=False)


def test_neighbours_excuse_nothing_else(artifact: Path) -> None:
    assert "\n  got:  weights.bin is missing; model.onnx has other bytes\n" in fault(artifact, alone=False)
