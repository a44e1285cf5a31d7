"""A TF.js graph model, to be edited."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from bench.detection.parsed import Op, ParsedFile
from converters.artifact import Artifact
from converters.tfjs_model import weights


class TfjsFile(ParsedFile):
    """Attributes are the GraphDef's; strings are text, lists are lists.

    Attributes:
        model: the parsed `model.json`.
        rows: of the weights' manifest, by name.
    """

    format = "tfjs"

    def __init__(self, artifact: Artifact, layers: Collection[str]) -> None:
        self.layers, self._artifact = layers, artifact
        self.model = json.loads(artifact.entry_path.read_text(encoding="utf-8"))
        manifest = self.model["weightsManifest"]
        self.rows = {row["name"]: row for group in manifest for row in group["weights"]}
        self._values = {e["name"]: e["data"] for e in weights.read(manifest, artifact.directory)}

    def ops(self) -> Iterator[Op]:
        topology = self.model["modelTopology"]
        functions = topology.get("library", {}).get("function", [])
        for nodes in (topology["node"], *(function.get("nodeDef", []) for function in functions)):
            for raw in nodes:
                if raw["op"] != "Const":
                    constants = [name for name in map(_node, raw.get("input", ())) if name in self._values]
                    yield Op(raw["op"], raw, nodes, (raw["name"], *constants))

    def readers(self, op: Op) -> list[Op]:
        made = op.raw["name"]
        return [other for other in self.ops() if made in map(_node, other.raw.get("input", ()))]

    def get(self, op: Op, attribute: str) -> Any:
        return _plain(op.raw.get("attr", {}).get(attribute))

    def set(self, op: Op, attribute: str, value: Any) -> None:
        op.raw["attr"][attribute] = _spelled(value)

    def retype(self, op: Op, kind: str) -> None:
        op.raw["op"] = kind

    def inputs(self, op: Op) -> int:
        return len(op.raw.get("input", ()))

    def constant(self, op: Op, index: int) -> np.ndarray | None:
        names = op.raw.get("input", ())
        return self._values.get(_node(names[index])) if index < len(names) else None

    def step(self, op: Op, index: int) -> float:
        row = self.rows[_node(op.raw["input"][index])]
        return float(row.get("quantization", {}).get("scale", 0.0))

    def replace(self, op: Op, index: int, values: np.ndarray) -> None:
        old = _node(op.raw["input"][index])
        name = f"{old}/own{len(self._values)}"
        node = next(raw for raw in self._all_nodes() if raw["name"] == old)
        op.graph.append({**node, "name": name})
        op.raw["input"][index] = name
        self._values[name] = np.ascontiguousarray(values)
        self.rows[name] = dict(self.rows[old])

    def _all_nodes(self) -> Iterator[dict[str, Any]]:
        topology = self.model["modelTopology"]
        yield from topology["node"]
        for function in topology.get("library", {}).get("function", []):
            yield from function.get("nodeDef", [])

    def swap(self, op: Op, first: int, second: int) -> None:
        names = op.raw["input"]
        names[first], names[second] = names[second], names[first]

    def swap_ends(self, side: str, first: str, second: str) -> None:
        """Exchanges two nodes' readers (inputs), or what two last nodes read (outputs)."""
        names = {"inputs": self._artifact.input_names, "outputs": self._artifact.output_names}[side]
        a, b = _node(names[first]), _node(names[second])
        nodes = {raw["name"]: raw for raw in self._all_nodes()}
        if side == "outputs":
            nodes[a]["input"], nodes[b]["input"] = nodes[b]["input"], nodes[a]["input"]
            return
        other = {a: b, b: a}
        for raw in nodes.values():
            if "input" in raw:
                raw["input"] = [other.get(name, name) for name in raw["input"]]

    def write(self, out: Path) -> None:
        entries = [{"name": name, "data": data} for name, data in self._values.items()]
        quantized: dict[str, list[str]] = {}
        for name, row in self.rows.items():
            if "quantization" in row:
                quantized.setdefault(row["quantization"]["dtype"], []).append(name)
        manifest = weights.write(entries, out, quantized)
        self._restore_quantization(manifest)
        text = json.dumps({**self.model, "weightsManifest": manifest}, sort_keys=True)
        (out / self._artifact.entry).write_text(text, encoding="utf-8")

    def _restore_quantization(self, manifest: list[dict[str, Any]]) -> None:
        """A scale or minimum that a fault has changed goes into the manifest as it is."""
        for group in manifest:
            for row in group["weights"]:
                for key, value in self.rows[row["name"]].get("fault", {}).items():
                    row["quantization"][key] = value


def _node(name: str) -> str:
    return name.removeprefix("^").partition(":")[0]


def _plain(value: dict[str, Any] | None) -> Any:
    if not value:
        return None
    ((kind, content),) = value.items()
    if kind == "list":
        return [_plain({inner: item}) for inner, items in content.items() for item in items]
    readers: dict[str, Callable[[Any], Any]] = {"i": int, "s": lambda text: base64.b64decode(text).decode()}
    return readers.get(kind, lambda same: same)(content)


def _spelled(value: Any) -> dict[str, Any]:
    if isinstance(value, list):
        kind = next(iter(_spelled(value[0])))
        return {"list": {kind: [_spelled(item)[kind] for item in value]}}
    if isinstance(value, bool):
        return {"b": value}
    if isinstance(value, str):
        return {"s": base64.b64encode(value.encode()).decode()}
    return {"i": str(value)} if isinstance(value, int) else {"f": value}
