"""The weights of a file are looked at once, however many runtimes it is judged on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from converters.artifact import Artifact
from converters.target import ExportTarget
from tests.validation.dense_files import write_dense
from tests.validation.fakes import FakeRuntime, make_reference
from validation.expected import Reference
from validation.judge import judge_on
from validation.verdict import Verdict
from validation.weights import check
from validation.weights.kernel import Kernel
from validation.weights.stored import Stored

WEIGHTS = np.random.default_rng(0).normal(size=(8, 3)).astype(np.float32)
BIAS = np.zeros(3, np.float32)


def model(feed: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {"y": feed["x"] @ WEIGHTS}


@pytest.fixture
def reference(tmp_path: Path) -> Reference:
    np.save(tmp_path / "values.npy", WEIGHTS)
    np.save(tmp_path / "factors.npy", np.ones((1, 3)))
    kernel = Kernel("dense", (8, 3), (1,), tmp_path / "values.npy", tmp_path / "factors.npy")
    given = file(tmp_path / "right", 1.0).signature
    inputs = np.random.default_rng(1).normal(size=(4, 8)).astype(np.float32)
    made = make_reference(tmp_path / "reference", model, [{"x": inputs}], given)
    return replace(made, weights=(kernel,))


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The directories of the files that are read, in order."""
    directories, read = [], check.read

    def counted(artifact: Artifact) -> Iterator[Stored]:
        directories.append(artifact.directory.name)
        return read(artifact)

    monkeypatch.setattr(check, "read", counted)
    return directories


def file(directory: Path, last_channel: float) -> Artifact:
    """y = x W with the last channel multiplied, as a TF.js file that is said to be of 8 bits."""
    made = write_dense("tfjs", directory, WEIGHTS * np.array([1, 1, last_channel], np.float32), BIAS)
    return replace(made, target=ExportTarget("tfjs", "uint8"))


def judged(artifact: Artifact, reference: Reference, runtime: str) -> Verdict:
    return judge_on(FakeRuntime(model, name=runtime), artifact, reference, "the file")


def test_a_file_on_several_runtimes_has_its_weights_looked_at_once(tmp_path, reference, looked):
    zeroed = file(tmp_path / "zeroed", 0.0)
    verdicts = [judged(zeroed, reference, runtime) for runtime in ("one", "two", "three")]
    assert looked == ["zeroed"]
    (wrong,) = verdicts[0].weights
    assert (wrong.layer, wrong.channel, wrong.wrong) == ("dense", 2, 1)
    assert [verdict.weights for verdict in verdicts] == [(wrong,)] * 3
    assert {verdict.verdict for verdict in verdicts} == {"fail"}


def test_nothing_wrong_is_remembered_too(tmp_path, reference, looked):
    right = file(tmp_path / "right", 1.0)
    assert [check.find_wrong(right, reference) for _ in range(2)] == [(), ()]
    assert looked == ["right"]


def test_other_bytes_are_another_file(tmp_path, reference, looked):
    assert check.find_wrong(file(tmp_path / "export", 1.0), reference) == ()
    (wrong,) = check.find_wrong(file(tmp_path / "export", np.inf), reference)
    assert (wrong.channel, wrong.ratio) == (2, np.inf)
    assert check.find_wrong(file(tmp_path / "export", np.inf), reference) == (wrong,)
    assert looked == ["export"] * 2


def test_another_original_is_asked_anew(tmp_path, reference, looked):
    right = file(tmp_path / "right", 1.0)
    assert check.find_wrong(right, reference) == ()
    assert check.find_wrong(right, replace(reference, directory=tmp_path)) == ()
    assert looked == ["right"] * 2
