"""Every rounding of a model, simulated: which ops round, and by how much.

Monte Carlo arithmetic: an op's exact result is moved at random within some unit roundoffs of the dtype
that the original computes in, unless that dtype holds the result exactly. In a contraction each product
is moved too, since its sum may cancel. Source: D. Stott Parker, "Monte Carlo Arithmetic", UCLA
CSD-970002 (1997).
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

_PRODUCTS = """
BatchMatMul BatchMatMulV2 BatchMatMulV3 Conv2D Conv3D DepthwiseConv2dNative MatMul
Conv2DBackpropInput Conv3DBackpropInputV2
"""
_SUMS = ("Sum", "Mean", "AvgPool", "AvgPool3D", "Cumsum")

SUMMED = dict.fromkeys(_PRODUCTS, 1) | dict.fromkeys(_SUMS, 0)
"""Ops that sum up, and the input whose relative errors are those of the terms."""


@dataclass(frozen=True)
class Rounding:
    """How a simulated run is rounded.

    Attributes:
        seed: uint64 scalar tensor; the same seed moves the same values alike.
        amplitude: float64 scalar tensor, in unit roundoffs.
    """

    seed: Any
    amplitude: Any

    def moved(self, exact: Any, near: Any, dtype: Any, number: int) -> Any:
        """A result, moved where the dtype that the original has there can't hold it.

        Args:
            exact: float64.
            near: the same, or what the op gives with its factors moved.
            dtype: of the original.
            number: of the op.
        """
        result = _mover(_at_most_float32(dtype))(exact, near, *self._steps(dtype, number))
        result.set_shape(exact.shape)
        return result

    def shaken(self, values: Any, dtype: Any, number: int) -> Any:
        """Values, each moved on its own."""
        result = _shaker()(values, *self._steps(dtype, number))
        result.set_shape(values.shape)
        return result

    def _steps(self, dtype: Any, number: int) -> tuple[Any, Any]:
        import tensorflow as tf

        key = tf.constant((number * 0x9E3779B97F4A7C15) % 2**64, tf.uint64)
        return self.seed + key, self.amplitude * unit_roundoff(dtype)


@cache
def _mover(dtype: Any) -> Any:
    """A function of its own: one node in the traced graph for each op instead of twenty."""
    import tensorflow as tf

    def move(exact: Any, near: Any, key: Any, most: Any) -> Any:
        held = tf.cast(tf.cast(exact, dtype), tf.float64)
        kept = tf.equal(held, exact) | ~tf.math.is_finite(exact)
        return tf.where(kept, exact, near * (1.0 + most * _even(exact, key)))

    return tf.function(move, input_signature=[_any(), _any(), *_scalars()], autograph=False)


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
