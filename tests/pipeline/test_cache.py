"""A step is done once for the same inputs, and again when anything that it depends on changes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline.cache import StepCache, build_directory, digest
from pipeline.versions import user_code_sha256


@dataclass(frozen=True, slots=True)
class Made:
    directory: Path
    files: tuple[Path, ...]
    number: int


class Maker:
    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, out: Path) -> Made:
        self.calls += 1
        (out / "weights").write_text("1 2 3")
        return Made(out, (out / "weights", Path("/elsewhere")), self.calls)


@pytest.fixture
def make() -> Maker:
    return Maker()


def build(work: Path, make: Maker, key: str = "key", fresh: bool = False) -> Made:
    return StepCache(work, fresh).build("step", key, Made, work / "made", make)


def test_paths_in_the_value_are_where_the_directory_ends_up(tmp_path, make):
    made = build_directory(Made, tmp_path / "made", make)
    assert made == Made(tmp_path / "made", (tmp_path / "made" / "weights", Path("/elsewhere")), 1)


def test_the_same_key_gives_the_earlier_value(tmp_path, make):
    assert build(tmp_path, make) == build(tmp_path, make)
    assert make.calls == 1


def test_another_key_does_the_step_again(tmp_path, make):
    build(tmp_path, make)
    assert build(tmp_path, make, key="other").number == 2


def test_fresh_does_the_step_again(tmp_path, make):
    build(tmp_path, make)
    assert build(tmp_path, make, fresh=True).number == 2


@pytest.mark.parametrize("harm", ["changed", "removed", "extra"])
def test_a_directory_that_was_tampered_with_is_made_again(tmp_path, make, harm):
    build(tmp_path, make)
    if harm == "changed":
        (tmp_path / "made" / "weights").write_text("4 5 6")
    elif harm == "removed":
        (tmp_path / "made" / "weights").unlink()
    else:
        (tmp_path / "made" / "more").touch()
    assert build(tmp_path, make).number == 2
    assert (tmp_path / "made" / "weights").read_text() == "1 2 3"


def test_a_record_of_another_version_is_no_record(tmp_path, make):
    build(tmp_path, make)
    (tmp_path / ".steps" / "step.json").write_text('{"something": "else"}')
    assert build(tmp_path, make).number == 2


def test_a_work_directory_that_was_moved_is_made_again(tmp_path, make):
    build(tmp_path / "here", make)
    (tmp_path / "here").rename(tmp_path / "there")
    assert build(tmp_path / "there", make).directory == tmp_path / "there" / "made"
    assert make.calls == 2


def test_a_value_without_a_directory_is_remembered(tmp_path):
    cache = StepCache(tmp_path)
    assert cache.remember("source", "a", int, lambda: 1) == 1
    assert cache.remember("source", "a", int, lambda: 2) == 1
    assert cache.remember("source", "b", int, lambda: 2) == 2


def test_digest_depends_on_every_part():
    assert digest(Path("/a"), 1) == digest(Path("/a"), 1)
    assert len({digest(1, 2), digest(12), digest("1", "2"), digest([1, 2]), digest(2, 1)}) == 5


class TestUserCode:
    """`user_code_sha256` follows the imports of a callable's module inside the given directory."""

    @pytest.fixture
    def code(self, tmp_path: Path) -> Path:
        (tmp_path / "parts").mkdir()
        (tmp_path / "train.py").write_text("import numpy\nfrom parts.net import build\n")
        (tmp_path / "parts" / "__init__.py").write_text("")
        (tmp_path / "parts" / "net.py").write_text("from . import deep\ndef build(): pass\n")
        (tmp_path / "parts" / "deep.py").write_text("import train\n")
        (tmp_path / "unrelated.py").write_text("")
        return tmp_path

    @pytest.mark.parametrize("file", ["train.py", "parts/__init__.py", "parts/net.py", "parts/deep.py"])
    def test_every_module_that_it_imports_counts(self, code, file):
        before = user_code_sha256(["train:build"], [code])
        (code / file).write_text((code / file).read_text() + "# changed\n")
        assert user_code_sha256(["train:build"], [code]) != before

    def test_other_modules_do_not_count(self, code):
        before = user_code_sha256(["train:build"], [code])
        (code / "unrelated.py").write_text("changed = True")
        assert user_code_sha256(["train:build"], [code]) == before

    def test_a_syntax_error_is_left_to_the_import(self, code):
        (code / "train.py").write_text("def (")
        assert user_code_sha256(["train:build"], [code])
