"""What is seen of a runtime's sessions: the first answer, the time, and the runs of a latency at the end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from bench.detection import trial
from bench.detection.watch import Watch
from converters.errors import EdgeproofError
from tests.validation.hand_made import Line, Port, write


class Doubling:
    """Stands for a runtime and for its session."""

    name, formats, groups, arithmetic, device = "doubling", frozenset({"onnx"}), frozenset(), "float32", "CPU"

    def missing(self) -> str | None:
        return None

    @contextmanager
    def open(self, artifact: Any) -> Iterator[Any]:
        yield self

    def run(self, feed: Any) -> dict[str, np.ndarray]:
        return {"y": 2 * feed["x"]}


def test_runs_of_one_object_at_the_end_are_told_from_those_before():
    watch: Any = Watch(Doubling())
    batch, sample = ({"x": np.full((rows, 1), rows, np.float32)} for rows in (3, 1))
    with watch.open(None) as session:
        for feed in (batch, sample, dict(sample), sample, sample, sample):
            session.run(feed)
    assert (len(watch.seconds), watch.again, watch.at_work) == (6, 3, False)
    assert watch.first["y"].tolist() == [[6], [6], [6]]


class Refusing(Doubling):
    @contextmanager
    def open(self, artifact: Any) -> Iterator[Any]:
        raise EdgeproofError("opening the file failed", got="a shape", want="another", fix="change it")
        yield


def _judge(runtime: Any, reference: Any, directory: Path, monkeypatch: pytest.MonkeyPatch) -> trial.Judged:
    monkeypatch.setattr(trial, "plain_runtime", lambda _: runtime)
    artifact = write("onnx", directory, {"x": Port((None, 1))}, {"y": Line("x", 2.0)})
    return trial.judge_watched(artifact, reference)


def test_an_engine_that_refuses_a_file_has_found_its_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged = _judge(Refusing(), SimpleNamespace(), tmp_path, monkeypatch)
    assert judged.verdict.verdict == "error"
    assert set(judged.found.values()) == {True}


def test_a_judge_that_breaks_down_has_found_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RuntimeError) as caught:
        _judge(Doubling(), SimpleNamespace(labels=None, answers=tmp_path), tmp_path, monkeypatch)
    assert str(caught.value).startswith(f"judging {tmp_path}/model.onnx broke down: AttributeError: ")
