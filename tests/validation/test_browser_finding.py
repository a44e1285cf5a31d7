"""Which browser is taken, and what is said when there is none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from validation.runtime import Availability
from validation.runtimes import probe, runtime
from validation.runtimes.browser import find, firefox
from validation.runtimes.browser.chromium import command
from validation.runtimes.browser.device import find_unproven, name_browser
from validation.runtimes.browser.families import FAMILIES
from validation.runtimes.browser.find import find_browser


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without browsers; what is put into the directory is on the PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv(find.VARIABLE, raising=False)
    for row in FAMILIES.values():
        monkeypatch.setitem(FAMILIES, row.name, replace(row, places=()))
    return tmp_path


def program(path: Path) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("name", ["chromium", "google-chrome", "microsoft-edge"])
def test_every_relative_of_chromium_is_found_on_the_path(bare: Path, name: str) -> None:
    assert find_browser("chromium") is None
    put = program(bare / name)
    assert find_browser("chromium") == put
    assert find_browser("firefox") is None


def test_what_the_user_names_comes_first(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(bare / "chromium")
    odd = program(bare / "elsewhere" / "my-chrome")
    monkeypatch.setenv(find.VARIABLE, f"/no/such/thing:{odd}")
    assert find_browser("chromium") == odd
    folder = program(bare / "folder" / "firefox").parent
    monkeypatch.setenv(find.VARIABLE, str(folder))
    assert find_browser("firefox") == folder / "firefox"
    assert find_browser("chromium") == bare / "chromium"


def test_a_missing_browser_is_unavailable_with_the_command_that_installs_it(bare: Path) -> None:
    assert probe("chromium-tfjs-webgl") == Availability(
        "chromium-tfjs-webgl",
        "unavailable",
        "",
        "run `make browsers` or `apt-get install chromium`, "
        "or name its program with --browser-path or EDGEPROOF_BROWSER_PATH",
    )


def test_webkit_is_found_beside_the_library_that_it_comes_with(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = program(bare / "webkit2gtk-4.1" / "MiniBrowser")
    row = replace(FAMILIES["webkit"], places=(str(bare / "webkit2gtk-4*" / "MiniBrowser"),))
    monkeypatch.setitem(FAMILIES, "webkit", row)
    assert find_browser("webkit") == put
    monkeypatch.setenv(find.VARIABLE, str(put))
    assert find_browser("chromium") is None


def test_no_display_is_unavailable_with_what_to_do(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("MiniBrowser", "firefox"):
        program(bare / name)
    hint = "run `make browsers` or `apt-get install xvfb`, or set DISPLAY: there is no display here"
    for name in ("webkit-tfjs-cpu", "firefox-tfjs-webgl"):
        assert probe(name) == Availability(name, "unavailable", "", hint)
    profile = bare / "profile"
    profile.mkdir()
    assert "--headless" in firefox.command(Path("firefox"), profile, "file:///start.html")
    program(bare / "Xvfb")
    assert runtime("webkit-tfjs-cpu").missing() is None
    assert "--headless" not in firefox.command(Path("firefox"), profile, "file:///start.html")


def test_the_sandbox_is_given_up_as_root_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert "--no-sandbox" not in command(Path("chromium"), Path("profile"), "file:///start.html")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert "--no-sandbox" in command(Path("chromium"), Path("profile"), "file:///start.html")


FACTS = {
    "backend": "webgl",
    "renderer": "ANGLE (SwiftShader)",
    "draws": 4,
    "dispatches": 0,
    "wasm": [],
    "workers": 1,
    "threads_wanted": 2,
    "adapter": None,
}


@pytest.mark.parametrize(
    ("backend", "facts", "why"),
    [
        ("webgl", {}, ""),
        ("webgl", {"backend": "cpu"}, "asked for webgl, the engine runs cpu"),
        (
            "webgl",
            {"draws": 0},
            "no draw call went to WebGL (ANGLE (SwiftShader))",
        ),
        ("webgl", {"renderer": ""}, "no draw call went to WebGL (no renderer)"),
        ("webgl-f16", {}, "asked for webgl-f16, the engine runs webgl"),
        (
            "webgl-f16",
            {"backend": "webgl-f16", "draws": 0},
            "no draw call went to WebGL (ANGLE (SwiftShader))",
        ),
        ("webgpu", {"backend": "webgpu"}, "no work was dispatched to WebGPU (no adapter)"),
        ("wasm", {"backend": "wasm"}, "no WebAssembly binary was compiled"),
        (
            "wasm",
            {"backend": "wasm", "wasm": ["a.wasm"], "workers": 0},
            "the engine started no worker: it runs on one thread",
        ),
    ],
)
def test_a_device_counts_only_when_it_is_proven(backend: str, facts: dict, why: str) -> None:
    assert find_unproven(backend, FACTS | facts) == why


def test_browsers_are_named_after_their_engine() -> None:
    chrome = "Mozilla/5.0 (X11) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/156.0.0.0 Safari/537.36"
    assert name_browser(chrome) == "Chromium 156.0.0.0"
    assert name_browser(f"{chrome} Edg/156.0.1.2") == "Edge 156.0.1.2"
    assert name_browser("Mozilla/5.0 (X11; rv:140.0) Gecko/20100101 Firefox/140.0") == "Firefox 140.0"
    webkit = "Mozilla/5.0 (X11) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/60.5 Safari/605.1.15"
    assert name_browser(webkit) == "WebKit 605.1.15"
    assert FAMILIES["webkit"].version("warning\nWebKitGTK 2.50.6\nmore") == "WebKitGTK 2.50.6"
