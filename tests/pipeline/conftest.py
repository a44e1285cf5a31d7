"""A project directory whose steps are all made up, and the command line in this process."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pipeline import carry, cli, foreign, judging, plan, steps
from pipeline.worker import Worker
from pipeline.worker_main import answer
from tests.pipeline import fake_steps

RECIPE = """
[model]
name = "net"
version = "1.0"
[train]
callable = "train:build"
epochs = 2
[export]
targets = ["tflite:float32", "tflite:int8", "onnx:float32"]
time_limit_s = 60
[validate]
runtimes = ["litert-[cr]*", "onnxruntime-cpu"]
time_limit_s = 60
"""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended, and what it printed."""

    status: int
    out: str
    err: str


class InlineWorker(Worker):
    """A worker that needs no process: the same encoding and errors, in a tenth of the time."""

    def _converse(self, name: str, kwargs: Any, time_s: float | None) -> Any:
        with self.log.open("a") as log:  # not redirected: judges call from threads of their own
            message = answer({"call": name, "kwargs": kwargs}, io.StringIO(), log)
        return self._outcome(message)


class Project:
    """A directory with a recipe, in which commands are run."""

    def __init__(
        self, directory: Path, patch: pytest.MonkeyPatch, capture: pytest.CaptureFixture[str]
    ) -> None:
        self.directory = directory
        self.recipe = directory / "recipe.toml"
        self.recipe.write_text(RECIPE)
        (directory / "train.py").write_text("def build(): ...")
        self._patch = patch
        self._capture = capture
        self._count = directory / "count"

    def use_processes(self) -> None:
        """Real workers, for what no call can survive."""
        for module in (plan, judging, foreign, carry):
            self._patch.setattr(module, "Worker", Worker)

    def trouble(self, text: str) -> None:
        self._patch.setenv(fake_steps.TROUBLE, text)

    def call(self, *arguments: str) -> Ended:
        self.forget()
        self._patch.setenv(fake_steps.COUNT, str(self._count))
        with pytest.raises(SystemExit) as raised:
            cli.main(list(arguments))
        out, err = self._capture.readouterr()
        assert isinstance(raised.value.code, int)
        return Ended(raised.value.code, out, err)

    def done(self) -> list[str]:
        """Names of the steps that the last command really did, sorted."""
        return sorted(self._count.read_text().split()) if self._count.exists() else []

    def forget(self) -> None:
        """Starts the list of `done` anew."""
        self._count.unlink(missing_ok=True)

    def files(self, below: str) -> dict[str, bytes]:
        root = self.directory / below
        return {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if p.is_file()}

    def leftovers(self) -> list[str]:
        """Hidden names other than the step records."""
        found = (path.relative_to(self.directory) for path in self.directory.rglob(".*"))
        return [str(path) for path in found if path.name != ".steps"]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Project:
    """A project whose steps are those of `fake_steps`; files are real, workers when asked for."""
    for name in ("train", "describe_source", "freeze", "write_feeds", "record", "convert"):
        monkeypatch.setattr(steps, name, getattr(fake_steps, name))
    monkeypatch.setattr(steps, "find_kind", lambda path: "keras")
    monkeypatch.setattr(judging, "judge", fake_steps.judge)
    monkeypatch.setattr(judging, "ask_ahead", fake_steps.ask_ahead)
    for module in (plan, judging, foreign, carry):
        monkeypatch.setattr(module, "Worker", InlineWorker)
    for module in (plan, foreign, carry):
        monkeypatch.setattr(module, "conclude", lambda verdicts, answers: verdicts)
    monkeypatch.chdir(tmp_path)
    return Project(tmp_path, monkeypatch, capsys)


@pytest.fixture
def recipe(tmp_path: Path) -> Callable[[str], Path]:
    """Writes a recipe."""

    def write(text: str) -> Path:
        path = tmp_path / "recipe.toml"
        path.write_text(text)
        return path

    return write
