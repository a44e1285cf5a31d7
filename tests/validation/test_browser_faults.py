"""What browsers survive: each fault ends as `error` or `unavailable` with its reason, and work goes on.

Quick to show, and so elsewhere: no browser (`test_browser_finding.py`), one that is killed or hangs
(`test_browser_chromium.py`), a page that never loads (`test_browser_server.py`).
"""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from converters.artifact import Artifact
from converters.errors import EdgeproofError
from tests.validation.browsers import needs
from tests.validation.dense_files import write_dense
from tests.validation.fakes import make_reference
from tests.validation.hand_made import Line, Port, write
from validation.judge import conclude, judge
from validation.runtimes import runtime
from validation.runtimes.browser import shared
from validation.runtimes.browser.mailbox import Mailbox
from validation.runtimes.browser.server import PageServer

pytestmark = pytest.mark.heavy
ONE = {"x": np.ones((1, 3), np.float32)}


@pytest.fixture(autouse=True)
def _browsers() -> Iterator[None]:
    yield
    shared.discard_all()


@pytest.fixture
def artifact(tmp_path: Path) -> Artifact:
    return write("tfjs", tmp_path / "line", {"x": Port((None, 3))}, {"y": Line("x", 2.0)})


@needs("chromium")
def test_a_page_out_of_memory_is_an_error_and_the_next_session_works(
    tmp_path: Path, artifact: Artifact
) -> None:
    huge = write("tfjs", tmp_path / "huge", {"x": Port((3,), "int32")}, {"y": Line("x", 2.0)})
    entry = huge.directory / huge.entry
    # Three sizes become 8 GB of floats, more than a wasm memory or a typed array can have.
    entry.write_text(entry.read_text().replace('"op": "Mul"', '"op": "Fill"'))
    wasm = runtime("chromium-tfjs-wasm")
    with wasm.open(huge) as session, pytest.raises(EdgeproofError) as caught:
        session.run({"x": np.full(3, 1250, np.int32)})
    assert caught.value.what == f"{huge.entry_path} on chromium-tfjs-wasm: running it failed"
    assert caught.value.got.splitlines()[0] == "RangeError: Invalid typed array length: 1953125000"
    with wasm.open(artifact) as session:
        assert session.run(ONE)["y"].tolist() == [[2.0, 2.0, 2.0]]


def test_a_port_in_use_is_no_obstacle() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        first, second = PageServer(shared.DIST, Mailbox()), PageServer(shared.DIST, Mailbox())
        assert len({taken.getsockname()[1], first.port, second.port}) == 3
        assert first.token != second.token
        first.close()
        second.close()


PARENT = """
import sys
from validation.runtimes import probe
print(probe(sys.argv[1]).status)
"""


@pytest.mark.parametrize("family", ["chromium", "firefox", "webkit"])
def test_two_runs_at_once_keep_out_of_each_others_way(family: str) -> None:
    name = f"{family}-tfjs-wasm"
    if (hint := runtime(name).missing()) is not None:
        pytest.skip(hint)
    both = [
        subprocess.Popen([sys.executable, "-c", PARENT, name], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    assert [process.communicate(timeout=120)[0] for process in both] == ["ok\n", "ok\n"]


@needs("webkit")
def test_a_display_that_is_not_there_is_an_error(artifact: Artifact, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", ":7777")
    with pytest.raises(EdgeproofError) as caught, runtime("webkit-tfjs-cpu").open(artifact):
        pass
    said = caught.value.got.splitlines()
    assert caught.value.what == f"{artifact.entry_path} on webkit-tfjs-cpu: starting the browser failed"
    assert said[0] == "webkit ended with exit status 1"
    assert said[-1].endswith("cannot open display: :7777")


@needs("chromium")
def test_a_browser_that_fails_leaves_the_other_runtimes_verdicts_intact(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = tmp_path / "chrome"
    fake.write_text("#!/bin/sh\necho no space left on device >&2\nexit 5\n")
    fake.chmod(0o755)
    monkeypatch.setenv("EDGEPROOF_BROWSER_PATH", str(fake))
    weights, bias = np.eye(3, dtype=np.float32), np.ones(3, np.float32)
    dense = write_dense("tfjs", tmp_path / "dense", weights, bias)
    feeds = [{"x": np.random.default_rng(0).standard_normal((8, 3)).astype(np.float32)}]
    reference = make_reference(tmp_path / "reference", lambda feed: {"y": feed["x"] @ weights + bias}, feeds)
    names = ("tfjs-node-wasm", "chromium-tfjs-wasm")
    verdicts = conclude(
        tuple(judge(artifact=dense, runtime_name=name, reference=reference, label="dense") for name in names)
    )
    assert [verdict.verdict for verdict in verdicts] == ["pass", "error"]
    assert verdicts[1].reason == (
        f"{dense.entry_path} on chromium-tfjs-wasm: starting the browser failed: "
        "got chromium ended with exit status 5 no space left on device; "
        "want a file that this runtime opens and runs; "
        "leave chromium-tfjs-wasm out with --runtime, or change the layer that it cannot run; "
        "the same file passes on tfjs-node-wasm: chromium-tfjs-wasm can't run it"
    )


LARGE = {
    "chromium-tfjs-wasm": "tfjs",
    "chromium-tfjs-webgl": "tfjs",
    "chromium-ort-wasm": "onnx",
    "chromium-litert-wasm": "tflite",
    "firefox-ort-wasm": "onnx",
    "webkit-tfjs-wasm": "tfjs",
}


@pytest.mark.parametrize("name", LARGE)
def test_a_model_of_200_megabytes_runs(name: str, tmp_path: Path) -> None:
    if (hint := runtime(name).missing()) is not None:
        pytest.skip(hint)
    rng = np.random.default_rng(0)
    weights = rng.standard_normal((5000, 10_000), dtype=np.float32)
    bias = rng.standard_normal(10_000, dtype=np.float32)
    large = write_dense(LARGE[name], tmp_path / "large", weights, bias)
    assert large.size_bytes > 200_000_000
    x = rng.standard_normal((2, 5000), dtype=np.float32)
    want = x.astype(np.float64) @ weights + bias
    with runtime(name).open(large) as session:
        got = session.run({"x": x})["y"]
    # Sums of 5,000 products: sqrt(5000) roundings of 2^-24, of sums as large as the greatest.
    assert np.abs(got - want).max() / np.abs(want).max() < np.sqrt(5000) * 2**-24
