"""What the original's graph contains, as far as it decides which inputs are worth trying."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


def ops_of(text: str) -> frozenset[str]:
    """Ops written with blanks between them."""
    return frozenset(text.split())


CARRIERS = ops_of(
    """Identity Cast Reshape ExpandDims Squeeze ConcatV2 Pack Unpack Transpose StridedSlice Slice Split SplitV
    Select SelectV2 AddV2 Add Sub Mul Minimum Maximum FloorDiv FloorMod Mod Neg Abs Tile BroadcastTo Pad PadV2
    ReverseV2 StopGradient PreventGradient EnsureShape Snapshot Relu ClipByValue Round Floor"""
)
"""Ops whose results are still the values that went in, or are counted from these."""

TABLES: Mapping[str, tuple[int, int]] = {
    "Gather": (1, 0),
    "GatherV2": (1, 0),
    "GatherNd": (1, 0),
    "ResourceGather": (1, 0),
    "ResourceGatherNd": (1, 0),
    "OneHot": (0, 1),
    "ScatterNd": (0, 2),
    "TensorScatterUpdate": (1, 0),
    "TensorScatterAdd": (1, 0),
    "UnsortedSegmentSum": (1, 2),
    "UnsortedSegmentMax": (1, 2),
    "DenseBincount": (0, 1),
}
"""Which argument of an op is an index, and which one is the table, or tells its length."""

LENGTH_IS_VALUE = frozenset(
    {"OneHot", "ScatterNd", "UnsortedSegmentSum", "UnsortedSegmentMax", "DenseBincount"}
)
"""Ops of `TABLES` whose second argument is not the table, but its length."""

SIZES: Mapping[str, tuple[int, ...]] = {
    "Fill": (0,),
    "Range": (0, 1, 2),
    "LinSpace": (2,),
    "Tile": (1,),
    "BroadcastTo": (1,),
    "Reshape": (1,),
    "Pad": (1,),
    "PadV2": (1,),
    "MirrorPad": (1,),
    "OneHot": (1,),
    "ResizeBilinear": (1,),
    "ResizeNearestNeighbor": (1,),
}
"""Arguments that decide how much memory an op takes."""

LOOPS = frozenset({"While", "StatelessWhile"})
"""Ops for which any number may be how often they go round."""


PRODUCTS: Mapping[str, int] = {
    "MatMul": 1,
    "BatchMatMulV2": 1,
    "Conv2D": 49,
    "DepthwiseConv2dNative": 49,
    "Conv2DBackpropInput": 49,
    "Conv3D": 49,
}
"""How often an op uses each of its weights for one sample: a convolution once for each place of a picture,
which is 7 x 7 where networks have most of their weights."""


@dataclass(frozen=True, slots=True)
class GraphFacts:
    """What was found.

    Attributes:
        ops: every op, those in loops and branches included.
        tables: by input, the lengths of the tables that its values look up.
        sizes: inputs whose values may decide sizes of tensors or turns of a loop: great ones would fill
            the memory, or take for ever.
        work: multiplications for one sample, in its order of magnitude.
    """

    ops: frozenset[str]
    tables: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    sizes: frozenset[str] = frozenset()
    work: int = 0

    def has(self, ops: Iterable[str]) -> bool:
        """Whether any of these ops is there."""
        return not self.ops.isdisjoint(ops)


def facts_of(function: Any, names: Iterable[str]) -> GraphFacts:
    """Looks through a concrete function with its calls inlined.

    Args:
        function: a `ConcreteFunction` whose arguments are one dict of tensors.
        names: of the inputs.
    """
    from tensorflow.python.framework import convert_to_constants

    # As `converters.freeze` does, without the weights; TensorFlow has no public name for it.
    graph = convert_to_constants._run_inline_graph_optimization(function, False, True)
    ends = {t.op.name: name for t, name in zip(function.inputs, sorted(names), strict=False)}
    view = _View({node.name: node for node in graph.node}, _variable_shapes(function))
    reached = _reach(graph.node, ends)
    tables: dict[str, set[int]] = {}
    sizes: set[str] = set()
    work = 0
    for node in graph.node:
        arguments = [_source(text) for text in node.input if not text.startswith("^")]
        if node.op in TABLES:
            index, table = TABLES[node.op]
            length = view.length(node, arguments[table])
            for name in reached.get(arguments[index], ()) if length else ():
                tables.setdefault(name, set()).add(length)
        for place in range(len(arguments)) if node.op in LOOPS else SIZES.get(node.op, ()):
            sizes |= reached.get(arguments[place], set()) if place < len(arguments) else set()
        if node.op in PRODUCTS:
            work += PRODUCTS[node.op] * view.elements(arguments[1])
    functions = (node.op for body in graph.library.function for node in body.node_def)
    return GraphFacts(
        ops=frozenset({node.op for node in graph.node} | set(functions)),
        tables={name: tuple(sorted(found)) for name, found in tables.items()},
        sizes=frozenset(sizes),
        work=work,
    )


def _reach(nodes: Any, ends: Mapping[str, str]) -> dict[str, set[str]]:
    """By node, the inputs whose values arrive at its result; nodes come in any order."""
    users: dict[str, list[Any]] = {}
    for node in nodes:
        for text in node.input:
            users.setdefault(_source(text), []).append(node)
    reached: dict[str, set[str]] = {node: {name} for node, name in ends.items()}
    waiting = list(reached)
    while waiting:
        current = waiting.pop()
        for user in users.get(current, ()):
            known = reached.setdefault(user.name, set())
            if user.op in CARRIERS and not reached[current] <= known:
                known |= reached[current]
                waiting.append(user.name)
    return reached


class _View:
    """Constants and variables of a graph."""

    def __init__(self, nodes: Mapping[str, Any], variables: Mapping[str, tuple[int, ...]]) -> None:
        self._nodes, self._variables = nodes, variables

    def length(self, node: Any, argument: str) -> int:
        """Of the table that an op looks up; 0 where the graph doesn't tell."""
        found = self._resolve(argument)
        if node.op in LENGTH_IS_VALUE:
            return self._first(found)
        shape = self._shape(found)
        axis = self._first(self._resolve(_source(node.input[2]))) if node.op == "GatherV2" else 0
        return shape[axis] if axis < len(shape) else 0

    def elements(self, argument: str) -> int:
        """Of the weights that an argument is; 0 where it is none."""
        return math.prod(self._shape(self._resolve(argument)) or (0,))

    def _first(self, node: Any) -> int:
        """First number of a constant; 0 of everything else."""
        if node.op != "Const":
            return 0
        import tensorflow as tf

        values = tf.make_ndarray(node.attr["value"].tensor).ravel()
        return int(values[0]) if values.size else 0

    def _shape(self, node: Any) -> tuple[int, ...]:
        if node.op == "Const":
            return tuple(dim.size for dim in node.attr["value"].tensor.tensor_shape.dim)
        return self._variables.get(node.name, ())

    def _resolve(self, name: str) -> Any:
        node = self._nodes[name]
        while node.op in ("Identity", "ReadVariableOp", "Cast"):
            node = self._nodes[_source(node.input[0])]
        return node


def _variable_shapes(function: Any) -> dict[str, tuple[int, ...]]:
    """Of the captured variables, by the name of the placeholder that stands for each."""
    handles = {id(variable.handle): variable.shape for variable in function.graph.variables}
    pairs = ((inner, handles.get(id(outer))) for outer, inner in function.graph.captures)
    return {inner.op.name: tuple(shape.as_list()) for inner, shape in pairs if shape is not None}


def _source(text: str) -> str:
    """The node that an argument comes from."""
    return text.removeprefix("^").partition(":")[0]
