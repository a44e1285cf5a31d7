"""What an op that TFLite lacks computes, written in ops that it has.

Each takes the node that it replaces and its inputs, and gives the result (`converters.graph_graft`);
None where it can't, and the op stays.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tensorflow.core.framework.node_def_pb2 import NodeDef


ERF_UPPER = (
    *(0.00022905065861350646, 0.0034082910107109506, 0.050955695062380861),
    *(0.18520832239976145, 1.128379143519084),
)
ERF_LOWER = (
    *(-1.1791602954361697e-7, 0.000023547966471313185, 0.0010179625278914885, 0.014070470171167667),
    *(0.11098505178285362, 0.49746925110067538, 1.0),
)
ERF_IS_ONE = 3.832506856900711
"""Coefficients in x², the highest power first, and where float32's erf becomes 1.

Source: XLA, `ErfImpl32` in xla/hlo/builder/lib/math.cc.
"""


def erf(node: NodeDef, x: Any) -> Any:
    """x times a quotient of polynomials in x², within 4e-7 in float32."""
    import tensorflow as tf

    if x.dtype != tf.float32:
        return None
    x = tf.clip_by_value(x, -ERF_IS_ONE, ERF_IS_ONE)
    square = x * x
    upper, lower = tf.zeros_like(x), tf.zeros_like(x)
    for coefficient in ERF_UPPER:
        upper = upper * square + coefficient
    for coefficient in ERF_LOWER:
        lower = lower * square + coefficient
    return x * upper / lower


LOG1P = (0.2817465725731455, 0.27961418835770074, 0.40024853723426557, 0.6666631593508111, 2.0000000078777482)
"""Coefficients of 2 atanh(s)/s in s², the highest power first, for s² up to 1/9: within 4e-9.

