"""Reads TF.js graph models: a `model.json` and the shards that it names."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from converters.target import ExportTarget
from validation.foreign.file import FileFacts, FileTensor, check_content, unreadable

ENTRY = "model.json"

_BYTES = {"float32": 4, "int32": 4, "bool": 1, "complex64": 8, "uint8": 1, "uint16": 2, "float16": 2}
_DTYPES = {
    "DT_FLOAT": "float32", "DT_DOUBLE": "float64", "DT_HALF": "float16", "DT_BFLOAT16": "bfloat16",
    "DT_INT8": "int8", "DT_INT16": "int16", "DT_INT32": "int32", "DT_INT64": "int64",
    "DT_UINT8": "uint8", "DT_UINT16": "uint16", "DT_UINT32": "uint32", "DT_UINT64": "uint64",
    "DT_BOOL": "bool", "DT_STRING": "string", "DT_COMPLEX64": "complex64",
}  # fmt: skip
_CODES = dict(enumerate(
    ["DT_FLOAT", "DT_DOUBLE", "DT_INT32", "DT_UINT8", "DT_INT16", "DT_INT8", "DT_STRING",
     "DT_COMPLEX64", "DT_INT64", "DT_BOOL"], start=1))  # fmt: skip
"""Numbers of tensorflow/core/framework/types.proto, which some models have in place of the names."""


def read(path: Path) -> FileFacts:
    """What a `model.json` says about itself.

    Raises:
        EdgeproofError: it is damaged, is a layers model, or a shard is missing or cut short.
    """
    model = _open(path)
    weights = [row for group in model.get("weightsManifest", []) for row in group["weights"]]
    shards = _shards(path, model)
    nodes = {node["name"]: node for node in model["modelTopology"]["node"]}
    signature = model.get("signature") or model.get("userDefinedMetadata", {}).get("signature") or {}
    inputs = tuple(_tensor(name, row, nodes) for name, row in signature.get("inputs", {}).items())
    outputs = tuple(_tensor(name, row, nodes) for name, row in signature.get("outputs", {}).items())
    notes: tuple[str, ...] = ()
    if not inputs or not outputs:
        inputs, outputs = _ends(nodes)
        notes = ("The file has no signature: its placeholders and last nodes were taken.",)
    target = ExportTarget("tfjs", _precision(weights))
    return FileFacts(path, (path, *shards), target, inputs, outputs, notes=notes)


def _open(path: Path) -> dict[str, Any]:
    try:
        model = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:  # of JSON or of UTF-8
        raise unreadable(path, str(error), "JSON") from error
    topology = model.get("modelTopology") if isinstance(model, dict) else None
    if not isinstance(topology, dict):
        raise unreadable(path, "no modelTopology", "a TF.js graph model")
    if model.get("format") == "layers-model" or "model_config" in topology:
        raise unreadable(
            path,
            "a TF.js layers model",
            "a TF.js graph model",
            "convert with --output_format=tfjs_graph_model. Layers models of Keras 3 don't load in TF.js "
            "4.22, and patched ones compute something else in silence, so edgeproof takes none.",
        )
    if not topology.get("node"):
        raise unreadable(path, "a graph without nodes", "a TF.js graph model")
    return model


def _shards(path: Path, model: Mapping[str, Any]) -> tuple[Path, ...]:
    """The shards in order, all of them there and as long together as their weights."""
    found: list[Path] = []
    for group in model.get("weightsManifest", []):
        files = [path.parent / name for name in group["paths"]]
        for file in files:
            check_content(file)
        got = sum(file.stat().st_size for file in files)
        if all(row["dtype"] != "string" for row in group["weights"]):
            want = sum(_weight_bytes(row) for row in group["weights"])
            if got != want:
                names = ", ".join(group["paths"])
                raise unreadable(path, f"{got} bytes in {names}", f"{want} bytes, as the manifest says")
        found += files
    return tuple(found)


def _weight_bytes(row: Mapping[str, Any]) -> int:
    dtype = row.get("quantization", {}).get("dtype", row["dtype"])
    return math.prod(row["shape"]) * _BYTES[dtype]


def _tensor(name: str, row: Mapping[str, Any], nodes: Mapping[str, Any]) -> FileTensor:
    node = row.get("name", name)
    shape = _shape(row.get("tensorShape"))
    if shape is None:
        shape = _shape(_attribute(nodes, node, "shape").get("shape"))
    dtype = row.get("dtype") or _attribute(nodes, node, "dtype").get("type")
    aliases = () if node == name else (node,)
    return FileTensor(name, shape, _dtype(dtype), aliases=aliases)


def _attribute(nodes: Mapping[str, Any], name: str, key: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = nodes.get(name.split(":", maxsplit=1)[0], {}).get("attr", {}).get(key, {})
    return found


def _shape(proto: Mapping[str, Any] | None) -> tuple[int | None, ...] | None:
    if proto is None or proto.get("unknownRank"):
        return None
    sizes = [int(dim.get("size", -1)) for dim in proto.get("dim", [])]
    return tuple(None if size < 0 else size for size in sizes)


def _dtype(code: str | int | None) -> str:
    name = _CODES.get(code, "") if isinstance(code, int) else code or "DT_FLOAT"
    return _DTYPES.get(name, name)


def _ends(nodes: Mapping[str, Any]) -> tuple[tuple[FileTensor, ...], tuple[FileTensor, ...]]:
    """Placeholders, and the nodes that no other node reads."""
    read = {source.lstrip("^").split(":")[0] for node in nodes.values() for source in node.get("input", [])}
    inputs = [name for name, node in nodes.items() if node["op"] == "Placeholder"]
    outputs = [
        name for name, node in nodes.items() if name not in read and node["op"] not in ("Const", "NoOp")
    ]
    return tuple(_tensor(n, {}, nodes) for n in inputs), tuple(
        FileTensor(n, None, _dtype(_attribute(nodes, n, "T").get("type"))) for n in outputs
    )


def _precision(weights: list[Mapping[str, Any]]) -> str:
    """float32 when no float weight is quantized, else the type that most of the quantized ones have."""
    sizes: Counter[str] = Counter()
    for row in weights:
        kept = row.get("quantization", {}).get("dtype", "float32")
        if row["dtype"] == "float32":
            sizes[kept] += math.prod(row["shape"])
    quantized = [name for name, _ in sizes.most_common() if name != "float32"]
    return quantized[0] if quantized else "float32"
