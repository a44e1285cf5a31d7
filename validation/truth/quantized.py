"""The original with 8-bit roundings simulated in float64: what quantization alone does to its answers.

Independent of the file that is judged: weights and activations are rounded here, at the traced graph, as
the LiteRT quantization specification has it. Weights of products: 8 bits, symmetric, one scale for each
output channel. Activations: 8 bits over their own range in the batch, zero included. What converters fuse
into the op before (a bias, batch normalisation, an activation) is rounded once, after the last of them.

| precision | weights of products | what they are multiplied with | results |
|---|---|---|---|
| int8 | rounded | rounded, as a result of the op before | rounded |
| dynamic_int8 | rounded | rounded | not |
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from converters.signature import Signature
from validation.truth.live import LiveTranslation
from validation.truth.remade import Values
from validation.truth.rounding import EXACT
from validation.truth.translate import Translation
from validation.truth.twin import Twin

PRECISIONS = ("int8", "dynamic_int8")
"""What can be simulated."""

STEPS = 255

CHANNELS: Mapping[str, tuple[int, ...]] = {
    "Conv2D": (3,),
    "Conv3D": (4,),
    "DepthwiseConv2dNative": (2, 3),
    "Conv2DBackpropInput": (2,),
    "MatMul": (1,),
    "BatchMatMulV2": (-1,),
    "BatchMatMulV3": (-1,),
}
"""Products, and the axes of their weights that have a scale each."""

WEIGHT = 1
"""Number of the input of a product that may be a weight."""

FUSED = frozenset({"BiasAdd", "FusedBatchNormV3", "Add", "AddV2", "Sub", "Mul", "RealDiv"})
"""Ops that converters compute within the one before, where their other inputs are constant."""

CLAMPS = frozenset({"Relu", "Relu6"})
"""Likewise activations; others have an op of their own."""

FIXED: Mapping[str, tuple[float, float]] = {
    "Softmax": (0.0, 255 / 256),
    "Sigmoid": (0.0, 255 / 256),
    "Tanh": (-1.0, 127 / 128),
    "LogSoftmax": (-255 / 16, 0.0),
}
"""Ranges that int8 kernels require of their results."""


class QuantizedTwin(Twin):
    """A model whose 8-bit roundings are simulated.

    Args:
        traced: `tf.function` from inputs by name to outputs by name.
        signature: of the original.
        precision: of `PRECISIONS`.

    Raises:
        NoTwinError: an op can't be taken to float64; says which.
    """

    def __init__(self, traced: Any, signature: Signature, precision: str) -> None:
        super().__init__(traced, signature)
        self._precision = precision
        self.trace()

    def _translation(self, rounding: Any) -> Translation:
        return _Quantization(self._precision == "int8", len(self._signature.inputs))


class _Quantization(LiveTranslation):
    """Rounds on the way.

    Args:
        everything: results too, not products alone.
        inputs: how many placeholders of the outermost graph are inputs of the model.
    """

    def __init__(self, everything: bool, inputs: int) -> None:
        super().__init__(inputs)
        self._everything = everything

    def _entering(self, value: Any) -> Any:
        return round_all(value) if self._everything else value

    def _carry_over(self, op: Any, inputs: Values) -> Values:
        live = self._live[op.graph]
        if op.type in CHANNELS:
            inputs = self._round_factors(op, inputs, live)
        results = super()._carry_over(op, inputs)
        if not self._everything or not _is_rounded(op, live):
            return results
        low, high = FIXED.get(op.type, (None, None))
        return [round_all(r, low, high) if r.dtype.is_floating else r for r in results]

    def _round_factors(self, op: Any, inputs: Values, live: set[str]) -> Values:
        weight = op.inputs[WEIGHT]
        rounded = [*inputs]
        if weight.name not in live:
            rounded[WEIGHT] = round_weights(inputs[WEIGHT], CHANNELS[op.type])
            other = 2 if op.type == "Conv2DBackpropInput" else 0
            if not self._everything and op.inputs[other].name in live:
                rounded[other] = round_all(inputs[other])
        return rounded


def _is_rounded(op: Any, live: set[str]) -> bool:
    """Whether an int8 kernel rounds the result of this op."""
    if not any(tensor.name in live for tensor in op.outputs) or _is_fused(op, live):
        return False
    if op.type in ("Softmax", "LogSoftmax") and not _users(op):
        return False  # our converters leave it in float32
    if op.type in EXACT:
        return any(_is_fused(tensor.op, live) for tensor in op.inputs if tensor.name in live)
    return True


def _is_fused(op: Any, live: set[str]) -> bool:
    """Whether the one op that takes this result is computed together with it."""
    users = _users(op)
    if len(users) != 1 or not (op.type in CHANNELS or op.type in FUSED):
        return False
    (user,) = users
    if user.type in CLAMPS:
        return True
    return user.type in FUSED and sum(tensor.name in live for tensor in user.inputs) == 1


def _users(op: Any) -> list[Any]:
    """The ops that take its results, through those that change nothing; none where it is an output."""
    found = []
    for user in (user for tensor in op.outputs for user in tensor.consumers()):
        found += _users(user) if user.type == "Identity" else [user]
    return found


def round_all(values: Any, low: float | None = None, high: float | None = None) -> Any:
    """Values rounded to 8 bits over their range, which zero is in.

    Args:
        values: float64 tensor.
        low: least value that can be told; None takes the values' own.
        high: greatest.
    """
    import tensorflow as tf

    known = tf.where(tf.math.is_finite(values), values, tf.zeros_like(values))
    least = tf.minimum(tf.reduce_min(known), 0.0) if low is None else tf.constant(low, values.dtype)
    most = tf.maximum(tf.reduce_max(known), 0.0) if high is None else tf.constant(high, values.dtype)
    scale = (most - least) / STEPS
    zero = tf.round(tf.math.divide_no_nan(-least, scale))
    steps = tf.clip_by_value(tf.round(tf.math.divide_no_nan(known, scale)) + zero, 0.0, float(STEPS))
    return tf.where(tf.math.is_finite(values), (steps - zero) * scale, values)


def round_weights(values: Any, channels: tuple[int, ...]) -> Any:
    """Weights rounded to -127 … 127, symmetric, one scale for each channel.

    Args:
        values: float64 tensor.
        channels: its axes that have scales of their own.
    """
    import tensorflow as tf

    rank = values.shape.rank
    kept = {axis % rank for axis in channels}
    others = [axis for axis in range(rank) if axis not in kept]
    scale = tf.reduce_max(tf.abs(values), axis=others, keepdims=True) / 127
    return tf.round(tf.math.divide_no_nan(values, scale)) * scale
