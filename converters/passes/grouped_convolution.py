"""A grouped convolution becomes one depthwise convolution, or one convolution for each group.

TensorFlow's Conv2D is grouped when its filter has fewer input channels than the input. TF.js 4.22
has no such convolution ("depth of input must match input depth for filter").
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from converters.graph_graft import graft

if TYPE_CHECKING:
    from tensorflow.core.framework.graph_pb2 import GraphDef
    from tensorflow.core.framework.node_def_pb2 import NodeDef


def apply(graph_def: GraphDef) -> list[str]:
    count = graft(graph_def, {"Conv2D": _ungrouped})["Conv2D"]
    return [f"{count} grouped convolution(s) split into their groups"] if count else []


def _ungrouped(node: NodeDef, x: Any, filters: Any) -> Any:
    """None where the convolution isn't grouped, or is in channels-first layout.

    Args:
        x: float, [batch, height, width, channels].
        filters: float, [height, width, channels / groups, outputs].
    """
    import tensorflow as tf

    if node.attr["data_format"].s not in (b"", b"NHWC") or None in (x.shape[-1], filters.shape[2]):
        return None
    channels, inner, outputs = x.shape[-1], filters.shape[2], filters.shape[3]
    if channels == inner:
        return None
    groups = channels // inner
    strides, dilations = list(node.attr["strides"].list.i), list(node.attr["dilations"].list.i)
    settings = {
        "strides": strides,
        "padding": node.attr["padding"].s.decode(),
        "dilations": dilations or [1, 1, 1, 1],
    }
    if inner == 1 and strides[1] == strides[2]:
        depthwise = tf.reshape(filters, [*filters.shape[:2], channels, outputs // groups])
        return tf.raw_ops.DepthwiseConv2dNative(input=x, filter=depthwise, **settings)
    parts = zip(tf.split(x, groups, axis=-1), tf.split(filters, groups, axis=-1), strict=True)
    return tf.concat([tf.raw_ops.Conv2D(input=part, filter=f, **settings) for part, f in parts], axis=-1)
