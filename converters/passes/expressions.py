"""What an op computes, written in ops that every converter knows.

Each takes the node that it replaces and its inputs, and gives the result (`converters.graph_graft`).
Shapes may be partly unknown; where an expression needs one that is, it gives None, and the op stays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tensorflow.core.framework.node_def_pb2 import NodeDef


def softsign(node: NodeDef, x: Any) -> Any:
    import tensorflow as tf

    return x / (1 + tf.abs(x))


ERFINV_NEAR = (
    *(2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 2.1858087e-04),
    *(-1.25372503e-03, -4.17768164e-03, 2.46640727e-01, 1.50140941),
)
ERFINV_FAR = (
    *(-2.00214257e-04, 1.00950558e-04, 1.34934322e-03, -3.67342844e-03, 5.73950773e-03),
    *(-7.6224613e-03, 9.43887047e-03, 1.00167406, 2.83297682),
)
"""Coefficients of two polynomials, the highest power first.

Source: M. Giles, "Approximating the erfinv function", GPU Computing Gems Jade Edition, 2011,
single precision.
"""


def erfinv(node: NodeDef, x: Any) -> Any:
    """Within 3e-7 relative in float32: a polynomial in w = -log(1 - x²) times x."""
    import tensorflow as tf

    w = -tf.math.log1p(-x * x)
    is_near = w < 5
    root = tf.where(is_near, w - 2.5, tf.sqrt(w) - 3)
    polynomial = tf.zeros_like(x)
    for near, far in zip(ERFINV_NEAR, ERFINV_FAR, strict=True):
        polynomial = polynomial * root + tf.where(is_near, tf.constant(near, x.dtype), far)
    return tf.where(tf.abs(x) < 1, polynomial, float("inf")) * x


def bucketize(node: NodeDef, x: Any) -> Any:
    """Number of boundaries that are not above a value."""
    import tensorflow as tf

    boundaries = tf.constant(list(node.attr["boundaries"].list.f), tf.float32)
    if x.dtype != tf.float64:
        x = tf.cast(x, tf.float32)
    else:
        boundaries = tf.cast(boundaries, tf.float64)
    return tf.reduce_sum(tf.cast(x[..., None] >= boundaries, tf.int32), axis=-1)


def matrix_band_part(node: NodeDef, x: Any, lower: Any, upper: Any) -> Any:
    """TF.js 4.22 has the op, and zeroes the wrong half where `lower` is -1."""
    import tensorflow as tf

    shape = tf.shape(x)
    below = tf.cast(tf.range(shape[-2])[:, None] - tf.range(shape[-1])[None, :], lower.dtype)
    kept = tf.logical_and(tf.logical_or(lower < 0, below <= lower), tf.logical_or(upper < 0, -below <= upper))
    return tf.logical_and(x, kept) if x.dtype == tf.bool else tf.where(kept, x, tf.zeros_like(x))


def batch_matmul_v3(node: NodeDef, x: Any, y: Any) -> Any:
    import tensorflow as tf

    dtype = tf.as_dtype(node.attr["Tout"].type)
    flags = {"adj_x": node.attr["adj_x"].b, "adj_y": node.attr["adj_y"].b}
    return tf.raw_ops.BatchMatMulV2(x=tf.cast(x, dtype), y=tf.cast(y, dtype), **flags)


def space_to_depth(node: NodeDef, x: Any) -> Any:
    import tensorflow as tf

    if node.attr["data_format"].s not in (b"", b"NHWC") or None in x.shape[1:]:
        return None
    size = node.attr["block_size"].i
    _, height, width, channels = x.shape
    rows, columns = height // size, width // size
    blocks = tf.reshape(x, [-1, rows, size, columns, size * channels])
    return tf.reshape(tf.transpose(blocks, [0, 1, 3, 2, 4]), [-1, rows, columns, size * size * channels])


def roll(node: NodeDef, x: Any, shift: Any, axis: Any) -> Any:
    """Where shifts and axes are constant."""
    import tensorflow as tf

    shifts, axes = (tf.get_static_value(value) for value in (shift, axis))
    if shifts is None or axes is None or x.shape.rank is None:
        return None
    for step, at in zip(shifts.reshape(-1), axes.reshape(-1), strict=True):
        size = tf.shape(x)[at]
        x = tf.gather(x, tf.math.floormod(tf.range(size) - int(step), size), axis=int(at))
    return x


def floor_div(node: NodeDef, x: Any, y: Any) -> Any:
    """Integers, rounded down; tf2onnx 1.17 rounds towards zero."""
    import tensorflow as tf

    if not x.dtype.is_integer or x.dtype.is_unsigned:
        return None
    quotient = tf.raw_ops.TruncateDiv(x=x, y=y)
    return quotient - tf.cast(_rounds_up(x - quotient * y, y), x.dtype)


def floor_mod(node: NodeDef, x: Any, y: Any) -> Any:
    """Integers, with the divisor's sign; tf2onnx 1.17 gives the dividend's."""
    import tensorflow as tf

    if not x.dtype.is_integer or x.dtype.is_unsigned:
        return None
    remainder = x - tf.raw_ops.TruncateDiv(x=x, y=y) * y
    return remainder + y * tf.cast(_rounds_up(remainder, y), x.dtype)


def _rounds_up(remainder: Any, divisor: Any) -> Any:
    """Whether truncation gave more than the floor."""
    import tensorflow as tf

    return tf.logical_and(tf.not_equal(remainder, 0), tf.not_equal(remainder < 0, divisor < 0))


def one_hot(node: NodeDef, indices: Any, depth: Any, on: Any, off: Any) -> Any:
    """A negative index is off everywhere; in ONNX it counts from the end."""
    import tensorflow as tf

    outside = tf.cast(depth, indices.dtype)
    safe = tf.where(indices < 0, tf.zeros_like(indices) + outside, indices)
    return tf.raw_ops.OneHot(indices=safe, depth=depth, on_value=on, off_value=off, axis=node.attr["axis"].i)


def compared_one_hot(node: NodeDef, indices: Any, depth: Any, on: Any, off: Any) -> Any:
    """TF.js' wasm kernel (4.22) writes integers into a tensor of floats: all zeros."""
    import tensorflow as tf

    if node.attr["axis"].i != -1 or not on.dtype.is_floating:
        return None
    is_hot = tf.equal(tf.expand_dims(indices, -1), tf.cast(tf.range(depth), indices.dtype))
    return tf.where(is_hot, on, off)


