"""The script beside a failing case: runs it with the vendor's packages alone and exits 1 if it fails."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from converters.artifact import Artifact, Quantization
from validation.localize import script_texts as texts

_MOST_OPS = 6

TFJS_VERSION = "4.22.0"
"""As package.json beside the JavaScript programs pins it: that file is in no wheel."""


@dataclass(frozen=True, slots=True)
class Case:
    """What a script has to know.

    Attributes:
        artifact: the cut export.
        runtime: that it fails on.
        layers: guilty ones, as text.
        ops: in the file.
        output: name in the file.
        quantization: of the output.
        limit: greatest difference that is rounding; `rms_limit` for the root mean square one.
        fault: what is wrong, in a sentence; "" for values only.
        channel: axis of the output and index there that alone is looked at; None for all of it.
    """

    artifact: Artifact
    runtime: str
    layers: str
    ops: tuple[str, ...]
    output: str
    quantization: Quantization | None
    limit: float
    rms_limit: float
    fault: str
    channel: tuple[int, int] | None = None


def write_script(case: Case, directory: Path) -> Path:
    """Writes the script for the case's runtime; gives its path."""
    format, browser = case.artifact.target.format, "-tfjs-" in case.runtime
    if format == "tfjs":
        name, text = ("reproduce.html", _page(case)) if browser else ("reproduce.cjs", _node(case))
    else:
        name, text = "reproduce.py", _litert(case) if format == "tflite" else _onnx(case)
    path = directory / name
    path.write_text(text, encoding="utf-8")
    return path


def _litert(case: Case) -> str:
    resolver = "BUILTIN_REF" if case.runtime == "litert-reference" else "BUILTIN"
    engine = texts.LITERT.format(resolver=resolver, output=repr(case.output))
    return _python(case, f"ai-edge-litert=={version('ai-edge-litert')}", engine)


def _onnx(case: Case) -> str:
    level = "ORT_DISABLE_ALL" if case.runtime == "onnxruntime-unoptimized" else "ORT_ENABLE_ALL"
    engine = texts.ONNX.format(level=level, output=repr(case.output))
    return _python(case, f"onnxruntime=={version('onnxruntime')}", engine)


def _python(case: Case, package: str, engine: str) -> str:
    real = "actual.astype(np.float64)"
    if case.quantization is not None:
        real = f"{case.quantization.scale!r} * ({real} - {case.quantization.zero_point})"
    axis, index = case.channel or (0, 0)
    only = texts.PYTHON_CHANNEL.format(axis=axis, index=index) if case.channel else ""
    head = texts.PYTHON_HEAD.format(title=_title(case), package=package)
    tail = texts.PYTHON_TAIL.format(
        output=repr(case.output), real=real, only=only, limit=case.limit, rms_limit=case.rms_limit
    )
    return head + engine + tail


def _node(case: Case) -> str:
    backend = case.runtime.rpartition("-")[2]
    facts = _facts(case, backend)
    return texts.NODE.format(title=_title(case), version=TFJS_VERSION, backend=backend, facts=facts) + (
        texts.JAVASCRIPT
    )


def _page(case: Case) -> str:
    backend = case.runtime.rpartition("-")[2]
    facts = _facts(case, backend)
    scripts = texts.PAGE_SCRIPTS[backend]
    return texts.PAGE.format(
        title=_title(case), version=TFJS_VERSION, backend=backend, facts=facts, scripts=scripts
    ).replace("// JAVASCRIPT", texts.JAVASCRIPT)


def _facts(case: Case, backend: str) -> str:
    facts: Mapping[str, object] = {
        "backend": backend,
        "output": case.output,
        "limit": case.limit,
        "rmsLimit": case.rms_limit,
    }
    if case.channel is not None:
        facts = {**facts, "axis": case.channel[0], "index": case.channel[1]}
    return json.dumps(facts)


def _title(case: Case) -> str:
    ops = ", ".join(case.ops[:_MOST_OPS]) + (", …" if len(case.ops) > _MOST_OPS else "")
    what = case.fault or "gives other values than it should"
    return f"{case.layers} ({ops}) on {case.runtime}: {what}."
