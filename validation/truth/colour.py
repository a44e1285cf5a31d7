"""Hue and saturation of pictures in float64.

A colour is its least and greatest channel, and the hue, which says which these are and where the middle one
lies between them: 0 to 6, red at 0, green at 2, blue at 4.
Source: tensorflow/core/kernels/image/adjust_{hue,saturation}_op.cc, TensorFlow 2.21.
"""

from __future__ import annotations

from typing import Any

from validation.truth.remade import Values

SEXTANTS = 6.0


def adjust_hue(op: Any, inputs: Values) -> Values:
    """The same least and greatest channel, the hue turned by `delta` circles."""
    import tensorflow as tf

    colours, delta = inputs
    low, high = _ends(colours)
    hue = _hue(colours, low, high) + SEXTANTS * tf.cast(delta, tf.float64)
    return [low + (high - low) * _heights(hue)]


def adjust_saturation(op: Any, inputs: Values) -> Values:
    """The same greatest channel and hue, the others drawn away from it; what isn't positive is grey."""
    import tensorflow as tf

    colours, scale = inputs
    low, high = _ends(colours)
    share = tf.where(high > 0, tf.math.divide_no_nan(high - low, high), 0.0)
    spread = tf.clip_by_value(share * tf.cast(scale, tf.float64), 0.0, 1.0) * high
    return [(high - spread) + spread * _heights(_hue(colours, low, high))]


def _ends(colours: Any) -> tuple[Any, Any]:
    """The least and the greatest channel, [..., 1]."""
    import tensorflow as tf

    return tf.reduce_min(colours, -1, keepdims=True), tf.reduce_max(colours, -1, keepdims=True)


def _hue(colours: Any, low: Any, high: Any) -> Any:
    """[..., 1], -1 to 5; 0 of a grey."""
    import tensorflow as tf

    red, green, blue = tf.split(colours, 3, -1)
    of_blue = 4.0 + tf.math.divide_no_nan(red - green, high - low)
    of_green = 2.0 + tf.math.divide_no_nan(blue - red, high - low)
    of_red = tf.math.divide_no_nan(green - blue, high - low)
    return tf.where(tf.equal(red, high), of_red, tf.where(tf.equal(green, high), of_green, of_blue))


def _heights(hue: Any) -> Any:
    """Where red, green and blue of a hue lie: 0 at the least channel, 1 at the greatest; [..., 3]."""
    import tensorflow as tf

    distance = tf.math.floormod(hue - tf.constant([0.0, 2.0, 4.0], tf.float64), SEXTANTS)
    return tf.clip_by_value(2.0 - tf.minimum(distance, SEXTANTS - distance), 0.0, 1.0)
