"""TensorFlow's resizing kernels as products with one matrix for rows and one for columns.

Positions are computed exactly here, and in float32 by the kernels: that difference is the kernels' error.
Source: tensorflow/core/kernels/image/resize_{bilinear,bicubic,area}_op.cc and
tensorflow/core/util/image_resizer_state.h, TensorFlow 2.21.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from validation.truth.remade import Values

Weights = Callable[[Any, Any, Any], Any]
"""From an op, the number of places in the input and that in the output to a matrix [out, in]."""

TABLE_SIZE = 1024
"""The bicubic kernel looks its coefficients up: a position is rounded to this part of a pixel."""


def bilinear(op: Any, inputs: Values) -> Values:
    return _separable(op, inputs, _linear_weights)


def bicubic(op: Any, inputs: Values) -> Values:
    return _separable(op, inputs, _cubic_weights)


def area(op: Any, inputs: Values) -> Values:
    return _separable(op, inputs, _area_weights)


def _separable(op: Any, inputs: Values, weights: Weights) -> Values:
    import tensorflow as tf

    image, size = tf.cast(inputs[0], tf.float64), inputs[1]
    rows = weights(op, tf.shape(image)[1], size[0])
    columns = weights(op, tf.shape(image)[2], size[1])
    return [tf.einsum("yi,nijc,xj->nyxc", rows, image, columns)]


def _positions(op: Any, many_in: Any, many_out: Any) -> Any:
    """Where each output place lies in the input."""
    import tensorflow as tf

    places = tf.range(tf.cast(many_out, tf.float64), dtype=tf.float64)
    if _has(op, "half_pixel_centers"):
        return (places + 0.5) * _scale(op, many_in, many_out) - 0.5
    return places * _scale(op, many_in, many_out)


def _scale(op: Any, many_in: Any, many_out: Any) -> Any:
    import tensorflow as tf

    wide, narrow = tf.cast(many_in, tf.float64), tf.cast(many_out, tf.float64)
    if _has(op, "align_corners"):
        return tf.where(narrow > 1, (wide - 1) / tf.maximum(narrow - 1, 1.0), wide / narrow)
    return wide / narrow


def _has(op: Any, attribute: str) -> bool:
    return attribute in op.node_def.attr and bool(op.get_attr(attribute))


def _linear_weights(op: Any, many_in: Any, many_out: Any) -> Any:
    import tensorflow as tf

    pixels = tf.range(tf.cast(many_in, tf.float64), dtype=tf.float64)
    last = tf.cast(many_in, tf.float64) - 1
    positions = tf.clip_by_value(_positions(op, many_in, many_out), 0.0, last)
    return tf.maximum(1.0 - tf.abs(positions[:, None] - pixels[None]), 0.0)


def _cubic_weights(op: Any, many_in: Any, many_out: Any) -> Any:
    """Keys' convolution. With half pixels what lies outside counts nothing, else the edge repeats."""
    import tensorflow as tf

    half = _has(op, "half_pixel_centers")
    a = -0.5 if half else -0.75
    positions = _positions(op, many_in, many_out)
    left = tf.floor(positions)
    delta = tf.math.rint((positions - left) * TABLE_SIZE) / TABLE_SIZE

    def near(x: Any) -> Any:
        return ((a + 2) * x - (a + 3)) * x * x + 1

    def far(x: Any) -> Any:
        return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a

    total = tf.zeros((many_out, many_in), tf.float64)
    taps = (-1, far(delta + 1)), (0, near(delta)), (1, near(1 - delta)), (2, far(2 - delta))
    for offset, weight in taps:
        index = tf.cast(left, tf.int32) + offset
        inside = tf.clip_by_value(index, 0, many_in - 1)
        counted = tf.where(tf.equal(inside, index), weight, 0.0) if half else weight
        total += tf.one_hot(inside, many_in, dtype=tf.float64) * counted[:, None]
    return total / tf.reduce_sum(total, 1, keepdims=True) if half else total


def _area_weights(op: Any, many_in: Any, many_out: Any) -> Any:
    """How much of each pixel lies under each output place, over the size of that place."""
    import tensorflow as tf

    scale = _scale(op, many_in, many_out)
    start = tf.range(tf.cast(many_out, tf.float64), dtype=tf.float64)[:, None] * scale
    pixels = tf.range(tf.cast(many_in, tf.float64), dtype=tf.float64)[None]
    covered = tf.minimum(start + scale, pixels + 1) - tf.maximum(start, pixels)
    beyond = tf.maximum(start + scale - tf.cast(many_in, tf.float64), 0.0)
    last = tf.cast(tf.equal(pixels, tf.cast(many_in, tf.float64) - 1), tf.float64)
    return (tf.maximum(covered, 0.0) + beyond * last) / scale
