"""One spelling for one graph, so that the same model gives the same bytes in every process.

tf2onnx numbers its names with process-wide counters and walks sets, whose order changes with the
hash seed. Here nodes are put in the one order that follows from the graph itself (depth first
from the outputs), values are named anew in that order, and initializers are sorted by it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, ValueInfoProto

_COUNTER = re.compile(r"__\d+")
"""What tf2onnx's `make_name` appends to a name: a count over the whole process."""


def canonicalize(model: ModelProto, inputs: Sequence[str], outputs: Sequence[str]) -> None:
    """Orders and names everything in `model` by its structure alone, in place.

    Afterwards the graph's inputs and outputs have the order given here and keep their names, nodes
    are sorted topologically, unused nodes and initializers are gone, and every other name is
    that of its producer in TensorFlow, made unique in topological order.

    Args:
        model: a valid model.
        inputs: names of all inputs of its graph, in the order wanted.
        outputs: likewise.
    """
    namer = _Namer((*inputs, *outputs))
    _rewrite(model.graph, namer, {name: name for name in (*inputs, *outputs)})
    for ends, names in ((model.graph.input, inputs), (model.graph.output, outputs)):
        ends.sort(key=lambda value, names=names: names.index(value.name))
    _drop_unused_opsets(model)
    model.doc_string = ""


class _Namer:
    """Gives each name once, for values and (apart from those) for nodes."""

    def __init__(self, kept: Sequence[str]) -> None:
        self._values = set(kept)
        self._nodes: set[str] = set()
        self._count: dict[tuple[str, int], int] = {}

    def value(self, wanted: str) -> str:
        return self._unique(wanted, self._values)

    def node(self, wanted: str) -> str:
        return self._unique(wanted, self._nodes)

    def _unique(self, wanted: str, taken: set[str]) -> str:
        base = _COUNTER.sub("", wanted)
        name, key = base, (base, id(taken))
        while name in taken:
            self._count[key] = self._count.get(key, 0) + 1
            name = f"{base}__{self._count[key]}"
        taken.add(name)
        return name


def _rewrite(graph: GraphProto, namer: _Namer, scope: dict[str, str]) -> None:
    """Sorts and renames one graph and those inside its nodes.

    Args:
        graph: edited in place.
        namer: one for the whole model, since ONNX forbids an inner name to hide an outer one.
        scope: new names of the values known so far, by old name; grows.
    """
    order = list(_depth_first(graph))
    initializers = {tensor.name for tensor in graph.initializer}
    for value in graph.input:
        _rename(value, scope, namer)
    rank: dict[str, int] = {}
    for node in order:
        for name in _reads(node):
            if name in initializers and name not in rank:
                rank[name] = len(rank)
                scope.setdefault(name, namer.value(name))
        _rename_node(node, namer, scope)
    for value in graph.output:
        if value.name in initializers:
            rank.setdefault(value.name, len(rank))
        _rename(value, scope, namer)
    _keep(graph.initializer, lambda tensor: tensor.name, rank)
    for tensor in graph.initializer:
        tensor.name = scope.setdefault(tensor.name, tensor.name)
        tensor.doc_string = ""
    _keep(graph.node, lambda node: node.output[0], {node.output[0]: i for i, node in enumerate(order)})
    del graph.value_info[:]
    graph.doc_string = ""


def _rename(value: ValueInfoProto, scope: dict[str, str], namer: _Namer) -> None:
    if value.name not in scope:
        scope[value.name] = namer.value(value.name)
    value.name = scope[value.name]
    value.doc_string = ""


def _rename_node(node: NodeProto, namer: _Namer, scope: dict[str, str]) -> None:
    for inner in _graphs(node):
        _rewrite(inner, namer, dict(scope))
    node.input[:] = [scope[name] if name else "" for name in node.input]
    for index, name in enumerate(node.output):
        if name and name not in scope:
            scope[name] = namer.value(name)
        node.output[index] = scope[name] if name else ""
    node.name = namer.node(node.name or node.op_type)
    node.doc_string = ""
    node.attribute.sort(key=lambda attribute: attribute.name)


def _keep(items: Any, key: Callable[[Any], str], rank: dict[str, int]) -> None:
    """Sorts a repeated field by rank and drops what has none, without copying what stays."""
    for index in reversed(range(len(items))):
        if key(items[index]) not in rank:
            del items[index]
    items.sort(key=lambda item: rank[key(item)])


def _depth_first(graph: GraphProto) -> Iterator[NodeProto]:
    """Nodes that the outputs need, producers first; equal for graphs of equal structure."""
    producers = {name: node for node in graph.node for name in node.output if name}
    emitted: set[str] = set()
    stack = [(value.name, False) for value in reversed(graph.output)]
    while stack:
        name, is_ready = stack.pop()
        node = producers.get(name)
        if node is None or node.output[0] in emitted:
            continue
        if is_ready:
            emitted.add(node.output[0])
            yield node
        else:
            stack.append((name, True))
            stack += [(read, False) for read in reversed(list(_reads(node)))]


def _reads(node: NodeProto) -> Iterator[str]:
    """Values that a node needs: its inputs, then what the graphs inside it capture."""
    yield from (name for name in node.input if name)
    for graph in _graphs(node):
        own = {value.name for value in (*graph.input, *graph.initializer)}
        own |= {name for inner in graph.node for name in inner.output}
        for inner in _depth_first(graph):
            yield from (name for name in _reads(inner) if name not in own)
        yield from (value.name for value in graph.output if value.name not in own)


def _graphs(node: NodeProto) -> Iterator[GraphProto]:
    for attribute in sorted(node.attribute, key=lambda attribute: attribute.name):
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs


def _drop_unused_opsets(model: ModelProto) -> None:
    """Leaves only the operator sets that occur, sorted by domain."""
    used = {node.domain for graph in _all_graphs(model.graph) for node in graph.node} | {""}
    _keep(model.opset_import, lambda row: row.domain, {name: i for i, name in enumerate(sorted(used))})


def _all_graphs(graph: GraphProto) -> Iterator[GraphProto]:
    yield graph
    for node in graph.node:
        for inner in _graphs(node):
            yield from _all_graphs(inner)
