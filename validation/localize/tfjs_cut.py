"""TF.js graph models, read as a graph and cut; keys are "node", or "node:1" for a further output."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from converters.artifact import Artifact
from converters.graph_edit import node_of, plain
from converters.tfjs_model.weights import stored_bytes
from validation.localize.file_graph import CUT, FileGraph, FileOp, FileTensor, needed

Node = dict[str, Any]

_HANDLES = {"DT_VARIANT", "DT_RESOURCE"}
"""Types of lists and loops' states, which TF.js doesn't hand out."""

_TYPES = {"f": "DT_FLOAT", "i": "DT_INT32", "u": "DT_INT32", "b": "DT_BOOL", "O": "DT_STRING"}
"""By kind: TF.js has one type for every width."""


def read(artifact: Artifact) -> FileGraph:
    nodes = _topology(artifact)["node"]
    constant = {node["name"] for node in nodes if node["op"] == "Const"}
    placeholders = {node["name"] for node in nodes if node["op"].startswith("Placeholder")}
    counts = _counts(nodes, artifact)
    ops = []
    tensors = {name: FileTensor((name,)) for name in placeholders}
    for node in nodes:
        if node["name"] in constant | placeholders:
            continue
        reads = [key for key in _inputs(node) if not key.startswith("^")]
        outputs = _outputs(node["name"], counts.get(node["name"], 1))
        ops.append(
            FileOp(
                node["op"],
                tuple(key for key in reads if node_of(key) not in constant),
                outputs,
                tuple(node_of(key) for key in reads if node_of(key) in constant),
                observable=not _HANDLES.intersection(_types(node)),
            )
        )
        tensors |= {key: FileTensor((node["name"],)) for key in outputs}
    return FileGraph(
        tensors,
        _sorted(ops, placeholders),
        {name: plain(key) for name, key in artifact.input_names.items()},
        {name: plain(key) for name, key in artifact.output_names.items()},
    )


def write(
    artifact: Artifact, feeds: Mapping[str, np.ndarray], outputs: list[str], out: Path
) -> tuple[dict[str, str], dict[str, str], str]:
    model = json.loads(artifact.entry_path.read_text(encoding="utf-8"))
    topology = model["modelTopology"]
    names = {key: CUT.format(key.replace(":", "_")) for key in feeds}
    for node in topology["node"]:
        if node.get("input"):
            node["input"] = [names.get(plain(key), key) for key in node["input"]]
    nodes = [_placeholder(names[key], array) for key, array in feeds.items()]
    topology["node"] = _reaching([*nodes, *topology["node"]], [*names.values(), *outputs])
    kept = {node["name"] for node in topology["node"]} | _in_functions(topology)
    manifest = _copy_weights(model["weightsManifest"], artifact.directory, kept, out)
    # Without a signature TF.js takes nodes by their names.
    cut = {"format": "graph-model", "modelTopology": topology, "weightsManifest": manifest}
    (out / "model.json").write_text(json.dumps(cut), encoding="utf-8")
    return names, {key: key for key in outputs}, "model.json"


def _types(node: Node) -> set[str]:
    """Every type that a node's attributes name."""
    found = set()
    for value in node.get("attr", {}).values():
        found |= {value.get("type", ""), *value.get("list", {}).get("type", [])}
    return found


def _topology(artifact: Artifact) -> dict[str, Any]:
    return json.loads(artifact.entry_path.read_text(encoding="utf-8"))["modelTopology"]


def _inputs(node: Node) -> list[str]:
    return [plain(key) for key in node.get("input") or ()]


def _counts(nodes: Iterable[Node], artifact: Artifact) -> dict[str, int]:
    """How many results each node has, as far as anybody takes them: no op's attributes need be known."""
    taken = [key for node in nodes for key in _inputs(node)]
    counts: dict[str, int] = {}
    for key in (*taken, *map(plain, artifact.output_names.values())):
        name, _, index = key.partition(":")
        counts[name] = max(counts.get(name, 1), int(index or 0) + 1)
    return counts


def _outputs(name: str, count: int) -> tuple[str, ...]:
    return tuple(f"{name}:{index}" if index else name for index in range(count))


def _sorted(ops: list[FileOp], given: Iterable[str]) -> tuple[FileOp, ...]:
    """Each op after those that it needs; loops of the old kind are left in the file's order."""
    known, left, done = set(given), list(ops), []
    while left:
        ready = [op for op in left if known.issuperset(op.inputs)] or left
        done += ready
        known.update(key for op in ready for key in op.outputs)
        left = [op for op in left if op not in ready]
    return tuple(done)


def _placeholder(name: str, array: np.ndarray) -> Node:
    dims = [{"size": str(size)} for size in array.shape]
    kind = {"type": _TYPES[array.dtype.kind]}
    return {"name": name, "op": "Placeholder", "attr": {"dtype": kind, "shape": {"shape": {"dim": dims}}}}


def _reaching(nodes: list[Node], roots: list[str]) -> list[Node]:
    """The nodes that others are computed by, and these themselves."""
    numbers = {node["name"]: number for number, node in enumerate(nodes)}
    kept = needed(map(node_of, roots), numbers, lambda n: map(node_of, nodes[n].get("input") or ()))
    return [nodes[number] for number in sorted(kept)]


def _in_functions(topology: dict[str, Any]) -> set[str]:
    functions = topology.get("library", {}).get("function", [])
    return {node["name"] for function in functions for node in function.get("nodeDef", [])}


def _copy_weights(
    manifest: list[dict[str, Any]], directory: Path, kept: set[str], out: Path
) -> list[dict[str, Any]]:
    """The weights that are left, byte for byte, in one file for each group."""
    groups = []
    for number, group in enumerate(manifest):
        data = b"".join((directory / path).read_bytes() for path in group["paths"])
        sizes = [stored_bytes({"weights": [row]}) for row in group["weights"]]
        rows, parts, at = [], [], 0
        for row, size in zip(group["weights"], sizes, strict=True):
            # A string's size is not told: a group with strings stays whole.
            if None in sizes or row["name"] in kept:
                rows.append(row)
                parts.append(data[at : at + (size or 0)])
            at += size or 0
        name = f"group{number + 1}-shard1of1.bin"
        (out / name).write_bytes(data if None in sizes else b"".join(parts))
        groups.append({"paths": [name], "weights": rows})
    return groups
