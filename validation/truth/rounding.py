"""Every rounding of a model, simulated: which ops round, and by how much.

Monte Carlo arithmetic: an op's exact result is moved at random within some unit roundoffs of the dtype
that the original computes in, unless that dtype holds the result exactly. Source: D. Stott Parker, "Monte
Carlo Arithmetic", UCLA CSD-970002 (1997).

A sum of K terms, added one after the other as engines do, rounds K times, each time by a share of what
was summed so far. Where the terms scatter around 0 that is a random walk, whose squares add up to K/2
times those of the terms; where they don't, to K/3 times that of the sum. So each term is moved by
sqrt(1 + K/2) and the sum by sqrt(1 + K/3) times as much as a single result.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from validation.dtypes import epsilon

_MOVED = """
Abs ArgMax ArgMin BatchToSpace BatchToSpaceND Bitcast BroadcastTo Cast Ceil ClipByValue Concat
ConcatV2 Const CopyToMesh DepthToSpace DynamicPartition DynamicStitch Enter Exit ExpandDims
ExtractImagePatches ExtractVolumePatches Fill Floor Gather GatherNd GatherV2 Identity IdentityN Imag
InvertPermutation LeakyReluGrad Max MaxPool MaxPool3D MaxPoolV2 MaxPoolWithArgmax Maximum Merge Min
Minimum MirrorPad Neg NoOp OneHot OnesLike Pack Pad PadV2 Placeholder PlaceholderWithDefault
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


NEAR_ONE = frozenset({"Elu", "Erfc", "LogSoftmax", "Selu", "Sigmoid", "Softplus"})
"""Ops that engines compute as the difference of numbers near 1, or as the logarithm of one: their error is a
roundoff of 1, not of the result. exp(x) - 1 for Elu, 1 - Erf for Erfc, log(1 + exp(x)) for Softplus; ONNX
Runtime's and XNNPACK's Sigmoid is a half and a rational function. Expm1 and Log1p are meant to be exact."""

SUMMED_INSIDE = frozenset({"Softmax", "LogSoftmax"})
"""Ops that sum up their last dimension on the way."""


@dataclass(frozen=True)
class Rounding:
    """How a simulated run is rounded.

    Attributes:
        seed: uint64 scalar tensor; the same seed moves the same values alike.
        amplitude: float64 scalar tensor, in unit roundoffs.
    """

    seed: Any
    amplitude: Any

    def result(self, exact: Any, dtype: Any, number: int, op: str) -> Any:
        """A result, moved where the dtype that the original has there can't hold it.

        Args:
            exact: float64.
            dtype: of the original.
            number: of the op.
            op: its type.
        """
        import tensorflow as tf

        terms = tf.cast(tf.shape(exact)[-1], tf.float64) if op in SUMMED_INSIDE else 0.0
        mover = _mover(_at_most_float32(dtype), 1.0 if op in NEAR_ONE else 0.0)
        steps = self._steps(dtype, number, (1.0 + terms / 3.0) ** 0.5)
        return _like(exact, mover(exact, exact, tf.constant(op not in NEAR_ONE), *steps))

    def sum(self, exact: Any, near: Any, *, short: Any, dtype: Any, number: int, terms: Any) -> Any:
        """As `result`, for sums; one is exact where the sums on the way are, too.

        Args:
            exact: float64.
            near: the same sums of terms that `terms_of` moved.
            short: whether all terms are of a few bits.
            dtype: of the original.
            number: of the op.
            terms: in each sum.
        """
        steps = self._steps(dtype, number, (1.0 + terms / 3.0) ** 0.5)
        return _like(exact, _mover(_at_most_float32(dtype), 0.0)(exact, near, short, *steps))

    def terms_of(self, values: Any, dtype: Any, number: int, terms: Any) -> Any:
        """Values that are summed, each moved on its own."""
        return _like(values, _shaker()(values, *self._steps(dtype, number, (1.0 + terms / 2.0) ** 0.5)))

    def _steps(self, dtype: Any, number: int, growth: Any) -> tuple[Any, Any]:
        import tensorflow as tf

        key = tf.constant((number * 0x9E3779B97F4A7C15) % 2**64, tf.uint64)
        return self.seed + key, self.amplitude * unit_roundoff(dtype) * growth


def are_short(factors: list[Any]) -> Any:
    """Whether all values have at most 8 bits, as bfloat16 has: float32 then holds sums of 256 products."""
    import tensorflow as tf

    return tf.reduce_all([_is_short(values) for values in factors])


def _is_short(values: Any) -> Any:
    import tensorflow as tf

    return tf.reduce_all(tf.equal(tf.cast(tf.cast(values, tf.bfloat16), tf.float64), values))


def _like(values: Any, result: Any) -> Any:
    """A function call forgets the shape."""
    result.set_shape(values.shape)
    return result


@cache
def _mover(dtype: Any, beside: float) -> Any:
    """A function of its own: one node in the traced graph for each op instead of twenty.

    Args:
        dtype: what it rounds to.
        beside: magnitude of what the result is the difference of, beyond its own.
    """
    import tensorflow as tf

    def move(exact: Any, near: Any, can_be_exact: Any, key: Any, most: Any) -> Any:
        held = tf.cast(tf.cast(exact, dtype), tf.float64)
        kept = (tf.equal(held, exact) & can_be_exact) | ~tf.math.is_finite(exact)
        return tf.where(kept, exact, near + (tf.abs(near) + beside) * most * _even(exact, key))

    return tf.function(
        move, input_signature=[_any(), _any(), tf.TensorSpec((), tf.bool), *_scalars()], autograph=False
    )


@cache
def _shaker() -> Any:
    import tensorflow as tf

    def shake(values: Any, key: Any, most: Any) -> Any:
        return values * (1.0 + most * _even(values, key))

    return tf.function(shake, input_signature=[_any(), *_scalars()], autograph=False)


def _any() -> Any:
    import tensorflow as tf

    return tf.TensorSpec(None, tf.float64)


def _scalars() -> tuple[Any, Any]:
    import tensorflow as tf

    return tf.TensorSpec((), tf.uint64), tf.TensorSpec((), tf.float64)


def _even(values: Any, key: Any) -> Any:
    """Numbers evenly distributed within -1 and 1: a hash of each value.

    Source: the mixer of splitmix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number
    generators", 2014).
    """
    import tensorflow as tf

    bits = tf.bitcast(values, tf.uint64) + key
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        shifted = tf.bitwise.right_shift(bits, tf.constant(shift, tf.uint64))
        bits = tf.bitwise.bitwise_xor(bits, shifted) * tf.constant(factor, tf.uint64)
    return tf.cast(tf.bitcast(bits, tf.int64), tf.float64) * 2.0**-63


def unit_roundoff(dtype: Any) -> float:
    """Greatest relative error of one rounding to a `tf.DType`, or float32: half an epsilon."""
    return max(epsilon(dtype.name), epsilon("float32")) / 2


def _at_most_float32(dtype: Any) -> Any:
    """The dtype that a value is rounded to: exports of float64 models may compute in float32."""
    import tensorflow as tf

    return tf.float32 if dtype == tf.float64 else dtype
