"""Every rounding of a model, simulated: which ops round, and by how much.

Monte Carlo arithmetic: an op's exact result is moved at random within some unit roundoffs of the dtype
that the original computes in, unless that dtype holds the result exactly. Source: D. Stott Parker, "Monte
Carlo Arithmetic", UCLA CSD-970002 (1997).

A sum of K terms, added one after the other as engines do, rounds K times, each time by a share of what
was summed so far. Where the terms scatter around 0 that is a random walk, whose squares add up to K/2
times those of the terms; where they don't, to K/3 times that of the sum. So each term is moved by
sqrt(1 + K/2) and the sum by sqrt(1 + K/3) times as much as a single result. Equal
terms are rounded alike: once the sum is large, each addition of t leaves the same rest of t on the grid of
the sum, and m of these make m times that, not sqrt(m) times. So K/3 becomes P/3, with P the pairs of equal
terms: K where all differ, K^2 where all are equal, as in the mean of a constant, or where all but one are,
as in the variance of a single spike. Terms of at most 8 bits, as bfloat16 has, are taken to add up exactly:
float32 holds the sums of 256 products of two of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from validation.dtypes import epsilon
from validation.truth.sums import Terms

_MOVED = """
Abs ArgMax ArgMin BatchToSpace BatchToSpaceND Bitcast BroadcastTo Cast Ceil ClipByValue
CombinedNonMaxSuppression Concat ConcatV2 Const CopyToMesh DepthToSpace DynamicPartition
DynamicStitch Enter Exit ExpandDims ExtractImagePatches ExtractVolumePatches Fill Floor Gather
GatherNd GatherV2 Identity IdentityN Imag InvertPermutation LeakyReluGrad Max MaxPool MaxPool3D
MaxPoolV2 MaxPoolWithArgmax Maximum Merge Min Minimum MirrorPad Neg NoOp NonMaxSuppressionV4
NonMaxSuppressionV5 OneHot OnesLike Pack Pad PadV2 Placeholder PlaceholderWithDefault
PreventGradient ReadVariableOp Real Relu Relu6 Reshape ResizeNearestNeighbor ResourceGather
ResourceGatherNd Reverse ReverseSequence ReverseV2 Rint Roll Round ScatterNd Select SelectV2 Sign
Size Slice Snapshot SpaceToBatch SpaceToBatchND SpaceToDepth Split SplitV Squeeze StopGradient
StridedSlice Switch TensorListConcat TensorListConcatV2 TensorListFromTensor TensorListGather
TensorListGetItem TensorListPopBack TensorListPushBack TensorListReserve TensorListResize
TensorListSetItem TensorListSplit TensorListStack TensorScatterUpdate Tile TopK TopKV2 Transpose
Unpack UnsortedSegmentMax UnsortedSegmentMin Where ZerosLike
"""

EXACT = frozenset(_MOVED.split())
"""Ops that move, choose or negate values, and never round."""


NEAR_ONE = frozenset({"Elu", "Erfc", "LogSoftmax", "Selu", "Sigmoid", "Softplus", "Tanh"})
"""Ops that engines compute as the difference of numbers near 1, or as the logarithm of one: their error is a
roundoff of 1, not of the result. exp(x) - 1 for Elu, 1 - Erf for Erfc, log(1 + exp(x)) for Softplus; ONNX
Runtime's and XNNPACK's Sigmoid is a half and a rational function; TF.js' Tanh on WebGL is
(1 - exp(-2|x|)) / (1 + exp(-2|x|)), 1.19e-7 for 1e-7. Expm1 and Log1p are meant to be exact."""

OF_A_COLOUR = frozenset({"AdjustHue", "AdjustSaturation", "HSVToRGB"})
"""Ops that mix the channels of a colour: their error is a roundoff of the greatest of them."""

HARD_SIGMOID = 3.0
"""In relu6(x + 3) / 6. Fused kernels compute x / 6 + 1 / 2, which rounds where x + 3 is exact: XNNPACK's
HardSwish is off by 4.4e-8 at x = -2.97, where it is -0.017."""

SUMMED_INSIDE = frozenset({"Softmax", "LogSoftmax"})
"""Ops that sum up their last dimension on the way."""


@dataclass(frozen=True)
class Rounding:
    """How a simulated run is rounded.

    Attributes:
        seed: int64 scalar tensor; the same seed moves the same values alike.
        amplitude: float64 scalar tensor, in unit roundoffs.
        exact_sums: terms add up exactly, as those of 8-bit kernels do in int32: only the sum is rounded.
    """

    seed: Any
    amplitude: Any
    exact_sums: bool = False

    def result(self, exact: Any, op: Any, dtype: Any, place: Place) -> Any:
        """A result, moved where the dtype that the original has there can't hold it.

        Args:
            exact: float64.
            op: of the original.
            dtype: that it has there.
            place: of the op.
        """
        import tensorflow as tf

        terms = tf.cast(tf.shape(exact)[-1], tf.float64) if op.type in SUMMED_INSIDE else 0.0
        if not is_off_by_more(op):
            return self._moved(exact, dtype, place, _of_sum(terms), unless_held=True)
        size = _inside(exact, op)
        return exact + (self._moved(size, dtype, place, _of_sum(terms)) - size)

    def sum(self, near: Any, *, dtype: Any, place: Place, terms: Terms) -> Any:
        """As `result`, for sums whose terms `terms` moved."""
        import tensorflow as tf

        pairs = tf.convert_to_tensor(terms.pairs, tf.float64)
        each = pairs if pairs.shape.rank == 0 else tf.reshape(pairs, tf.shape(near))
        return self._moved(near, dtype, place, _of_sum(each))

    def unless_exact(self, exact: Any, moved: Any, *, short: Any, dtype: Any) -> Any:
        """A moved sum, but for what is exact, since the sums on the way are exact, too.

        Args:
            exact: float64.
            moved: of the same shape.
            short: which sums have terms of at most 8 bits; or a scalar, for all of them.
            dtype: of the original.
        """
        import tensorflow as tf

        return tf.where(_held(exact, dtype) & short, exact, moved)

    def terms(self, values: Any, dtype: Any, place: Place, terms: Terms) -> Any:
        """Values that are summed, each moved on its own."""
        growth = (1.0 + terms.number / 2.0) ** 0.5
        return self._moved(values, dtype, replace(place, number=place.number + 1), growth)

    def _moved(self, values: Any, dtype: Any, place: Place, growth: Any, unless_held: bool = False) -> Any:
        """Each value within some unit roundoffs of itself, evenly distributed."""
        import tensorflow as tf

        number = tf.constant(place.number, tf.int64)
        if place.repeated:
            number += tf.bitcast(tf.reduce_sum(values), tf.int64)
        most = tf.convert_to_tensor(unit_roundoff(dtype) * growth, tf.float64)
        move = _move(_at_most_float32(dtype) if unless_held else None)
        moved = move(values, self.seed, number, self.amplitude, most)
        moved.set_shape(values.shape)
        return moved


@cache
def _move(dtype: Any) -> Any:
    """The graph function that moves values, but those that a dtype holds, if one is given.

    One for all ops: written out at each of them it would take ten times as long to trace.
    """
    import tensorflow as tf

    def move(values: Any, seed: Any, number: Any, amplitude: Any, most: Any) -> Any:
        share = tf.raw_ops.StatelessRandomUniform(
            shape=tf.shape(values), seed=tf.stack([seed, number]), dtype=tf.float32
        )
        steps = (share - 0.5) * tf.cast(2.0 * amplitude * most, tf.float32)
        moved = values + values * tf.cast(steps, tf.float64)
        return moved if dtype is None else tf.where(_held(values, dtype), values, moved)

    any_shape, scalar = (tf.TensorSpec(shape, tf.float64) for shape in (None, ()))
    number = tf.TensorSpec((), tf.int64)
    with tf.init_scope():  # of no graph, so that it belongs to every one
        function = tf.function(move, autograph=False)
        return function.get_concrete_function(any_shape, number, number, scalar, any_shape)


def is_off_by_more(op: Any) -> bool:
    """Whether an op's error is a roundoff of something greater than its result."""
    return op.type in NEAR_ONE or op.type in OF_A_COLOUR or _is_hard_sigmoid(op)


