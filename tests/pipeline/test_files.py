"""A directory appears whole or not at all, and is held by one run at a time."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

import pipeline
from converters.errors import EdgeproofError
from converters.writing import explain, write_text
from pipeline.files import fresh_directory, hold

ROOT = Path(pipeline.__file__).parent.parent
DEAD = 2**22 + 1
"""No process has this number: above the greatest that Linux gives out."""


def fill(directory: Path, text: str) -> None:
    with fresh_directory(directory) as partial:
        (partial / "file").write_text(text)


def fill_and_fail(directory: Path, error: type[BaseException]) -> None:
    with fresh_directory(directory) as partial:
        (partial / "file").write_text("new")
        raise error


def names(directory: Path) -> list[str]:
    return sorted(entry.name for entry in directory.iterdir())


def test_a_directory_is_replaced_whole(tmp_path):
    fill(tmp_path / "out", "old")
    (tmp_path / "out" / "left from before").touch()
    fill(tmp_path / "out", "new")
    assert names(tmp_path / "out") == ["file"]
    assert (tmp_path / "out" / "file").read_text() == "new"
    assert names(tmp_path) == ["out"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_a_failure_leaves_the_earlier_directory_and_nothing_else(tmp_path, error):
    fill(tmp_path / "out", "old")
    with pytest.raises(error):
        fill_and_fail(tmp_path / "out", error)
    assert (tmp_path / "out" / "file").read_text() == "old"
    assert names(tmp_path) == ["out"]


def test_a_failing_rename_puts_the_earlier_directory_back(tmp_path, monkeypatch):
    fill(tmp_path / "out", "old")
    rename = Path.rename

    def fail_on_the_new_one(self: Path, target: Path) -> Path:
        if "partial" in self.name:
            raise OSError(errno.ENOSPC, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail_on_the_new_one)
    with pytest.raises(EdgeproofError):
        fill(tmp_path / "out", "new")
    assert (tmp_path / "out" / "file").read_text() == "old"
    assert names(tmp_path) == ["out"]


def test_a_full_disk_is_explained(tmp_path):
    fill(tmp_path / "out", "old")
    with pytest.raises(EdgeproofError) as raised, fresh_directory(tmp_path / "out"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert str(raised.value) == (
        f"{tmp_path}/out: the disk is full\n"
        "  got:  [Errno 28] No space left on device\n"
        "  want: room for what is written\n"
        "  fix:  free some space, or write to another disk"
    )
    assert (tmp_path / "out" / "file").read_text() == "old"


@pytest.mark.parametrize("place", ["/out/.scratch-7-x/frozen", "/out/.scratch-7-x/.frozen.partial-7"])
def test_the_user_is_told_of_places_that_he_named(place):
    explanation = explain(OSError(errno.ENOSPC, "No space left on device"), Path(place))
    assert explanation is not None
    assert explanation.what == "/out: the disk is full"


def test_tensorflow_says_in_words_that_the_disk_is_full():
    error = RuntimeError("ResourceExhausted: /x; No space left on device [Op:SaveV2]")
    explanation = explain(error, Path("/exports"))
    assert explanation is not None
    assert explanation.what == "/exports: the disk is full"


def test_a_directory_without_write_permission_is_explained(tmp_path, monkeypatch):
    def refuse(self: Path, *args: object, **options: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    monkeypatch.setattr(Path, "mkdir", refuse)  # root may write everywhere, so this asks no disk
    with pytest.raises(EdgeproofError) as raised, hold(tmp_path / "out", "run"):
        pass
    assert str(raised.value) == (
        f"{tmp_path}/out: no permission to write\n"
        f"  got:  [Errno 13] Permission denied: '{tmp_path}/out'\n"
        "  want: a place that can be written to\n"
        "  fix:  change its permissions, or give another place"
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_really_read_only_directory_is_refused(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(EdgeproofError, match="no permission to write"), hold(tmp_path / "out", "run"):
        pass
    tmp_path.chmod(0o700)


def test_a_file_in_the_way_is_explained(tmp_path):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(EdgeproofError) as raised, hold(tmp_path / "out", "run"):
        pass
    assert str(raised.value) == (
        f"{tmp_path}/out: a file is in the way\n"
        f"  got:  [Errno 17] File exists: '{tmp_path}/out'\n"
        "  want: a directory, or a name that is free\n"
        "  fix:  move it away, or give another place"
    )


def test_a_file_is_not_replaced_by_a_directory(tmp_path):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(EdgeproofError, match="a file is in the way"):
        fill(tmp_path / "out", "new")
    assert ((tmp_path / "out").read_text(), names(tmp_path)) == ("a file", ["out"])


def test_a_link_to_a_directory_is_replaced_and_the_directory_left_alone(tmp_path):
    fill(tmp_path / "elsewhere" / "real", "old")
    (tmp_path / "out").symlink_to(tmp_path / "elsewhere" / "real")
    fill(tmp_path / "out", "new")
    assert (tmp_path / "out" / "file").read_text() == "new"
    assert (tmp_path / "elsewhere" / "real" / "file").read_text() == "old"
    assert names(tmp_path) == ["elsewhere", "out"]


def test_a_directory_that_others_replace_meanwhile_ends_as_one_of_theirs(tmp_path):
    code = (
        "import sys; from pathlib import Path; from pipeline.files import fresh_directory\n"
        "for number in range(200):\n"
        "    with fresh_directory(Path(sys.argv[1])) as partial: (partial / 'file').write_text('whole')\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "out")]
    others = [subprocess.Popen(command, cwd=ROOT) for _ in range(3)]
    assert [other.wait() for other in others] == [0, 0, 0]
    assert (names(tmp_path), (tmp_path / "out" / "file").read_text()) == (["out"], "whole")


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="no /proc here")
def test_a_place_where_nothing_can_be_made_is_explained():
    with pytest.raises(EdgeproofError) as raised, hold(Path("/proc/out"), "run"):
        pass
    assert str(raised.value) == (
        "/proc/out: can't be written to\n"
        "  got:  [Errno 2] No such file or directory: '/proc/out'\n"
        "  want: a place that exists or can be made\n"
        "  fix:  give another place"
    )


def test_an_error_that_nobody_can_cure_stays_what_it_is(tmp_path):
    with pytest.raises(OSError, match="weird"), fresh_directory(tmp_path / "out"):
        raise OSError(errno.EIO, "weird")


def test_two_runs_in_one_directory_are_refused(tmp_path):
    script = (
        "import sys, time; from pathlib import Path; from pipeline.files import hold\n"
        "with hold(Path(sys.argv[1]), 'edgeproof run a'):\n"
        "    print('held', flush=True); time.sleep(60)\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(EdgeproofError) as raised, hold(tmp_path, "edgeproof run b"):
            pass
        other.kill()
    assert str(raised.value) == (
        f"{tmp_path}: another run is at work in this directory\n"
        f"  got:  edgeproof run a (process {other.pid})\n"
        "  want: one run at a time\n"
        "  fix:  wait until it ends, or give another directory with -o"
    )
    with hold(tmp_path, "edgeproof run c") as place:
        assert place.log.read_text() == f"edgeproof run c (process {os.getpid()})\n"


def test_what_killed_runs_left_is_removed_and_put_back(tmp_path):
    fill(tmp_path / "good", "good")
    inside = tmp_path / "artifacts"
    inside.mkdir()
    (inside / f".tfjs-float32.partial-{DEAD}").mkdir()
    (tmp_path / f".model.partial-{DEAD}").mkdir()
    (tmp_path / f".scratch-{DEAD}-abc").mkdir()
    (tmp_path / f".result.json.partial-{DEAD}").write_text("{")
    (tmp_path / f".moved.replaced-{DEAD}").mkdir()
    (tmp_path / f".good.replaced-{DEAD}").mkdir()
    (tmp_path / ".another-hidden-file").touch()
    with hold(tmp_path, "run"):
        pass
    assert names(tmp_path) == [".another-hidden-file", "artifacts", "edgeproof.log", "good", "moved"]
    assert names(inside) == []
    assert (tmp_path / "good" / "file").read_text() == "good"


def test_what_a_living_run_is_writing_stays(tmp_path):
    other = tmp_path / f".other.partial-{os.getppid()}"
    other.mkdir()
    fill(tmp_path / "out", "new")
    assert other.is_dir()


def test_a_file_is_replaced_whole(tmp_path, monkeypatch):
    write_text(tmp_path / "result.json", "old")

    def fail(self: Path, target: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(EdgeproofError, match="the disk is full"):
        write_text(tmp_path / "result.json", "new")
    assert (tmp_path / "result.json").read_text() == "old"
    assert names(tmp_path) == ["result.json"]


def test_a_directory_is_not_replaced_by_a_file(tmp_path):
    (tmp_path / "result.json").mkdir()
    with pytest.raises(EdgeproofError) as raised:
        write_text(tmp_path / "result.json", "new")
    assert raised.value.what == f"{tmp_path}/result.json: a directory is in the way"
    assert names(tmp_path) == ["result.json"]
