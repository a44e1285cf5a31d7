"""The weights that a file's ops take, as real numbers, one in memory at a time."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from converters.artifact import Artifact
from converters.graph_edit import node_of
from converters.tflite import model_file


@dataclass(frozen=True)
class Stored:
    """A constant of rank 2 or more.

    Attributes:
        name: in the file.
        values: float32, dequantized.
        scale: real units per step, broadcastable to `values`; None where it isn't quantized.
        symmetric: its steps are centred on 0.
    """

    name: str
    values: np.ndarray
    scale: np.ndarray | None
    symmetric: bool = False


def read(artifact: Artifact) -> Iterator[Stored]:
    """What the ops of a TFLite or TF.js file take; constants that none takes are left out."""
    return {"tflite": _tflite, "tfjs": _tfjs}[artifact.target.format](artifact)


def _tflite(artifact: Artifact) -> Iterator[Stored]:
    model = model_file.read(artifact.entry_path)
    for graph in model.subgraphs:
        taken = {int(index) for operator in graph.operators for index in operator.inputs if index >= 0}
        for index in sorted(taken):
            tensor = graph.tensors[index]
            if tensor.shape is not None and len(tensor.shape) >= 2:
                found = _dequantized(model, tensor)
                if found is not None:
                    yield found


def _dequantized(model: Any, tensor: Any) -> Stored | None:
    values = model_file.array_of(model, tensor)
    name = tensor.name.decode()
    if values is None:
        return None
    if values.dtype.name in ("float32", "float16"):
        return Stored(name, values.astype(np.float32), None)
    quantization = tensor.quantization
    if values.dtype.name not in ("int8", "uint8") or quantization is None or quantization.scale is None:
        return None
    shape = [1] * values.ndim
    shape[quantization.quantizedDimension if len(quantization.scale) > 1 else 0] = -1
    scale = np.asarray(quantization.scale, np.float32).reshape(shape)
    zero = np.asarray(quantization.zeroPoint, np.float32).reshape(shape)
    return Stored(name, (values.astype(np.float32) - zero) * scale, scale, not zero.any())


def _tfjs(artifact: Artifact) -> Iterator[Stored]:
    # Not by tensorflowjs' own reader: it loads TensorFlow, which a process that judges can do without.
    model = json.loads(artifact.entry_path.read_text(encoding="utf-8"))
    taken = {node_of(key) for node in _nodes(model["modelTopology"]) for key in node.get("input", ())}
    for group in model["weightsManifest"]:
        content = b"".join((artifact.directory / name).read_bytes() for name in group["paths"])
        start = 0
        for row in group["weights"]:
            if row["dtype"] == "string":
                break  # a text tells its own length: what comes after it in this group is left out
            kept = row.get("quantization", {})
            dtype, count = np.dtype(kept.get("dtype", row["dtype"])), math.prod(row["shape"])
            values = np.frombuffer(content, dtype, count, start)
            start += values.nbytes
            if row["dtype"] == "float32" and len(row["shape"]) >= 2 and row["name"] in taken:
                yield _real(row, kept, values.reshape(row["shape"]).astype(np.float32))


def _real(row: Mapping[str, Any], kept: Mapping[str, Any], values: np.ndarray) -> Stored:
    if "scale" not in kept:
        return Stored(row["name"], values, None)
    scale = np.full([1] * values.ndim, kept["scale"], np.float32)
    return Stored(row["name"], values * scale + np.float32(kept["min"]), scale)


def _nodes(topology: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from topology["node"]
    for function in topology.get("library", {}).get("function", []):
        yield from function.get("nodeDef", [])
