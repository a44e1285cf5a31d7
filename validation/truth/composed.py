"""Ops that TensorFlow has no float64 kernel for, written out of ops that have one; or as they are, where they
only choose."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from validation.truth.colour import adjust_hue, adjust_saturation
from validation.truth.remade import Values, as_it_is, raised
from validation.truth.resize import area, bicubic, bilinear


def _batch_norm(op: Any, inputs: Values) -> Values:
    """(x - mean) / sqrt(variance + epsilon) * scale + offset, over all dimensions but the channels.

    While training the moments are those of x; the variance given back is then unbiased.
    """
    import tensorflow as tf

    x, scale, offset, mean, variance = inputs
    layout = op.get_attr("data_format").decode()
    channel = layout.index("C")
    others = [axis for axis in range(len(layout)) if axis != channel]
    unbiased = variance
    if op.get_attr("is_training"):
        mean, variance = tf.nn.moments(x, others)
        count = tf.cast(tf.size(x) // tf.shape(x)[channel], tf.float64)
        unbiased = variance * count / tf.maximum(count - 1.0, 1.0)
    shape = [-1 if axis == channel else 1 for axis in range(len(layout))]
    m, v, s, o = (tf.reshape(value, shape) for value in (mean, variance, scale, offset))
    y = (x - m) / tf.sqrt(v + op.get_attr("epsilon")) * s + o
    return [y, mean, unbiased, mean, variance, variance][: len(op.outputs)]


def _pool_3d(op: Any, inputs: Values) -> Values:
    """Both poolings are separable: first height and width, then depth; padding counts for neither."""
    import tensorflow as tf

    pool = {"AvgPool3D": tf.nn.avg_pool2d, "MaxPool3D": tf.nn.max_pool2d}[op.type]
    (x,) = inputs
    first = op.get_attr("data_format") == b"NCDHW"
    x = tf.transpose(x, (0, 2, 3, 4, 1)) if first else x
    size, step = (_three(op.get_attr(key), first) for key in ("ksize", "strides"))
    padding = op.get_attr("padding").decode()
    n, d, h, w, c = tf.unstack(tf.shape(x))
    x = pool(tf.reshape(x, (n * d, h, w, c)), size[1:], step[1:], padding)
    h, w = tf.shape(x)[1], tf.shape(x)[2]
    x = pool(tf.reshape(x, (n, d, h * w, c)), (size[0], 1), (step[0], 1), padding)
    x = tf.reshape(x, (n, tf.shape(x)[1], h, w, c))
    return [tf.transpose(x, (0, 4, 1, 2, 3)) if first else x]


def _three(five: list[int], channels_first: bool) -> list[int]:
    return five[2:] if channels_first else five[1:4]


def _response_normalization(op: Any, inputs: Values) -> Values:
    """x / (bias + alpha * sum of squares over the neighbouring channels) ^ beta."""
    import tensorflow as tf

    (x,) = inputs
    radius = op.get_attr("depth_radius")
    squares = tf.pad(tf.square(x), ((0, 0), (0, 0), (0, 0), (radius, radius)))
    depth = tf.shape(x)[3]
    total = tf.add_n([squares[..., start : start + depth] for start in range(2 * radius + 1)])
    base = op.get_attr("bias") + op.get_attr("alpha") * total
    return [x / tf.pow(base, tf.constant(op.get_attr("beta"), tf.float64))]


def _adjust_contrast(op: Any, inputs: Values) -> Values:
    """(x - mean) * factor + mean, the mean of each channel of each picture."""
    import tensorflow as tf

    x, factor = inputs
    mean = tf.reduce_mean(x, (-3, -2), keepdims=True)
    return [(x - mean) * tf.cast(factor, tf.float64) + mean]


def _bits(op: Any, inputs: Values) -> Values:
    """The bits of a float, in the dtype that the original has: Keras reads the sign of a zero off them."""
    import tensorflow as tf

    return [tf.bitcast(tf.cast(inputs[0], op.inputs[0].dtype), op.outputs[0].dtype)]


def _chosen(op: Any, inputs: Values) -> Values:
    """What is chosen by values that are rounded to the original's dtype; they round once, as any result."""
    import tensorflow as tf

    own = [tf.cast(value, tensor.dtype) for value, tensor in zip(inputs, op.inputs, strict=True)]
    return [raised(result) for result in as_it_is(op, own)]


COMPOSED: Mapping[str, Callable[[Any, Values], Values]] = {
    "FusedBatchNorm": _batch_norm,
    "FusedBatchNormV2": _batch_norm,
    "FusedBatchNormV3": _batch_norm,
    "AvgPool3D": _pool_3d,
    "MaxPool3D": _pool_3d,
    "LRN": _response_normalization,
    "AdjustHue": adjust_hue,
    "AdjustSaturation": adjust_saturation,
    "AdjustContrastv2": _adjust_contrast,
    "Bitcast": _bits,
    "ResizeBilinear": bilinear,
    "ResizeBicubic": bicubic,
    "ResizeArea": area,
    "CombinedNonMaxSuppression": _chosen,
    "InTopKV2": _chosen,
    "NonMaxSuppressionV2": _chosen,
    "NonMaxSuppressionV3": _chosen,
    "NonMaxSuppressionV4": _chosen,
    "NonMaxSuppressionV5": _chosen,
}
