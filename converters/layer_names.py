"""Which Keras layer a node of the graph belongs to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from converters.graph_edit import all_nodes

if TYPE_CHECKING:
    from tensorflow.core.framework.graph_pb2 import GraphDef

_COUNT = re.compile(r"_\d+$")


class LayerNames:
    """The layers of one graph.

    Keras opens a name scope for each layer, and TensorFlow appends "_1", "_2" … to one that is entered
    again. In a model that is loaded and then traced that happens to all: "conv2d_1" is then the layer
    "conv2d", although there is a layer "conv2d_1" as well, whose scope is "conv2d_1_1" or "conv2d_1_2".

    Args:
        nodes: names of all nodes.
        layers: from each layer's name to its class; empty where they are not known.
    """

    def __init__(self, nodes: Iterable[str], layers: Mapping[str, str]) -> None:
        self._layers = layers
        self._scopes = {scope for node in nodes for scope in node.split("/")[:-1]}

    @classmethod
    def of_graph(cls, graph_def: GraphDef, layers: Mapping[str, str]) -> LayerNames:
        """Of a graph with its functions."""
        return cls((node.name for node in all_nodes(graph_def)), layers)

    def of(self, node: str) -> str:
        """The innermost layer around a node, or its scope where none is known."""
        *scopes, last = node.split("/")
        for scope in reversed(scopes or [last]):
            if layer := self._of_scope(scope):
                return layer
        return "/".join(scopes) or node

    def _of_scope(self, scope: str) -> str:
        counted = _COUNT.sub("", scope)
        known = [name for name in (scope, counted) if name in self._layers]
        if len(known) == 2 and scope != counted:
            return scope if counted in self._scopes else counted
        return known[0] if known else ""
