"""1 / sqrt(0) is infinite, as it is in TensorFlow.

XNNPACK's kernel (ai-edge-litert 2.3) answers NaN for 0. Where nothing keeps the argument away from 0,
a zero is divided by instead (not 1 / Sqrt: TensorFlow's converter makes an Rsqrt of that again); a
normalization that adds an epsilon first stays as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from converters.graph_edit import Scope, node_of, scopes
from converters.graph_graft import graft

if TYPE_CHECKING:
    from tensorflow.core.framework.graph_pb2 import GraphDef
    from tensorflow.core.framework.node_def_pb2 import NodeDef

_LIFTS = frozenset({"AddV2", "Maximum"})
"""With a positive constant as one operand, these keep a variance or a square from being 0."""


def apply(graph_def: GraphDef) -> list[str]:
    bare = {
        node.name
        for scope in scopes(graph_def)
        for node in scope.nodes
        if node.op == "Rsqrt" and not _is_lifted(scope, node)
    }
    if not bare:
        return []

    def divide(node: NodeDef, x: Any) -> Any:
        import tensorflow as tf

        if node.name not in bare:
            return None
        is_zero = tf.equal(x, 0)
        return tf.where(is_zero, 1 / x, tf.math.rsqrt(tf.where(is_zero, tf.ones([], x.dtype), x)))

    count = graft(graph_def, {"Rsqrt": divide})["Rsqrt"]
    return [f"{count} Rsqrt of zero written as a division, since XNNPACK makes NaN of it"]


def _is_lifted(scope: Scope, rsqrt: NodeDef) -> bool:
    import tensorflow as tf

    nodes = {node.name: node for node in scope.nodes}
    made = nodes.get(node_of(rsqrt.input[0]))
    if made is None or made.op not in _LIFTS:
        return False
    operands = [nodes.get(node_of(name)) for name in made.input]
    constants = [
        tf.make_ndarray(node.attr["value"].tensor) for node in operands if node and node.op == "Const"
    ]
    return any(bool((values > 0).all()) for values in constants)
