"""What users get wrong, through the command line: the whole message, the status, nothing left behind.

Only the steps that need a framework are made up here; what reads files and data is real.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from converters.sources.locate import find_kind
from pipeline import steps
from validation.feeds import write_feeds


@pytest.fixture
def real(project, monkeypatch):
    """The project with real data and a real look at the model's file."""
    monkeypatch.setattr(steps, "find_kind", find_kind)
    monkeypatch.setattr(steps, "write_feeds", write_feeds)
    with zipfile.ZipFile(project.directory / "net.keras", "w") as archive:
        for name in ("metadata.json", "config.json", "model.weights.h5"):
            archive.writestr(name, "{}")
    return project


def export(project, model: str, *options: str):
    ended = project.call("export", model, "-t", "tflite:int8", "-o", "out", *options)
    assert ended.out == ""
    assert [path for path in project.leftovers() if path != "out/.steps"] == []
    assert sorted(project.files("out")) == ["edgeproof.log"]
    return ended


def test_a_missing_model(real):
    ended = export(real, "absent.keras")
    assert ended.status == 2
    assert ended.err.startswith(f"error: {real.directory}/absent.keras: ")
    assert ended.err.endswith(f"log: {real.directory}/out/edgeproof.log\n")


def test_a_directory_that_is_no_model(real):
    (real.directory / "empty").mkdir()
    ended = export(real, "empty")
    assert ended.status == 2
    assert ended.err.startswith(f"error: {real.directory}/empty: ")


def test_a_truncated_model(real):
    whole = (real.directory / "net.keras").read_bytes()
    (real.directory / "cut.keras").write_bytes(whole[: len(whole) // 2])
    ended = export(real, "cut.keras")
    assert ended.status == 2
    assert ended.err.startswith(f"error: {real.directory}/cut.keras: ")
    assert "truncated" in ended.err or "cut" in ended.err


WRONG_DATA = {
    "wrong-shape": {"x": np.zeros((4, 3), np.float32)},
    "wrong-dtype": {"x": np.array([["a", "b"]] * 4)},
    "wrong-name": {"y": np.zeros((4, 2), np.float32), "z": np.zeros(4, np.float32)},
    "empty": {"x": np.zeros((0, 2), np.float32)},
}


@pytest.mark.parametrize("case", WRONG_DATA)
def test_data_that_does_not_fit(real, case):
    np.savez(real.directory / "data.npz", **WRONG_DATA[case])
    ended = export(real, "net.keras", "--data", "data.npz")
    assert ended.status == 2
    lines = ended.err.splitlines()
    assert lines[0].startswith("error: ")
    assert [line[:7] for line in lines[1:4]] == ["  got: ", "  want:", "  fix: "]


def test_data_of_different_lengths_is_an_error_of_the_recipe(real):
    (real.directory / "arrays").mkdir()
    np.save(real.directory / "arrays" / "x.npy", np.zeros((4, 2), np.float32))
    np.save(real.directory / "arrays" / "more.npy", np.zeros((3, 2), np.float32))
    real.recipe.write_text(real.recipe.read_text() + "[data]\nnpy = 'arrays'\n")
    ended = real.call("run")
    assert ended.status == 2
    assert ended.err.startswith("error: ")
    assert not (real.directory / "build/net/artifacts").exists()


def test_missing_data(real):
    ended = export(real, "net.keras", "--data", "absent.npz")
    assert ended.status == 2
    assert ended.err == (
        f"error: {real.directory}/absent.npz: no such data\n"
        "  got:  no file or directory of this name\n"
        "  want: inputs for the model\n"
        "  fix:  correct the path, or leave it out to have inputs drawn from the signature\n"
        f"log: {real.directory}/out/edgeproof.log\n"
    )
    assert real.done() == []


def test_an_output_that_is_a_file(real):
    (real.directory / "out").write_text("mine")
    ended = real.call("export", "net.keras", "-t", "onnx", "-o", "out")
    assert ended.status == 2
    assert ended.err.startswith(f"error: {real.directory}/out: a file is in the way\n")
    assert (real.directory / "out").read_text() == "mine"


def test_json_where_nothing_can_be_written(project):
    (project.directory / "file").write_text("mine")
    ended = project.call("run", "--json", "file/result.json")
    assert ended.status == 2
    assert ended.err.startswith("error: file/result.json: a file is in the way\n")


def test_two_runs_at_once(project):
    from pipeline.files import hold

    with hold(Path("build/net"), "edgeproof run elsewhere"):
        ended = project.call("run")
    assert ended.status == 2
    assert ended.err.startswith(
        f"error: {project.directory}/build/net: another run is at work in this directory\n"
    )
