"""Localization in a browser: its own kernels compute every layer, in one execution of the cut model."""

from __future__ import annotations

import functools
import queue
import re
import subprocess
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.validation.browsers import needs_chromium
from tests.validation.test_localize_layers import cnn, cure, one_weight
from validation.runtimes.browser.find import find_browser
from validation.runtimes.tfjs_node import DIST

__all__ = ["cnn"]

pytestmark = [pytest.mark.heavy, needs_chromium]


@pytest.mark.parametrize("runtime", ["chromium-tfjs-wasm", "chromium-tfjs-webgl"])
def test_the_wrong_layer_is_named_in_the_browser_too(cnn, runtime):
    assert cnn.localize(cnn.exports["tfjs"], runtime).guilty == ()
    found = cnn.localize(cnn.changed("tfjs", "stem", 4, one_weight), runtime)
    assert found.guilty == ("stem", "norm", "relu")
    assert sorted(path.name for path in Path(found.reproducer).iterdir()) == [
        "expected.npz", "group1-shard1of1.bin", "input.npz", "model.json", "reproduce.html",
    ]  # fmt: skip


def test_onnx_files_are_localized_in_the_browser(cnn):
    found = cnn.localize(cnn.changed("onnx", "stem", 4, one_weight), "chromium-ort-wasm")
    assert found.guilty == ("stem", "norm")


@pytest.mark.parametrize("backend", ["wasm", "webgl"])
def test_the_failing_page_fails_in_a_bare_browser_and_passes_when_cured(cnn, backend, tmp_path):
    found = cnn.localize(cnn.changed("tfjs", "stem", 4, one_weight), f"chromium-tfjs-{backend}")
    directory = Path(found.reproducer)
    (directory / "node_modules").symlink_to(DIST.parent / "node_modules")
    broken = opened(directory, tmp_path / "profile")
    assert re.search(r"^greatest difference [\d.e-]+ at element \d+: ", broken, re.MULTILINE), broken
    assert broken.endswith("status 1"), broken
    cure(directory)
    cured = opened(directory, tmp_path / "profile")
    assert cured.endswith("status 0"), cured


REPORT = """
<script>
setInterval(() => {
  const text = document.getElementById("result").textContent;
  if (/status \\d+$/.test(text)) navigator.sendBeacon("/shown", text);
}, 100);
</script>"""
"""Tells what the page shows. Chromium's --virtual-time-budget runs out while a busy GPU still works."""


class Listener(SimpleHTTPRequestHandler):
    """Serves a directory, its page with `REPORT`, and hears what that tells."""

    def do_GET(self):
        if not self.path.endswith(".html"):
            super().do_GET()
            return
        page = (Path(self.directory, self.path.lstrip("/")).read_text() + REPORT).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(page)

    def do_POST(self):
        self.server.shown.put(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


def opened(directory: Path, profile: Path) -> str:
    """What the page shows in the end, served as its own comment says."""
    handler = functools.partial(Listener, directory=directory)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.shown = queue.Queue()
        threading.Thread(target=server.serve_forever, daemon=True).start()
        browser = subprocess.Popen(
            [
                str(find_browser("chromium")), "--headless", "--no-sandbox", f"--user-data-dir={profile}",
                f"http://127.0.0.1:{server.server_port}/reproduce.html",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            return server.shown.get(timeout=120)
        finally:
            browser.terminate()
            browser.wait(timeout=30)
            server.shutdown()
