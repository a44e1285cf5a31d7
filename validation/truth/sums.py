"""Ops that sum up terms: which input's elements are the terms, how many a sum has, and how many are alike."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from validation.dtypes import epsilon
from validation.truth.remade import Values

PROBES = 8
"""Terms of each sum that all others are held against."""

ALIKE = 64 * epsilon("float32") / 2
"""Relative difference up to which terms are taken for equal: in a simulated run four ops on the way may move
each of two by 8 unit roundoffs."""


@dataclass(frozen=True)
class Terms:
    """What is added up.

    Attributes:
        number: of terms in a sum; a number, or a float64 scalar tensor.
        pairs: of terms of a sum whose roundings are the same, each also with itself, as many as `number`
            where all differ and its square where all are equal; float64, a scalar or one for each sum.
    """

    number: Any
    pairs: Any


Count = Callable[[Any, Values, Any], Terms]
"""From an op, its inputs and its result to its terms; only what sums up one input asks for the result."""


def _by_kernel(op: Any, inputs: Values, _: Any) -> Terms:
    return _unlike(_taps(inputs) * _size(inputs[1], -2))


def _backwards(op: Any, inputs: Values, _: Any) -> Terms:
    return _unlike(_taps(inputs) * _size(inputs[1], -1))


def _depthwise(op: Any, inputs: Values, _: Any) -> Terms:
    return _unlike(_taps(inputs))


def _taps(inputs: Values) -> Any:
    import tensorflow as tf

    known = inputs[1].shape[:-2].num_elements()
    return float(known) if known else tf.cast(tf.reduce_prod(tf.shape(inputs[1])[:-2]), tf.float64)


def _by_rows(op: Any, inputs: Values, _: Any) -> Terms:
    transposed = op.get_attr("transpose_a" if op.type == "MatMul" else "adj_x")
    return _unlike(_size(inputs[0], -2 if transposed else -1))


def _by_window(op: Any, inputs: Values, _: Any) -> Terms:
    import tensorflow as tf

    return _unlike(tf.constant(float(math.prod(op.get_attr("ksize"))), tf.float64))


def _by_axis(op: Any, inputs: Values, _: Any) -> Terms:
    import tensorflow as tf

    return _unlike(tf.cast(tf.gather(tf.shape(inputs[0]), inputs[1]), tf.float64))


def _by_reduction(op: Any, inputs: Values, result: Any) -> Terms:
    """The pairs are estimated from `PROBES` terms of each sum, spread over it.

    A term of 0 rounds nothing, and is no pair with another.
    """
    import tensorflow as tf

    rows = _summed_last(inputs[0], inputs[1])
    count = tf.shape(rows)[1]
    number = tf.cast(count, tf.float64)
    # One term more, so that there is something to gather where a sum is empty.
    padded = tf.pad(rows, ((0, 0), (0, 1)))
    alike = tf.zeros(tf.shape(rows)[:1], tf.float64)
    for probe in range(PROBES):
        term = padded[:, tf.maximum(count - 1, 0) * probe // (PROBES - 1), None]
        equal = (tf.abs(rows - term) <= ALIKE * tf.abs(term)) & tf.not_equal(term, 0.0)
        alike += tf.reduce_sum(tf.cast(equal, tf.float64), 1) / PROBES
    pairs = number * tf.maximum(alike, 1.0)
    return Terms(number, pairs)


def _summed_last(values: Any, axes: Any) -> Any:
    """[sums, terms]: what is summed in a row, in the order of the sums."""
    import tensorflow as tf

    rank = tf.rank(values)
    summed = tf.reshape(tf.math.floormod(tf.cast(axes, tf.int32), rank), (-1,))
    every = tf.range(rank)
    kept = tf.boolean_mask(every, tf.reduce_all(tf.not_equal(every[:, None], summed[None]), 1))
    shape = tf.shape(values)
    sizes = tf.reduce_prod(tf.gather(shape, kept)), tf.reduce_prod(tf.gather(shape, summed))
    return tf.reshape(tf.transpose(values, tf.concat([kept, summed], 0)), tf.stack(sizes))


def _by_taps(op: Any, inputs: Values, _: Any) -> Terms:
    """Neighbours that a resized pixel is made of."""
    return _unlike(_TAPS[op.type])


_TAPS = {"ResizeBilinear": 4.0, "ResizeBicubic": 16.0}

INEXACT = frozenset({"ResizeBicubic"})
"""Sums whose terms are weighed by numbers of more than 8 bits, so that they add up exactly by luck alone."""


def _by_area(op: Any, inputs: Values, _: Any) -> Terms:
    """As many as there are pixels for one; from one pixel several are made of it alone."""
    import tensorflow as tf

    size = tf.cast(tf.reduce_prod(inputs[1]), tf.float64)
    given = tf.cast(tf.reduce_prod(tf.shape(inputs[0])[1:3]), tf.float64)
    return _unlike(tf.maximum(given / size, 1.0))


def _unlike(number: Any) -> Terms:
    """Products with weights, or too few terms to add up to much."""
    return Terms(number, number)


def _size(value: Any, axis: int) -> Any:
    import tensorflow as tf

    known = value.shape[axis] if value.shape.rank else None
    return float(known) if known else tf.cast(tf.shape(value)[axis], tf.float64)


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
    "ResizeBilinear": (0, _by_taps),
    "ResizeBicubic": (0, _by_taps),
    "ResizeArea": (0, _by_area),
}
"""By op: the input whose elements are moved as the terms are, and the number of these."""
