"""Complex numbers in real ones, where TFLite's own kernels don't do.

TFLite (2.21) has RFFT2D of lengths that are powers of two, and takes apart what it gives; no other
transform, and nothing that makes a complex number of real ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from converters.graph_edit import all_nodes, node_of
from converters.passes import complex_parts

if TYPE_CHECKING:
    from tensorflow.core.framework.graph_pb2 import GraphDef

BUILTIN = frozenset({"ComplexAbs", "Identity", "Imag", "RFFT", "Real"})


def apply(graph_def: GraphDef) -> list[str]:
    import tensorflow as tf

    complex64 = tf.complex64.as_datatype_enum
    ops = {node.op for node in all_nodes(graph_def) if any(v.type == complex64 for v in node.attr.values())}
    if ops <= BUILTIN and all(length & (length - 1) == 0 for length in _lengths(graph_def)):
        return []
    return complex_parts.apply(graph_def)


def _lengths(graph_def: GraphDef) -> Iterator[int]:
    """Of the transforms whose length is constant."""
    import tensorflow as tf

    constants = {node.name: node for node in graph_def.node if node.op == "Const"}
    for node in graph_def.node:
        if node.op == "RFFT" and (size := constants.get(node_of(node.input[1]))) is not None:
            yield int(np.ravel(tf.make_ndarray(size.attr["value"].tensor))[0])
