"""What a page ran on, in words, and whether that is proven."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from validation.runtimes.browser.chromium import has_gpu

_ENGINES = {"tfjs": "TensorFlow.js", "ort": "ONNX Runtime Web", "litert": "LiteRT.js"}
_SOFTWARE = ("swiftshader", "llvmpipe", "lavapipe", "softpipe", "basic render")
_NAMELESS = "adapter without a name"
_HIDDEN = "Apple GPU"
"""What WebKit calls every renderer, on any machine."""
_BROWSERS = (r"Edg/([\d.]+)", r"Chrome/([\d.]+)", r"Firefox/([\d.]+)", r"AppleWebKit/([\d.]+)")
_NAMES = ("Edge", "Chromium", "Firefox", "WebKit")


def describe(engine: str, facts: Mapping[str, Any]) -> str:
    """The device string.

    Args:
        engine: "tfjs", "ort" or "litert".
        facts: what the page answered, and what the session knows.
    """
    parts = [f"{_ENGINES[engine]} {facts['version']}", f"{facts['backend']} backend"]
    if "call" in facts:
        parts.append(facts["call"])
    if facts.get("nodes"):
        parts.append(
            ", ".join(f"{provider} runs {count} node(s)" for provider, count in facts["nodes"].items())
        )
    if facts.get("fixed_shapes"):
        parts.append("dynamic sizes fixed in a copy of the file, since LiteRT.js takes no others")
    parts += _describe_wasm(facts) if not _on_gpu(facts) else _describe_gpu(facts)
    return ", ".join([*parts, facts["browser"] or name_browser(facts["agent"])])


def find_unproven(backend: str, facts: Mapping[str, Any]) -> str:
    """Why it isn't proven that the backend ran the last batch; empty if it is."""
    if facts["backend"] != backend:
        return f"asked for {backend}, the engine runs {facts['backend']}"
    if backend == "wasm" and not facts["wasm"]:
        return "no WebAssembly binary was compiled"
    if backend.startswith("webgl") and not (facts.get("renderer") and facts["draws"]):
        return f"no draw call went to WebGL ({facts.get('renderer') or 'no renderer'})"
    if backend == "webgpu" and not (facts["adapter"] and facts["dispatches"]):
        return f"no work was dispatched to WebGPU ({_name_adapter(facts) or 'no adapter'})"
    if facts["threads_wanted"] > 1 and backend == "wasm" and not facts["workers"]:
        return "the engine started no worker: it runs on one thread"
    return ""


def name_browser(agent: str) -> str:
    """`Chromium 156.0.0.0` from a user agent string."""
    for name, pattern in zip(_NAMES, _BROWSERS, strict=True):
        found = re.search(pattern, agent)
        if found:
            return f"{name} {found[1]}"
    return agent


def is_software(device: str) -> bool:
    """Whether a renderer or adapter computes on the CPU."""
    return any(word in device.lower() for word in _SOFTWARE)


def _on_gpu(facts: Mapping[str, Any]) -> bool:
    return str(facts["backend"]).startswith("webg")


def _describe_wasm(facts: Mapping[str, Any]) -> list[str]:
    if not facts["wasm"]:
        return ["plain JavaScript"]
    few = "" if facts["shared_memory"] else ", since this engine has no SharedArrayBuffer"
    return [facts["wasm"][-1], f"{facts['threads']} thread(s){few}"]


def _describe_gpu(facts: Mapping[str, Any]) -> list[str]:
    name = facts.get("renderer") or _name_adapter(facts)
    # Firefox keeps an adapter's name to itself, WebKit a renderer's; without a GPU it can only be software.
    hidden = name in (_NAMELESS, _HIDDEN)
    software = is_software(name) or (hidden and not has_gpu())
    shown = "renderer without a name" if name == _HIDDEN and not has_gpu() else name
    parts = [shown, *(["software GPU"] if software else [])]
    calls = facts.get("draws") or facts.get("dispatches")
    if calls:
        parts.append(f"{calls} GPU calls in the last batch")
    if "precision" in facts:
        parts.append(facts["precision"])
    flags = facts.get("flags", {})
    return parts + [f"{name}={value}" for name, value in flags.items()]


def _name_adapter(facts: Mapping[str, Any]) -> str:
    card = facts["adapter"]
    if not card:
        return ""
    known = [card[key] for key in ("vendor", "architecture", "device", "description") if card[key]]
    return "adapter " + " ".join(known) if known else _NAMELESS