def joined_tile(node: NodeDef, x: Any, multiples: Any) -> Any:
    """Five dimensions and more, as UpSampling2D and UpSampling3D make them: copies side by side.

    TF.js' WebGPU backend (4.22) tiles those on the CPU, with values that it reads back from the GPU through
    a canvas: wrong ones in Firefox, and SwiftShader's process in Chromium ends with it.
    """
    import tensorflow as tf

    counts = tf.get_static_value(multiples)
    if counts is None or len(counts) < 5 or 0 in counts:
        return None
    for axis, count in enumerate(counts):
        x = tf.concat([x] * int(count), axis) if count != 1 else x
    return x


def transposed_mask(node: NodeDef, x: Any, order: Any) -> Any:
    """Booleans, as the mask of an LSTM has them, in floats; not by Cast, which Grappler would move behind.

    The shader that TF.js' WebGPU backend (4.22) has for booleans of three dimensions doesn't compile.
    """
    import tensorflow as tf

    return tf.transpose(tf.where(x, 1.0, 0.0), order) > 0.5 if x.dtype == tf.bool else None


def scatter_nd(node: NodeDef, indices: Any, updates: Any, shape: Any) -> Any:
    """Duplicate indices add up; tf2onnx 1.17 lets the last one win (ScatterND without reduction)."""
    import tensorflow as tf

    zeros = tf.fill(shape, tf.zeros([], updates.dtype))
    return tf.raw_ops.TensorScatterAdd(tensor=zeros, indices=indices, updates=updates)


def expm1(node: NodeDef, x: Any) -> Any:
    """TFLite writes exp(x) - 1 (TF 2.21), which is 0 for 1e-9; this is a Taylor series near 0."""
    import tensorflow as tf

    series = tf.ones_like(x)
    for power in range(9, 1, -1):
        series = 1 + x * (1 / power) * series
    return tf.where(tf.abs(x) < 0.5, x * series, tf.exp(x) - 1)


def sign(node: NodeDef, x: Any) -> Any:
    """TF.js' wasm kernel (4.22) gives 0 for 1e-7, and its plain one 0 for NaN."""
    import tensorflow as tf

    ones = tf.ones_like(x)
    return tf.where(x > 0, ones, tf.where(x < 0, -ones, x))


def xlogy(node: NodeDef, x: Any, y: Any) -> Any:
    """x log(y), and 0 where x is 0."""
    import tensorflow as tf

    is_zero = tf.equal(x, 0)
    return tf.where(is_zero, tf.zeros_like(x * y), x * tf.math.log(tf.where(is_zero, tf.ones_like(x * y), y)))


def float_floor_div(node: NodeDef, x: Any, y: Any) -> Any:
    """Floats, rounded down; TF.js' plain kernel (4.22) goes through int32, and 1e10 // 3 is negative."""
    import tensorflow as tf

    return tf.floor(x / y) if x.dtype.is_floating else None
