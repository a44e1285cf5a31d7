"""How Firefox is started: on a display or headless, quiet, without a network."""

from __future__ import annotations

import json
import os
from pathlib import Path

from validation.runtimes.browser import display
from validation.runtimes.browser.chromium import has_gpu

_PREFERENCES: dict[str, bool | int | str] = {
    "browser.aboutwelcome.enabled": False,
    "browser.cache.disk.enable": False,
    "browser.safebrowsing.downloads.enabled": False,
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "browser.search.update": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.homepage_override.mstone": "ignore",
    "app.normandy.enabled": False,
    "app.update.enabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "extensions.update.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "network.proxy.type": 0,
    "toolkit.telemetry.enabled": False,
    # No processes in store for pages that nobody opens, and nothing of the browser's own to show.
    "dom.ipc.processPrelaunch.enabled": False,
    # The one page that is opened needs one process: a fifth less CPU time from start to end.
    "fission.autostart": False,
    "dom.ipc.processCount": 1,
    "extensions.webextensions.remote": False,
    "media.rdd-process.enabled": False,
    "browser.startup.page": 0,
    "browser.newtabpage.enabled": False,
    "browser.newtab.preload": False,
    "browser.sessionstore.resume_from_crash": False,
    "extensions.screenshots.disabled": True,
    "dom.ipc.processHangMonitor": False,
    "dom.max_script_run_time": 0,
    "dom.webgpu.enabled": True,
    "gfx.webgpu.ignore-blocklist": True,
    "webgl.force-enabled": True,
    "webgl.disable-fail-if-major-performance-caveat": True,
    # Otherwise the renderer's name is one of a few general ones.
    "webgl.sanitize-unmasked-renderer": False,
    # Otherwise clocks are rounded to 1 ms even in an isolated page.
    "privacy.reduceTimerPrecision": False,
}


# Debian's Chromium brings a software Vulkan along, which Firefox can use as well.
_SOFTWARE_VULKAN = Path("/usr/lib/chromium/vk_swiftshader_icd.json")


def environment() -> dict[str, str]:
    """What to add to ours, so that there is a Vulkan for WebGPU."""
    if has_gpu() or not _SOFTWARE_VULKAN.exists() or "VK_DRIVER_FILES" in os.environ:
        return {}
    return {"VK_DRIVER_FILES": str(_SOFTWARE_VULKAN), "VK_ICD_FILENAMES": str(_SOFTWARE_VULKAN)}


def command(program: Path, profile: Path, url: str) -> list[str]:
    """The command line; preferences are put into the profile."""
    lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in _PREFERENCES.items()]
    (profile / "user.js").write_text("\n".join(lines) + "\n")
    # Headless Firefox has no WebGL.
    headless = () if display.missing() is None else ("--headless",)
    return [str(program), "--no-remote", "--profile", str(profile), *headless, url]
