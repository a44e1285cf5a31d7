"""A worker carries values and errors across, and no way of dying over there hurts the parent."""

from __future__ import annotations

import errno
import io
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

import pipeline
from converters.errors import EdgeproofError, ExitStatus
from converters.progress import Progress, listening
from pipeline.worker import Worker, WorkerError
from pipeline.worker_main import answer
from tests.pipeline import fake_calls

ROOT = Path(pipeline.__file__).parent.parent


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "edgeproof.log"


def test_records_cross_in_both_directions(log):
    with Worker(log) as worker:
        box = worker.call(fake_calls.grow, box=fake_calls.Box(Path("/a"), (1, 2)), by=3)
    assert (box.path, box.sizes) == (Path("/a/more"), (1, 2, 3))
    assert box.ratio is not None
    assert math.isnan(box.ratio)


def test_what_is_printed_over_there_goes_to_the_log(log, capfd):
    with Worker(log) as worker:
        worker.call(fake_calls.chatter, text="chatter")
    assert capfd.readouterr() == ("", "")
    assert sorted(log.read_text().splitlines()) == ["chatter", "chatter from C"]


def test_an_edgeproof_error_crosses_whole(log):
    with Worker(log) as worker, pytest.raises(EdgeproofError) as raised:
        worker.call(fake_calls.refuse)
    assert str(raised.value) == "a.keras: refused\n  got:  this\n  want: that\n  fix:  do it"
    assert raised.value.status is ExitStatus.UNAVAILABLE


def test_any_other_exception_crosses_as_its_traceback(log):
    with Worker(log) as worker, pytest.raises(WorkerError) as raised:
        worker.call(fake_calls.stumble)
    assert str(raised.value) == "ZeroDivisionError: unforeseen"
    assert "fake_calls.py" in raised.value.traceback
    assert raised.value.log == log
    assert "ZeroDivisionError: unforeseen" in log.read_text()


def test_a_full_disk_over_there_is_an_edgeproof_error(log):
    with Worker(log) as worker, pytest.raises(EdgeproofError) as raised:
        worker.call(fake_calls.fill_disk, out=Path("/exports"))
    assert str(raised.value) == (
        "/exports: the disk is full\n"
        "  got:  [Errno 28] No space left on device: '/exports/model.tflite'\n"
        "  want: room for what is written\n"
        "  fix:  free some space, or write to another disk"
    )


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (signal.SIGSEGV, "SIGSEGV"),
        (signal.SIGABRT, "SIGABRT"),
        (signal.SIGKILL, "SIGKILL (the system may be out of memory)"),
    ],
)
def test_a_signal_is_named(log, number, said):
    with Worker(log) as worker, pytest.raises(EdgeproofError) as raised:
        worker.call(fake_calls.die, number=number)
    assert raised.value.what == "tests.pipeline.fake_calls.die crashed"
    assert raised.value.got.startswith(f"the worker was killed by {said} after ")
    assert raised.value.want == "an answer from the worker process"
    assert raised.value.fix == f"see the end of {log}"
    assert raised.value.status is ExitStatus.CONVERSION_FAILED


def test_an_exit_is_a_crash_too(log):
    with Worker(log) as worker, pytest.raises(EdgeproofError) as raised:
        worker.call(fake_calls.leave, status=0)
    assert raised.value.got.startswith("the worker exited with status 0 after ")


def test_after_a_crash_the_next_call_gets_a_fresh_process(log):
    with Worker(log) as worker:
        first = worker.call(fake_calls.process_id)
        assert worker.call(fake_calls.process_id) == first
        with pytest.raises(EdgeproofError):
            worker.call(fake_calls.die, number=signal.SIGSEGV)
        assert worker.call(fake_calls.process_id) != first


