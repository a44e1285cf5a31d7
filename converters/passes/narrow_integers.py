"""Arithmetic in 8 bits wraps around, as it does in TensorFlow.

TF.js (4.22) computes every integer in int32: uint8 3 - 5 is -2 there, and 254 in TensorFlow. Of 16 bits
it doesn't know the Cast that this takes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from converters.graph_edit import all_nodes
from converters.graph_graft import graft

if TYPE_CHECKING:
    from tensorflow.core.framework.graph_pb2 import GraphDef
    from tensorflow.core.framework.node_def_pb2 import NodeDef

OPS = ("AddV2", "Mul", "Neg", "Sub")


def apply(graph_def: GraphDef) -> list[str]:
    if not any(node.op in OPS and _is_narrow(node) for node in all_nodes(graph_def)):
        return []
    done = graft(graph_def, dict.fromkeys(OPS, _wrapped))
    return [f"{count} {op} of 8-bit integers cut to their bits" for op, count in sorted(done.items())]


def _is_narrow(node: NodeDef) -> bool:
    import tensorflow as tf

    return tf.as_dtype(node.attr["T"].type) in (tf.int8, tf.uint8)


def _wrapped(node: NodeDef, *operands: Any) -> Any:
    """The same in int32, less whole turns."""
    import tensorflow as tf

    if not _is_narrow(node):
        return None
    dtype = tf.as_dtype(node.attr["T"].type)
    compute = {"AddV2": tf.add, "Mul": tf.multiply, "Neg": tf.negative, "Sub": tf.subtract}[node.op]
    result = compute(*(tf.cast(operand, tf.int32) for operand in operands))
    return tf.cast(tf.math.floormod(result - dtype.min, dtype.max - dtype.min + 1) + dtype.min, dtype)
