"""The original with half precision between its ops, simulated in float64: what float16 tensors alone do.

Independent of the file that is judged. Inputs, and the result of every op that depends on them, are rounded
to float16, with its range: what exceeds 65504 becomes infinite, what is less than 3e-8 becomes zero. All else
is constant, and rounded once, where such an op takes it, as converters store it: nothing exceeds 65504, and
nothing becomes zero. Within an op it is float64: where runtimes lack half-precision kernels they take float32
there, and round less often where they fuse ops or leave out casts to and fro.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from converters.signature import Signature
from validation.truth.live import LiveTranslation
from validation.truth.remade import Values
from validation.truth.translate import WALKED, Translation
from validation.truth.twin import Twin

LARGEST = float(np.finfo(np.float16).max)

LEAST = float(np.finfo(np.float16).smallest_subnormal)


class HalfTwin(Twin):
    """A model with float16 between its ops.

    Args:
        traced: `tf.function` from inputs by name to outputs by name.
        signature: of the original.

    Raises:
        NoTwinError: an op can't be taken to float64; says which.
    """

    def __init__(self, traced: Any, signature: Signature) -> None:
        super().__init__(traced, signature)
        self.trace()

    def _translation(self, rounding: Any) -> Translation:
        return _Halving(len(self._signature.inputs))


class _Halving(LiveTranslation):
    """Rounds every result that depends on an input."""

    def _entering(self, value: Any) -> Any:
        return halved(value)

    def _carry_over(self, op: Any, inputs: Values) -> Values:
        live = self._live[op.graph]
        if not any(tensor.name in live for tensor in op.outputs):
            return super()._carry_over(op, inputs)
        taken = [
            value if tensor.name in live else stored(value)
            for tensor, value in zip(op.inputs, inputs, strict=True)
        ]
        results = super()._carry_over(op, taken)
        return results if op.type in WALKED else [halved(result) for result in results]


def halved(values: Any) -> Any:
    """Values rounded to float16, with its range; those that are no floats as they are."""
    import tensorflow as tf

    if values.dtype.is_complex:
        return tf.complex(halved(tf.math.real(values)), halved(tf.math.imag(values)))
    if not values.dtype.is_floating:
        return values
    return tf.cast(tf.cast(values, tf.float16), values.dtype)


def stored(values: Any) -> Any:
    """Likewise, as files hold constants: `onnxconverter_common.float16` keeps them within its range."""
    import tensorflow as tf

    if not values.dtype.is_floating:
        return halved(values)
    size = tf.clip_by_value(tf.abs(values), LEAST, LARGEST)
    return halved(tf.where(tf.math.is_finite(values), tf.sign(values) * size, values))
