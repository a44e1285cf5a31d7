"""Every runtime in every browser that is here, with a tiny model; and what its device string has to hold."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from validation.runtimes import probe, select
from validation.runtimes.browser import shared
from validation.runtimes.browser.runtime import BrowserRuntime

ROWS = [row for row in select(("web",)) if isinstance(row, BrowserRuntime)]


@pytest.fixture(scope="module", autouse=True)
def _browsers() -> Iterator[None]:
    yield
    shared.discard_all()


@pytest.mark.heavy
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_it_computes_and_proves_its_device(row: BrowserRuntime) -> None:
    if row.missing() is not None:
        pytest.skip(str(row.missing()))
    found = probe(row.name)
    assert (found.status, found.hint) == ("ok", "")
    assert f"{row.backend} backend" in found.device
    assert ("GPU calls in the last batch" in found.device) == row.on_gpu
    if row.engine == "ort":
        provider = "WebGpuExecutionProvider" if row.on_gpu else "CPUExecutionProvider"
        assert f"{provider} runs 1 node(s)" in found.device
    if row.family == "webkit":
        assert "WebKitGTK 2." in found.device
    if row.backend == "wasm":
        lone = "1 thread(s), since this engine has no SharedArrayBuffer"
        assert (lone in found.device) == (row.family == "webkit")
        assert "threaded" in found.device or row.family == "webkit"