Source: an interpolation at 64 Chebyshev nodes, and log(1 + x) = 2 atanh(x / (2 + x)).
"""


def log1p(node: NodeDef, x: Any) -> Any:
    """Within 3e-7 relative in float32; TFLite computes log(1 + x), which is 0 below half an epsilon."""
    import tensorflow as tf

    if x.dtype != tf.float32:
        return None
    is_near = tf.abs(x) <= 0.5
    near = tf.where(is_near, x, tf.zeros([], x.dtype))
    return tf.where(is_near, _log1p_near_zero(near), tf.math.log(1 + x))


def softplus(node: NodeDef, x: Any) -> Any:
    """max(x, 0) + log1p(exp(-|x|)); TFLite computes log(1 + exp(x)), which leaves float32 at 88.7, and
    its logarithm has an error of 1e-7 near 1, whatever small number comes out.
    """
    import tensorflow as tf

    if x.dtype != tf.float32:
        return None
    return tf.nn.relu(x) + _log1p_near_zero(tf.exp(-tf.abs(x)))


def _log1p_near_zero(x: Any) -> Any:
    """For x in [-0.5, 1]."""
    share = x / (2 + x)
    square = share * share
    polynomial = square * LOG1P[0] + LOG1P[1]
    for coefficient in LOG1P[2:]:
        polynomial = polynomial * square + coefficient
    return share * polynomial


def cumprod(node: NodeDef, x: Any, axis: Any) -> Any:
    """Products over 2, 4, 8 … neighbours; every step doubles what each element covers."""
    import tensorflow as tf

    at = tf.get_static_value(axis)
    if at is None or node.attr["exclusive"].b or x.shape[int(at)] is None:
        return None
    x = tf.reverse(x, [at]) if node.attr["reverse"].b else x
    step = 1
    while step < x.shape[int(at)]:
        size = x.shape[int(at)] - step
        ones = tf.ones_like(tf.gather(x, tf.range(step), axis=at))
        x *= tf.concat([ones, tf.gather(x, tf.range(size), axis=at)], at)
        step *= 2
    return tf.reverse(x, [at]) if node.attr["reverse"].b else x


def max_pool_3d(node: NodeDef, x: Any) -> Any:
    """Over height and width first, then over depth; a maximum may be taken in any order."""
    import tensorflow as tf

    return _pool_3d(node, x, tf.nn.max_pool2d)


def average_pool_3d(node: NodeDef, x: Any) -> Any:
    """As `max_pool_3d`; padding counts in neither step, so the mean of means is the mean."""
    import tensorflow as tf

    return _pool_3d(node, x, tf.nn.avg_pool2d)


def _pool_3d(node: NodeDef, x: Any, pool: Callable[..., Any]) -> Any:
    import tensorflow as tf

    if node.attr["data_format"].s not in (b"", b"NDHWC"):
        return None
    window, step = list(node.attr["ksize"].list.i), list(node.attr["strides"].list.i)
    padding = node.attr["padding"].s.decode()
    _, depth, height, width, channels = _sizes(x)
    planes = tf.reshape(x, tf.stack([-1, height, width, channels]))
    planes = pool(planes, window[2:4], step[2:4], padding)
    _, height, width, _ = _sizes(planes)
    columns = tf.reshape(planes, tf.stack([-1, depth, height * width, channels]))
    columns = pool(columns, [window[1], 1], [step[1], 1], padding)
    depth = _sizes(columns)[1]
    return tf.reshape(columns, tf.stack([-1, depth, height, width, channels]))


def space_to_batch_3d(node: NodeDef, x: Any, block: Any, paddings: Any) -> Any:
    """What a dilated Conv3D begins with; TFLite's SPACE_TO_BATCH_ND stops at two such axes.

    One axis after the other, the last one first: the block's first axis counts most in the batch.
    """
    import tensorflow as tf

    steps, edges = tf.get_static_value(block), tf.get_static_value(paddings)
    if steps is None or edges is None or len(steps) != 3 or None in x.shape[1:]:
        return None
    x = tf.pad(x, [[0, 0], *edges.tolist(), [0, 0]])
    for axis in (3, 2, 1):
        shape, step = x.shape.as_list(), int(steps[axis - 1])
        before, after = math.prod(shape[1:axis]), math.prod(shape[axis + 1 :])
        split = tf.reshape(x, [-1, before, shape[axis] // step, step, after])
        moved = tf.transpose(split, [3, 0, 1, 2, 4])
        x = tf.reshape(moved, [-1, *shape[1:axis], shape[axis] // step, *shape[axis + 1 :]])
    return x


def batch_to_space_3d(node: NodeDef, x: Any, block: Any, crops: Any) -> Any:
    """What a dilated Conv3D ends with: the inverse of `space_to_batch_3d`, the first axis first."""
    import tensorflow as tf

    steps, edges = tf.get_static_value(block), tf.get_static_value(crops)
    if steps is None or edges is None or len(steps) != 3 or None in x.shape[1:]:
        return None
    for axis in (1, 2, 3):
        shape, step = x.shape.as_list(), int(steps[axis - 1])
        before, after = math.prod(shape[1:axis]), math.prod(shape[axis + 1 :])
        split = tf.reshape(x, [step, -1, before, shape[axis], after])
        moved = tf.transpose(split, [1, 2, 3, 0, 4])
        x = tf.reshape(moved, [-1, *shape[1:axis], shape[axis] * step, *shape[axis + 1 :]])
    ends = [size - int(edge[1]) for size, edge in zip(x.shape[1:4], edges, strict=True)]
    (d, _), (h, _), (w, _) = edges.tolist()
    return x[:, d : ends[0], h : ends[1], w : ends[2]]


def separable_resize(node: NodeDef, images: Any, size: Any) -> Any:
    """ResizeBicubic or ResizeArea as two matrix products: each axis by itself."""
    import tensorflow as tf

    target = tf.get_static_value(size)
    if target is None or None in images.shape[1:]:
        return None
    _, height, width, channels = images.shape
    rows, columns = int(target[0]), int(target[1])
    x = tf.reshape(tf.cast(images, tf.float32), [-1, height, width * channels])
    x = tf.matmul(tf.constant(_resize_weights(node, height, rows)), x)
    x = tf.reshape(x, [-1, width, channels])
    x = tf.matmul(tf.constant(_resize_weights(node, width, columns)), x)
    return tf.reshape(x, [-1, rows, columns, channels])


def _resize_weights(node: NodeDef, old: int, new: int) -> Any:
    """The [new, old] matrix of a resize along one axis: what it does to each unit vector."""
    import tensorflow as tf

    with tf.Graph().as_default() as graph:
        flags = {key: node.attr[key].b for key in ("align_corners", "half_pixel_centers") if key in node.attr}
        images = tf.reshape(tf.eye(old), [1, old, 1, old])
        resized = getattr(tf.raw_ops, node.op)(images=images, size=[new, 1], **flags)
    with tf.compat.v1.Session(graph=graph) as session:
        return session.run(resized).reshape(new, old)


def dense_bincount(node: NodeDef, values: Any, size: Any, weights: Any) -> Any:
    """Counts of each value below `size`, in a vector or in the rows of a matrix."""
    import tensorflow as tf

    if weights.shape.num_elements() != 0:
        return None
    hot = tf.one_hot(values, size, dtype=weights.dtype)
    if node.attr["binary_output"].b:
        return tf.reduce_max(hot, axis=-2)
    return tf.reduce_sum(hot, axis=-2)


def _sizes(x: Any) -> list[Any]:
    """The sizes of a tensor, numbers where they are static."""
    import tensorflow as tf

    shape = tf.shape(x)
    return [shape[axis] if size is None else size for axis, size in enumerate(x.shape)]
