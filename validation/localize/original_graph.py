"""The frozen graph as layers: which nodes each has, and what they hand on to each other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from converters.freeze import load_graph_def
from converters.frozen import FrozenGraph
from converters.graph_edit import node_of, plain
from converters.layer_names import LayerNames


@dataclass(frozen=True, slots=True)
class Boundary:
    """A tensor that a layer hands on.

    Attributes:
        tensor: its name in the graph, "a" or "a:1".
        layer: that computes it.
        rank: its place in the order of computation.
    """

    tensor: str
    layer: str
    rank: int


class OriginalGraph:
    """The graph's structure: which layer each node belongs to, and what layers hand on.

    Args:
        graph: frozen.

    Attributes:
        boundaries: in the order of computation.
        inputs: from each Keras name to its tensor; likewise `outputs`, where the Identity that names an
            output gives way to what it passes on.
    """

    def __init__(self, graph: FrozenGraph) -> None:
        self.definition = load_graph_def(graph)
        self._nodes = {node.name: node for node in self.definition.node}
        self._layers = LayerNames.of_graph(self.definition, graph.layers)
        self._order = _topological(self._nodes)
        self._rank = {name: rank for rank, name in enumerate(self._order)}
        self.inputs = {name: plain(tensor) for name, tensor in graph.input_tensors.items()}
        self._ends = {node_of(t) for t in (*graph.input_tensors.values(), *graph.output_tensors.values())}
        self.outputs = {name: self._source(plain(tensor)) for name, tensor in graph.output_tensors.items()}
        self._varying = self._find_varying()
        self.boundaries = tuple(self._find_boundaries())

    def rank(self, node: str) -> int | None:
        """Place of a node in the order of computation; None of what is no node."""
        return self._rank.get(node)

    def layer(self, node: str) -> str:
        """Keras layer of a node."""
        return self._layers.of(node)

    @property
    def layers(self) -> tuple[str, ...]:
        """Every layer that computes something from the inputs, in order."""
        nodes = (name for name in self._order if self._computes(name))
        return tuple(dict.fromkeys(self.layer(name) for name in nodes))

    def group(self, tensor: str, given: Iterable[str]) -> tuple[str, ...]:
        """The layers that compute a tensor when others are given, in order."""
        stop = {*given, *self.inputs.values()}
        found: set[str] = set()
        todo = [node_of(tensor)]
        while todo:
            name = todo.pop()
            if name in found:
                continue
            found.add(name)
            todo.extend(node_of(key) for key in self._nodes[name].input if plain(key) not in stop)
        ordered = sorted((n for n in found if self._computes(n)), key=self._rank.__getitem__)
        return tuple(dict.fromkeys(self.layer(name) for name in ordered))

    def _computes(self, name: str) -> bool:
        """Whether a node depends on the inputs, and is neither one of them nor an output's mere name."""
        return name in self._varying and name not in self._ends

    def _source(self, tensor: str) -> str:
        node = self._nodes[node_of(tensor)]
        return plain(node.input[0]) if node.op == "Identity" else tensor

    def _find_boundaries(self) -> Iterable[Boundary]:
        """Results that another layer takes, or that are outputs."""
        taken: dict[str, set[str]] = {}
        for name in self._order:
            for key in self._nodes[name].input:
                taken.setdefault(plain(key), set()).add(self.layer(name))
        ends = set(self.outputs.values())
        for tensor in sorted(taken.keys() | ends, key=lambda key: self._rank[node_of(key)]):
            node = node_of(tensor)
            if not self._computes(node):
                continue
            layer = self.layer(node)
            if tensor in ends or taken.get(tensor, set()) - {layer}:
                yield Boundary(tensor, layer, self._rank[node])

    def _find_varying(self) -> set[str]:
        """Nodes whose values depend on the inputs, the inputs included."""
        found = {node_of(tensor) for tensor in self.inputs.values()}
        for name in self._order:
            if any(node_of(key) in found for key in self._nodes[name].input):
                found.add(name)
        return found


def _topological(nodes: Mapping[str, Any]) -> list[str]:
    done: dict[str, None] = {}
    stack = [(name, False) for name in reversed(list(nodes))]
    while stack:
        name, is_ready = stack.pop()
        if name in done:
            continue
        if is_ready:
            done[name] = None
            continue
        stack.append((name, True))
        stack.extend((node_of(key), False) for key in reversed(nodes[name].input) if node_of(key) not in done)
    return list(done)