def _inside(exact: Any, op: Any) -> Any:
    """The result's magnitude and that of the greatest number on the way to it."""
    import tensorflow as tf

    size = tf.abs(exact)
    if op.type in OF_A_COLOUR:
        return size + tf.reduce_max(size, -1, keepdims=True)
    return size + (1.0 if op.type in NEAR_ONE else HARD_SIGMOID)


def _is_hard_sigmoid(op: Any) -> bool:
    """Whether an op is the sum in relu6(x + 3), from which hard sigmoids and hard swishes are made."""
    import tensorflow as tf

    if op.type not in ("Add", "AddV2"):
        return False
    constants = [tf.make_ndarray(t.op.get_attr("value")) for t in op.inputs if t.op.type == "Const"]
    followed = any(user.type == "Relu6" for user in op.outputs[0].consumers())
    return followed and any((value == HARD_SIGMOID).all() for value in constants)


def is_long(values: Any) -> Any:
    """Which values have more than 8 bits: 1 or 0, float64."""
    import tensorflow as tf

    return tf.cast(tf.not_equal(tf.cast(tf.cast(values, tf.bfloat16), tf.float64), values), tf.float64)


def _held(exact: Any, dtype: Any) -> Any:
    """Which values a dtype holds, as far as float32 has it."""
    import tensorflow as tf

    return tf.equal(tf.cast(tf.cast(exact, _at_most_float32(dtype)), tf.float64), exact)


@dataclass(frozen=True)
class Place:
    """Where in the model something is rounded, so that no two places are moved alike.

    Attributes:
        number: of the op; every second one.
        repeated: it is in a loop, so that its values tell one turn from the next.
    """

    number: int
    repeated: bool


def _of_sum(terms: Any) -> Any:
    return (1.0 + terms / 3.0) ** 0.5


def unit_roundoff(dtype: Any) -> float:
    """Greatest relative error of one rounding to a `tf.DType`, or float32: half an epsilon."""
    return max(epsilon(dtype.name), epsilon("float32")) / 2


def _at_most_float32(dtype: Any) -> Any:
    """The dtype that a value is rounded to: exports of float64 models may compute in float32."""
    import tensorflow as tf

    return tf.float32 if dtype == tf.float64 else dtype
