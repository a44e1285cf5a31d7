"""Erfc(x) becomes 1 - Erf(x).

Keras' exact GELU traces to 0.5 x Erfc(-x / √2). TF.js has no Erfc (4.22); tf2onnx 1.17 logs an
error and writes a file with a node "Erfc" that ONNX Runtime refuses; all three formats have Erf.
The sum loses relative precision where Erfc is tiny; GELU multiplies it by x, and what is lost
there is below 1e-6 of the output's range.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from converters.graph_edit import make_const, make_node, scopes

if TYPE_CHECKING:
    from tensorflow.core.framework.graph_pb2 import GraphDef


def apply(graph_def: GraphDef) -> list[str]:
    import tensorflow as tf

    count = 0
    for scope in scopes(graph_def):
        for node in [node for node in scope.nodes if node.op == "Erfc"]:
            dtype = tf.as_dtype(node.attr["T"].type)
            erf = scope.add(make_node("Erf", f"{node.name}/erf", node.input, T=dtype))
            one = scope.add(make_const(f"{node.name}/one", 1, dtype))
            old = scope.output(node)
            node.op = "Sub"
            del node.input[:]
            node.input.extend([one, erf])
            scope.rewire(old, scope.output(node))
            count += 1
    return [f"{count} Erfc written as 1 - Erf (exact GELU)"] if count else []
