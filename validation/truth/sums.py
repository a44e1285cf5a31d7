"""Ops that sum up terms: which input's elements are the terms, and how many a sum has."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

Values = list[Any]
Count = Callable[[Any, Values, Any], Any]
"""From an op, its inputs and its result to the number of terms, a float64 scalar tensor."""


def _by_kernel(op: Any, inputs: Values, _: Any) -> Any:
    return _taps(inputs) * _size(inputs[1], -2)


def _backwards(op: Any, inputs: Values, _: Any) -> Any:
    return _taps(inputs) * _size(inputs[1], -1)


def _depthwise(op: Any, inputs: Values, _: Any) -> Any:
    return _taps(inputs)


def _taps(inputs: Values) -> Any:
    import tensorflow as tf

    return tf.cast(tf.reduce_prod(tf.shape(inputs[1])[:-2]), tf.float64)


def _by_rows(op: Any, inputs: Values, _: Any) -> Any:
    transposed = op.get_attr("transpose_a" if op.type == "MatMul" else "adj_x")
    return _size(inputs[0], -2 if transposed else -1)


def _by_window(op: Any, inputs: Values, _: Any) -> Any:
    import tensorflow as tf

    return tf.constant(float(math.prod(op.get_attr("ksize"))), tf.float64)


def _by_axis(op: Any, inputs: Values, _: Any) -> Any:
    import tensorflow as tf

    return tf.cast(tf.gather(tf.shape(inputs[0]), inputs[1]), tf.float64)


def _by_reduction(op: Any, inputs: Values, result: Any) -> Any:
    import tensorflow as tf

    return tf.cast(tf.size(inputs[0]), tf.float64) / tf.cast(tf.maximum(tf.size(result), 1), tf.float64)


def _size(value: Any, axis: int) -> Any:
    import tensorflow as tf

    return tf.cast(tf.shape(value)[axis], tf.float64)


SUMS: Mapping[str, tuple[int, Count]] = {
    "Conv2D": (1, _by_kernel),
    "Conv3D": (1, _by_kernel),
    "DepthwiseConv2dNative": (1, _depthwise),
    "Conv2DBackpropInput": (1, _backwards),
    "Conv3DBackpropInputV2": (1, _backwards),
    "MatMul": (1, _by_rows),
    "BatchMatMul": (1, _by_rows),
    "BatchMatMulV2": (1, _by_rows),
    "BatchMatMulV3": (1, _by_rows),
    "Sum": (0, _by_reduction),
    "Mean": (0, _by_reduction),
    "AvgPool": (0, _by_window),
    "AvgPool3D": (0, _by_window),
    "Cumsum": (0, _by_axis),
}
"""By op: the input whose elements are moved as the terms are, and the number of these."""