def test_a_call_that_takes_too_long_is_stopped(log):
    started = time.monotonic()
    with Worker(log, time_s=0.5) as worker, pytest.raises(EdgeproofError) as raised:
        worker.call(fake_calls.hang)
    assert time.monotonic() - started < 5
    assert raised.value.what == "tests.pipeline.fake_calls.hang took too long and was stopped"
    assert raised.value.got.startswith("no answer in ")
    assert raised.value.want == "at most 0.5 s"
    assert raised.value.fix == f"raise --time-limit, or time_limit_s in the recipe; or see {log}"
    assert raised.value.status is ExitStatus.CONVERSION_FAILED


def test_a_call_that_eats_the_memory_is_stopped(log):
    with Worker(log, memory_mb=300) as worker, pytest.raises(EdgeproofError) as raised:
        worker.call(fake_calls.eat)
    assert raised.value.what == "tests.pipeline.fake_calls.eat took too much memory and was stopped"
    assert 300 < int(raised.value.got.removesuffix(" MB")) < 2000
    assert raised.value.want == "at most 300 MB"
    assert raised.value.fix == f"raise --memory-limit, or memory_limit_mb in the recipe; or see {log}"
    assert worker.peak_mb > 300


def test_progress_reaches_the_listener_of_the_caller(log):
    events: list[Progress] = []
    with Worker(log) as worker, listening(events.append):
        assert worker.call(fake_calls.count, to=1000) == 1000
    assert events[0] == Progress("count", 1, 1000, "at 1")
    assert events[-1] == Progress("count", 1000, 1000, "at 1000")
    assert len(events) < 100


def test_closing_ends_the_children_of_the_worker_as_well(log, tmp_path):
    with Worker(log, time_s=2) as worker, pytest.raises(EdgeproofError):
        worker.call(fake_calls.hang_with_child, marker=tmp_path / "pids")
    _assert_gone((tmp_path / "pids").read_text())


def test_temporary_files_of_a_worker_go_with_it(log, tmp_path):
    with Worker(log) as worker:
        left = worker.call(fake_calls.leave_temporary_file)
        assert left.is_relative_to(tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["edgeproof.log"]


def test_nothing_in_the_current_directory_shadows_ours(log, tmp_path, monkeypatch):
    for name in ("pipeline.py", "converters.py", "json.py"):
        (tmp_path / name).write_text("raise SystemExit('shadowed')")
    monkeypatch.chdir(tmp_path)
    with Worker(log) as worker:
        assert worker.call(fake_calls.where_pipeline_is) == Path(pipeline.__file__)


def test_a_worker_hashes_names_alike_in_every_process(log):
    with Worker(log) as worker:
        assert worker.call(fake_calls.environment, name="PYTHONHASHSEED") == "0"


def test_a_worker_does_not_load_a_framework_by_itself(log):
    with Worker(log) as worker:
        loaded = worker.call(fake_calls.modules)
    assert not {"tensorflow", "keras", "onnxruntime", "ai_edge_litert"} & set(loaded)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_worker_dies_with_its_parent(tmp_path, number):
    marker = tmp_path / "pids"
    script = (
        "import signal\n"
        "from pathlib import Path\n"
        "from pipeline.worker import Worker\n"
        "from tests.pipeline import fake_calls\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # background jobs ignore it
        f"with Worker(Path({str(tmp_path / 'log')!r})) as worker:\n"
        f"    worker.call(fake_calls.ignore_terminate_and_hang, marker=Path({str(marker)!r}))\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stderr=subprocess.DEVNULL)
    _wait_for(marker.is_file)
    parent.send_signal(number)
    parent.wait(10)
    _assert_gone(marker.read_text())


def _wait_for(condition, seconds=20.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)
    time.sleep(0.1)


def _assert_gone(pids: str) -> None:
    for pid in map(int, pids.split()):
        _wait_for(lambda pid=pid: not _is_running(pid))


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except (ProcessLookupError, psutil.NoSuchProcess):
        return False


def test_a_log_on_a_full_disk_does_not_hide_the_error():
    class Full(io.StringIO):
        def write(self, text):
            raise OSError(errno.ENOSPC, "No space left on device")

    call = f"{fake_calls.__name__}:refuse"
    message = answer({"call": call, "kwargs": {}}, io.StringIO(), Full())
    assert message.keys() == {"refused"}
