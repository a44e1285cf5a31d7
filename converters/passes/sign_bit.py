"""The sign bit of a float, read without Bitcast.

Keras' `argmax` tells -0.0 from 0.0 by the sign bit: Less(BitwiseAnd(Bitcast(x), 0x80000000), 0).
Neither ONNX nor TF.js has Bitcast. `x < 0 or 1 / x < 0` is the same for every x but NaN.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from converters.graph_edit import Scope, make_const, make_node, node_of, scopes

if TYPE_CHECKING:
    from tensorflow.core.framework.graph_pb2 import GraphDef
    from tensorflow.core.framework.node_def_pb2 import NodeDef


def apply(graph_def: GraphDef) -> list[str]:
    count = 0
    for scope in scopes(graph_def):
        nodes = {node.name: node for node in scope.nodes}
        for node in [node for node in scope.nodes if node.op == "Less"]:
            bits = _bitcast(node, nodes)
            if bits is not None:
                _rewrite(scope, node, bits)
                count += 1
    return [f"{count} sign bit(s) read by comparison instead of Bitcast"] if count else []


def _bitcast(less: NodeDef, nodes: Mapping[str, NodeDef]) -> NodeDef | None:
    """The Bitcast of a float whose sign bit alone is compared with zero, if it is that."""
    import tensorflow as tf

    masked, zero = (nodes.get(node_of(name)) for name in less.input)
    if masked is None or masked.op != "BitwiseAnd" or _value(zero) != 0:
        return None
    bits, mask = (nodes.get(node_of(name)) for name in masked.input)
    if bits is None or bits.op != "Bitcast" or not tf.as_dtype(bits.attr["T"].type).is_floating:
        return None
    return bits if _value(mask) == tf.as_dtype(bits.attr["type"].type).min else None


def _value(node: NodeDef | None) -> int | None:
    import tensorflow as tf

    if node is None or node.op != "Const":
        return None
    value = tf.make_ndarray(node.attr["value"].tensor)
    return int(value) if value.size == 1 else None


def _rewrite(scope: Scope, less: NodeDef, bits: NodeDef) -> None:
    import tensorflow as tf

    dtype, x = tf.as_dtype(bits.attr["T"].type), bits.input[0]
    old = scope.output(less)
    zero = scope.add(make_const(f"{less.name}/zero", 0, dtype))
    inverse = scope.add(make_node("Reciprocal", f"{less.name}/inverse", [x], T=dtype))
    below = scope.add(make_node("Less", f"{less.name}/below", [x, zero], T=dtype))
    from_below = scope.add(make_node("Less", f"{less.name}/from_below", [inverse, zero], T=dtype))
    either = scope.add(make_node("LogicalOr", f"{less.name}/either", [below, from_below]))
    scope.rewire(old, either)
    _drop_unused(scope, [less.name, node_of(less.input[0]), bits.name])


def _drop_unused(scope: Scope, names: list[str]) -> None:
    """Removes nodes that nothing reads any more, consumers first."""
    for name in names:
        if any(node_of(tensor) == name for node in scope.nodes for tensor in node.input):
            return
        index = next(index for index, node in enumerate(scope.nodes) if node.name == name)
        del scope.nodes[index]
