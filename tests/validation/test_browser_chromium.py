"""Chromium: what it runs on, and what happens when it crashes, hangs or loses its parent."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from converters.artifact import Artifact
from converters.errors import EdgeproofError
from tests.validation.browsers import needs, needs_chromium
from tests.validation.hand_made import Line, Port, write
from validation.runtimes import runtime
from validation.runtimes.browser import shared
from validation.runtimes.browser.browser import Browser, BrowserError
from validation.runtimes.browser.runtime import BrowserRuntime

pytestmark = needs_chromium
ONE = {"x": np.ones((1, 3), np.float32)}
WASM = BrowserRuntime("chromium", "tfjs", "wasm")
WEBGL = BrowserRuntime("chromium", "tfjs", "webgl")


@pytest.fixture
def artifact(tmp_path: Path) -> Artifact:
    return write("tfjs", tmp_path, {"x": Port((None, 3))}, {"y": Line("x", 2.0)})


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    yield shared.lend("chromium")
    shared.discard_all()


def test_every_bit_passes_through(browser: Browser) -> None:
    bits = np.array([0x7FC01234, 0xFFC00001, 0x7F800001, 0x80000000, 1, 0x807FFFFF], np.uint32)
    sent = {
        "float32": bits.view(np.float32),
        "int64": np.array([2**63 - 1, -(2**63)]),
        "bool": np.array([[True], [False]]),
        "float16": np.array([0x7E01, 0x8000, 0x0001], np.uint16).view(np.float16),
        "string": np.array([b"", b"\xff\0", "ü".encode()], dtype=object),
        "empty": np.zeros((0, 4), np.float64),
    }
    _, got = browser.ask({"kind": "echo"}, sent, 30)
    for name, array in sent.items():
        assert (got[name].dtype, got[name].shape) == (array.dtype, array.shape)
        assert (
            got[name].tolist() == array.tolist()
            if name == "string"
            else got[name].tobytes() == array.tobytes()
        )


def test_webgl_is_proven_by_renderer_draw_calls_and_flags(artifact: Artifact, browser: Browser) -> None:
    with WEBGL.open(artifact) as session:
        assert session.run(ONE)["y"].tolist() == [[2.0, 2.0, 2.0]]
        device = session.device
    assert "webgl backend" in device
    assert "GPU calls in the last batch" in device
    assert (
        "WEBGL_RENDER_FLOAT32_ENABLED=True, WEBGL_FORCE_F16_TEXTURES=False, WEBGL_CPU_FORWARD=False" in device
    )
    assert ("software GPU" in device) == ("SwiftShader" in device)


def test_wasm_runs_the_threaded_binary(artifact: Artifact, browser: Browser) -> None:
    with WASM.open(artifact) as session:
        session.run(ONE)
        assert "tfjs-backend-wasm-threaded-simd.wasm" in session.device


def test_integers_that_webgl_would_change_are_refused(tmp_path: Path, browser: Browser) -> None:
    artifact = write("tfjs", tmp_path, {"x": Port((None, 2), "int32")}, {"y": Line("x", 1.0)})
    with WEBGL.open(artifact) as session, pytest.raises(EdgeproofError) as caught:
        session.run({"x": np.array([[1, 2**24 + 1]], np.int32)})
    assert caught.value.got.startswith(
        "Error: x holds 16777217: TF.js computes integers beyond 2^24 wrongly on a GPU backend"
    )


def test_one_browser_serves_many_models_and_engines(
    artifact: Artifact, tmp_path: Path, browser: Browser
) -> None:
    onnx = write("onnx", tmp_path / "onnx", {"x": Port((None, 3))}, {"y": Line("x", 3.0)})
    pids = set()
    for _ in range(2):
        for chosen, file, want in ((WASM, artifact, 2.0), (runtime("chromium-ort-wasm"), onnx, 3.0)):
            with chosen.open(file) as session:
                assert session.run(ONE)["y"].tolist() == [[want] * 3]
                pids.add(session.pid)
    assert len(pids) == 1


def test_a_browser_killed_in_the_middle_is_an_error_and_the_next_session_works(artifact: Artifact) -> None:
    with WASM.open(artifact) as session:
        session.run(ONE)
        main = psutil.Process(session.pid).children()[0]  # the others were orphans when it took them in
        threading.Timer(0.05, main.kill).start()
        with pytest.raises(EdgeproofError) as caught:
            [session.run(ONE) for _ in range(10_000)]
    assert caught.value.what == f"{artifact.entry_path} on chromium-tfjs-wasm: running it failed"
    # It dies between two answers, or in the middle of one.
    said = {"chromium ended with exit status 137", "the page's answer was cut off"}
    assert caught.value.got.splitlines()[0] in said
    with WASM.open(artifact) as session:
        assert session.run(ONE)["y"].tolist() == [[2.0, 2.0, 2.0]]


def test_a_page_that_crashes_is_an_error_and_the_next_session_works(artifact: Artifact) -> None:
    with WASM.open(artifact) as session:
        session.run(ONE)
        pages = [
            process
            for process in psutil.Process(session.pid).children(recursive=True)
            if "--type=renderer" in process.cmdline()
        ]
        for page in pages:
            page.kill()
        with pytest.raises(EdgeproofError) as caught:
            session.run(ONE)
    assert caught.value.got.splitlines()[0] == "the page crashed"
    with WASM.open(artifact) as session:
        assert session.run(ONE)["y"].tolist() == [[2.0, 2.0, 2.0]]


def test_a_hang_is_stopped_after_the_limit_and_leaves_nothing(artifact: Artifact) -> None:
    with replace(WASM, run_limit_s=1.0).open(artifact) as session:
        session.run(ONE)
        processes = [psutil.Process(session.pid), *psutil.Process(session.pid).children(recursive=True)]
        for process in processes[1:]:
            process.suspend()
        with pytest.raises(EdgeproofError) as caught:
            session.run(ONE)
    assert caught.value.got.splitlines()[0] == "the page gave no answer within 1 s"
    assert not [process for process in processes if process.is_running()]


def test_a_program_that_is_no_browser_ends_in_an_error(
    tmp_path: Path, artifact: Artifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared.discard_all()
    fake = tmp_path / "chrome"
    fake.write_text("#!/bin/sh\necho no screens found >&2\nexit 3\n")
    fake.chmod(0o755)
    monkeypatch.setenv("EDGEPROOF_BROWSER_PATH", str(fake))
    with pytest.raises(EdgeproofError) as caught, WASM.open(artifact):
        pass
    assert str(caught.value) == (
        f"{artifact.entry_path} on chromium-tfjs-wasm: starting the browser failed\n"
        "  got:  chromium ended with exit status 3\n"
        "        no screens found\n"
        "  want: a file that this runtime opens and runs\n"
        "  fix:  leave chromium-tfjs-wasm out with --runtime, or change the layer that it cannot run"
    )


def test_a_page_that_never_loads_ends_in_an_error_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = tmp_path / "chrome"
    fake.write_text("#!/bin/sh\nsleep 600 & sleep 600\n")
    fake.chmod(0o755)
    monkeypatch.setenv("EDGEPROOF_BROWSER_PATH", str(fake))
    before = {process.pid for process in psutil.Process().children(recursive=True)}
    with pytest.raises(BrowserError) as caught:
        Browser("chromium", shared.DIST, load_limit_s=1.0)
    assert str(caught.value) == "the page did not load within 1 s"
    assert {process.pid for process in psutil.Process().children(recursive=True)} == before


PARENT = """
import sys, time
from validation.runtimes.browser import shared
browser = shared.lend(sys.argv[1])
print(browser.pid, browser._process.profile, flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("victim", ["parent", "keeper"])
@pytest.mark.parametrize(
    "family",
    [
        "chromium",
        pytest.param("firefox", marks=[pytest.mark.heavy, needs("firefox")]),
        pytest.param("webkit", marks=[pytest.mark.heavy, needs("webkit")]),
    ],
)
def test_the_browser_dies_with_its_parent_however_that_dies(family: str, victim: str) -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, family], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    keeper, profile = parent.stdout.readline().split()
    processes = [psutil.Process(int(keeper)), *psutil.Process(int(keeper)).children(recursive=True)]
    assert len(processes) > 3
    os.kill(parent.pid if victim == "parent" else int(keeper), signal.SIGKILL)
    deadline = time.monotonic() + 20
    while any(_lives(process) for process in processes) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert [process for process in processes if _lives(process)] == []
    if victim == "parent":
        while Path(profile).exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not Path(profile).exists()
    shutil.rmtree(profile, ignore_errors=True)  # what a killed keeper cannot do
    parent.kill()
    parent.wait()


def _lives(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
