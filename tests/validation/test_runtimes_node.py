"""The Node process: what happens when it crashes, hangs, is missing, or outlives its parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from converters.artifact import Artifact
from converters.errors import EdgeproofError
from tests.validation.hand_made import Line, Port, write
from validation.runtimes import probe, runtime
from validation.runtimes.child_process import ChildError, ChildProcess
from validation.runtimes.tfjs_node import DIST, TfjsNode

ONE = {"x": np.ones((1, 3), np.float32)}
NODE = TfjsNode("tfjs-node-cpu", backend="cpu")


@pytest.fixture
def artifact(tmp_path: Path) -> Artifact:
    return write("tfjs", tmp_path, {"x": Port((None, 3))}, {"y": Line("x", 2.0)})


def program(folder: Path, source: str) -> Path:
    path = folder / "program.cjs"
    path.write_text(source)
    return path


def test_node_killed_between_batches_is_an_error_and_the_next_session_works(artifact: Artifact) -> None:
    with NODE.open(artifact) as session:
        session.run(ONE)
        os.kill(session.pid, signal.SIGKILL)
        with pytest.raises(EdgeproofError) as caught:
            session.run(ONE)
    assert str(caught.value) == (
        f"{artifact.entry_path} on tfjs-node-cpu: running it failed\n"
        "  got:  node was killed by signal 9\n"
        "  want: a file that this runtime opens and runs\n"
        "  fix:  leave tfjs-node-cpu out with --runtime, or change the layer that it cannot run"
    )
    with NODE.open(artifact) as session:
        assert session.run(ONE)["y"].tolist() == [[2.0, 2.0, 2.0]]


def test_a_crash_says_exit_status_and_last_words(tmp_path: Path) -> None:
    source = "process.stdin.once('data', () => { console.error('out of luck'); process.exit(7); });"
    process = ChildProcess("node", ["node", str(program(tmp_path, source))])
    with pytest.raises(ChildError) as caught:
        process.ask({"kind": "open"}, {}, limit_s=30)
    process.close()
    assert str(caught.value) == "node ended with exit status 7\nout of luck"


@pytest.mark.parametrize(
    "source",
    ["setInterval(() => {}, 1000);", "process.stdin.resume(); for (;;);"],
    ids=["never-answers", "busy-loop"],
)
def test_a_hang_is_stopped_after_the_limit(source: str, tmp_path: Path) -> None:
    process = ChildProcess("node", ["node", str(program(tmp_path, source))])
    body = np.zeros(1_000_000, np.float32)  # more than a pipe holds: the write hangs, not the read
    for tensors in ({}, {"x": body}):
        with pytest.raises(ChildError) as caught:
            process.ask({"kind": "open"}, tensors, limit_s=0.5)
        assert str(caught.value).startswith("node did not answer within 0.5 s and was stopped") or (
            str(caught.value) == "node was killed by signal 9"
        )
    process.close()
    assert not psutil.pid_exists(process.pid)


def test_a_batch_over_the_limit_counts_as_hung(artifact: Artifact) -> None:
    hasty = replace(NODE, run_limit_s=0.0)
    with pytest.raises(EdgeproofError) as caught, hasty.open(artifact) as session:
        session.run(ONE)
    assert caught.value.what == f"{artifact.entry_path} on tfjs-node-cpu: running it failed"
    assert caught.value.got == "node did not answer within 0 s and was stopped"


@pytest.mark.parametrize("busy", [False, True], ids=["waiting", "in-a-loop-that-never-yields"])
def test_node_dies_with_its_parent(busy: bool, tmp_path: Path) -> None:
    preload = tmp_path / "preload.cjs"
    spin = "require('worker_threads').isMainThread && setTimeout(() => { for (;;); }, 300);"
    preload.write_text(spin if busy else "")
    script = (
        "import time, subprocess\n"
        f"command = ['node', '--require', {str(preload)!r}, {str(DIST / 'node.cjs')!r}, 'cpu']\n"
        "print(subprocess.Popen(command, stdin=subprocess.PIPE).pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    try:
        time.sleep(1.5)
        before = child.cpu_times().user
        time.sleep(0.5)
        assert (child.cpu_times().user - before > 0.03) == busy
        parent.kill()
        parent.wait()
        gone, _ = psutil.wait_procs([child], timeout=20)
        assert gone or child.status() == psutil.STATUS_ZOMBIE
    finally:
        for process in (parent, child):
            with suppress(psutil.NoSuchProcess):
                process.kill()


def test_closing_ends_the_process(artifact: Artifact) -> None:
    with NODE.open(artifact) as session:
        pid = session.pid
        assert psutil.pid_exists(pid)
    assert not psutil.pid_exists(pid)


def test_an_error_inside_the_session_still_ends_the_process(artifact: Artifact) -> None:
    pids = []

    def interrupted() -> None:
        with NODE.open(artifact) as session:
            pids.append(session.pid)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not psutil.pid_exists(pids[0])


def test_what_tfjs_prints_does_not_disturb_the_answers(artifact: Artifact) -> None:
    with NODE.open(artifact) as session:
        for _ in range(50):
            assert session.run(ONE)["y"].tolist() == [[2.0, 2.0, 2.0]]


def test_a_missing_shard_is_named(artifact: Artifact) -> None:
    (artifact.directory / "shard.bin").unlink()
    with pytest.raises(EdgeproofError) as caught, NODE.open(artifact):
        pass
    missing = artifact.directory / "shard.bin"
    assert caught.value.what == f"{artifact.entry_path} on tfjs-node-cpu: opening the file failed"
    assert caught.value.got == f"ENOENT: no such file or directory, open '{missing}'"


def test_without_node_the_runtime_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    found = probe("tfjs-node-wasm")
    assert (found.status, found.device) == ("unavailable", "")
    assert found.hint == "install Node 20 or newer and have `node` on the PATH"


def test_an_old_node_is_unavailable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    old = tmp_path / "node"
    old.write_text("#!/bin/sh\necho v18.19.0\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    found = probe("tfjs-node-cpu")
    assert found.status == "unavailable"
    assert found.hint == f"install Node 20 or newer; {old} is version 18"


def test_a_checkout_that_is_not_set_up_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("validation.runtimes.tfjs_node.DIST", tmp_path)
    found = probe("tfjs-node-cpu")
    assert found.status == "unavailable"
    assert found.hint == "run `make setup`, which builds the JavaScript programs"


def test_opening_without_node_says_what_to_install(
    artifact: Artifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(EdgeproofError) as caught, runtime("tfjs-node-cpu").open(artifact):
        pass
    assert caught.value.what == f"{artifact.entry_path} on tfjs-node-cpu: starting Node failed"
    assert caught.value.got == "install Node 20 or newer and have `node` on the PATH"
