"""Reads a SavedModel's graph, before TensorFlow runs any of it, for ops that reach out of it.

Loading a SavedModel runs its initializers, so the whole file is looked at: the main graph and every
function. What TensorFlow itself needs to save and restore variables is let pass, where the saver's own
record names it; and a vocabulary is let pass if it is one of the SavedModel's assets.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from converters.sources.findings import Finding

FILE_OPS = re.compile(
    r"ReadFile|WriteFile|MatchingFiles|(WholeFile|TextLine|TFRecord|FixedLengthRecord|LMDB|Identity)Reader(V2)?"
    r"|Save|SaveSlices|SaveV2|Restore|RestoreSlice|RestoreV2|MergeV2Checkpoints|ImmutableConst"
    r"|(TextLine|TFRecord|FixedLengthRecord|CSV|Sql|LMDB|Snapshot|Save|Load)Dataset(V\d)?"
    r"|(Debug|Write|Create|Import).*Summary.*|CreateSummary\w+Writer|DebugIdentity(V\d)?|ImportEvent"
    r"|InitializeTableFromTextFile(V2)?|DatasetToTFRecord"
)
HOST_OPS = re.compile(
    r"(Eager)?PyFunc(Stateless)?|RpcCall|RpcClient|RpcServer\w*|RemoteCall|RegisterDataset(V2)?|DataServiceDataset(V\d)?"
    r"|_?XlaHostCompute|(_?Host)?(Send|Recv)|DistributedSave|BigQuery\w+|Gcs\w+|TRTEngineOp|ConfigureDistributedTPU"
)
SAVER_OPS = frozenset(
    {"SaveV2", "RestoreV2", "MergeV2Checkpoints", "Save", "SaveSlices", "Restore", "RestoreSlice"}
)
TABLE_FROM_FILE = ("InitializeTableFromTextFile", "InitializeTableFromTextFileV2")


def scan_saved_model(proto: Any) -> Iterator[Finding]:
    """Every op of a `SavedModel` proto that reads or writes files, calls Python, or talks to others."""
    for graph in proto.meta_graphs:
        yield from _scan_assets(graph)
        saver = _Saver(graph)
        for node in graph.graph_def.node:
            yield from _scan_node(node, "the main graph", graph, node.name in saver.nodes)
        for function in graph.graph_def.library.function:
            name = function.signature.name
            for node in function.node_def:
                yield from _scan_node(node, f"function '{name}'", graph, name in saver.functions, function)


class _Saver:
    """What the saver's record names: nodes of the main graph (TF1) and functions (TF2)."""

    def __init__(self, graph: Any) -> None:
        self._by_name = {node.name: node for node in graph.graph_def.node}
        library = {function.signature.name: function for function in graph.graph_def.library.function}
        saver = graph.saver_def
        ends = (saver.save_tensor_name, saver.restore_op_name)
        self.nodes = _before(ends, self._by_name)
        called = {attr for name in self.nodes for attr in _functions(self._by_name[name])}
        self.functions: set[str] = set()
        while called:
            name = called.pop()
            if name in library and name not in self.functions:
                self.functions.add(name)
                called |= {attr for node in library[name].node_def for attr in _functions(node)}


def _before(ends: Iterable[str], by_name: dict[str, Any]) -> set[str]:
    """The nodes with these names and all that they depend on."""
    seen: set[str] = set()
    todo = [end.split(":")[0] for end in ends]
    while todo:
        name = todo.pop()
        if name in by_name and name not in seen:
            seen.add(name)
            todo += [given.lstrip("^").split(":")[0] for given in by_name[name].input]
    return seen


def _functions(node: Any) -> set[str]:
    """The functions that a node calls."""
    return {value.func.name for value in node.attr.values() if value.func.name}


def _scan_node(node: Any, where: str, graph: Any, in_saver: bool, function: Any = None) -> Iterator[Finding]:
    place = f"node '{node.name}' of {where}"
    if node.op in TABLE_FROM_FILE:
        if not _reads_asset(node, graph, function):
            yield Finding(f"op {node.op} on a file that is no asset of the model", place)
    elif node.op == "PrintV2":
        target = node.attr["output_stream"].s.decode(errors="replace")
        if target.startswith("file:"):
            yield Finding(f"op PrintV2 into {target}", place)
    elif (FILE_OPS.fullmatch(node.op) and not (in_saver and node.op in SAVER_OPS)) or HOST_OPS.fullmatch(
        node.op
    ):
        yield Finding(f"op {node.op}", place)


def _reads_asset(node: Any, graph: Any, function: Any) -> bool:
    """Whether a table's file is an asset: named so in the main graph, or bound so to the function."""
    source = node.input[1].split(":")[0]
    assets = {asset.tensor_info.name.split(":")[0] for asset in graph.asset_file_def}
    if function is None:
        return source in assets or _ends_in(source, assets, graph)
    arguments = [argument.name for argument in function.signature.input_arg]
    if source not in arguments:
        return False
    bound = graph.object_graph_def.concrete_functions[function.signature.name].bound_inputs
    own = len(arguments) - len(bound)
    index = arguments.index(source) - own
    nodes = graph.object_graph_def.nodes
    return index < 0 or nodes[bound[index]].WhichOneof("kind") == "asset"


def _ends_in(source: str, assets: set[str], graph: Any) -> bool:
    """Whether a node only passes an asset's name on."""
    by_name = {node.name: node for node in graph.graph_def.node}
    while source in by_name and by_name[source].op == "Identity":
        source = by_name[source].input[0].split(":")[0]
    return source in assets


def _scan_assets(graph: Any) -> Iterator[Finding]:
    for asset in graph.asset_file_def:
        parts = asset.filename.replace("\\", "/").split("/")
        if asset.filename.startswith("/") or ".." in parts or "://" in asset.filename:
            yield Finding(f"an asset outside of the model: {asset.filename!r}", asset.tensor_info.name, False)
