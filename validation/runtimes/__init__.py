"""Every runtime that edgeproof knows. A new one is a file in this folder and a row in `RUNTIMES`."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase

from converters.errors import EdgeproofError
from validation.runtime import Availability, Runtime
from validation.runtimes import keras_jax, litert_gpu, ort_elsewhere
from validation.runtimes.browser import runtime as browser_runtime
from validation.runtimes.litert import LiteRT
from validation.runtimes.ort import OnnxRuntime
from validation.runtimes.tfjs_node import TfjsNode

_ROWS: tuple[Runtime, ...] = (
    LiteRT("litert-cpu", reference=False),
    LiteRT("litert-reference", reference=True),
    *litert_gpu.ROWS,
    OnnxRuntime("onnxruntime-cpu", optimized=True),
    OnnxRuntime("onnxruntime-unoptimized", optimized=False),
    *ort_elsewhere.ROWS,
    *keras_jax.ROWS,
    TfjsNode("tfjs-node-cpu", backend="cpu"),
    TfjsNode("tfjs-node-wasm", backend="wasm"),
    *browser_runtime.ROWS,
)

RUNTIMES: Mapping[str, Runtime] = {row.name: row for row in _ROWS}
"""By name, in the order of reports."""

GROUPS = ("cpu", "web", "gpu", "all")
"""Names for several runtimes at once; one may be empty on this version."""


def runtime(name: str) -> Runtime:
    """The runtime of that name.

    Raises:
        EdgeproofError: there is none.
    """
    if name not in RUNTIMES:
        raise _unknown(name)
    return RUNTIMES[name]


def select(patterns: tuple[str, ...], format: str | None = None) -> tuple[Runtime, ...]:
    """The runtimes that are named, in registry order, each once.

    Args:
        patterns: names, shell patterns (`tfjs-*`) or groups ("cpu", "web", "gpu", "all").
        format: keep only those that open this format, such as "tflite".

    Raises:
        EdgeproofError: a pattern is neither a group nor matches a name.
    """
    chosen = {name for pattern in patterns for name in _match(pattern)}
    return tuple(row for row in _ROWS if row.name in chosen and (format is None or format in row.formats))


def _match(pattern: str) -> list[str]:
    if pattern in GROUPS:
        return [row.name for row in _ROWS if pattern == "all" or pattern in row.groups]
    found = [row.name for row in _ROWS if fnmatchcase(row.name, pattern)]
    if not found:
        raise _unknown(pattern)
    return found


def _unknown(name: str) -> EdgeproofError:
    return EdgeproofError(
        f"{name}: no such runtime",
        got=repr(name),
        want=f"one of {', '.join(RUNTIMES)}; or a group: {', '.join(GROUPS)}",
        fix="name one of these, or a shell pattern such as 'litert-*'",
    )


def probe(name: str) -> Availability:
    """Whether a runtime works here, tried with a tiny model.

    Raises:
        EdgeproofError: there is no runtime of that name.
    """
    from validation.runtimes.probing import try_runtime

    row = runtime(name)
    hint = row.missing()
    if hint is not None:
        return Availability(name, "unavailable", "", hint)
    return try_runtime(row)
