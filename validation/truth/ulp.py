"""Where there is no twin: what one ulp does to the original, 16 times a batch.

Inputs and weights are moved, and on the way the results of functions whose error is a roundoff of something
greater than their result: sigmoid(-20) is 2e-9, and engines that compute it as a half and a rational function
give 2e-7. No ulp of an input tells that.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from converters.signature import Signature
from validation.coarser import Run, nudged, relative
from validation.dtypes import dtype_name, epsilon
from validation.feed import Tensors
from validation.original import Nudge, Original
from validation.truth.remade import NoTwinError, Values, as_it_is
from validation.truth.rounding import Rounding, is_off_by_more
from validation.truth.translate import WALKED, Translation
from validation.truth.twin import Twin

ULP = 2.0
"""Unit roundoffs."""


class OneUlp:
    """Runs of an original that is moved by one ulp.

    Args:
        original: opened.

    Attributes:
        left_out: why results on the way can't be moved; "" where they are, or where none need be.
    """

    def __init__(self, original: Original) -> None:
        self._original = original
        self._copy: _Copy | None = None
        self.left_out = ""
        try:
            copy = _Copy(original.traced, original.signature)
        except NoTwinError as error:
            self.left_out = str(error)
        else:
            self._copy = copy if copy.moves else None

    def run(self, tensors: Tensors, seed: int) -> dict[str, np.ndarray] | None:
        """The answers to one batch, or None where there is no float to move."""
        weights, inputs = (_ulp(np.random.default_rng((seed, n))) for n in (0, 1))
        if self._copy is not None:
            moved: Run = partial(self._copy.rounded, seed=seed, amplitude=ULP)
            try:
                return nudged(self._original, tensors, weights, inputs, moved)
            except NoTwinError as error:
                self._copy, self.left_out = None, str(error)
        return nudged(self._original, tensors, weights, inputs, self._original.graph)


def _ulp(random: np.random.Generator) -> Nudge:
    """One float32 ulp up or down, for coarser dtypes one of their own.

    Three quarters of epsilon, relative to a number, are 0.75 to 1.5 of its ulps, and round to one.
    """

    def nudge(value: np.ndarray) -> np.ndarray:
        step = 0.75 * max(epsilon("float32"), epsilon(dtype_name(value)))
        return relative(value, step * random.choice((-1.0, 1.0), value.shape))

    return nudge


class _Copy(Twin):
    """The original's graph in its own dtypes.

    Attributes:
        moves: there is a result to be moved.
    """

    def __init__(self, traced: Any, signature: Signature) -> None:
        super().__init__(traced, signature)
        self.moves = False
        self.trace()

    def _translation(self, rounding: Rounding | None) -> Translation:
        return _Copying(rounding, self._note)

    def _note(self) -> None:
        self.moves = True

    def _taken(self, value: Any) -> Any:
        return value


class _Copying(Translation):
    """Rounds nothing but what is off by more than an ulp of its result.

    Args:
        rounding: None for a plain copy.
        note: called at each such op.
    """

    def __init__(self, rounding: Rounding | None, note: Callable[[], None]) -> None:
        super().__init__(rounding)
        self._note = note

    def _carry_over(self, op: Any, inputs: Values) -> Values:
        import tensorflow as tf

        if op.type in WALKED:
            return super()._carry_over(op, inputs)
        results = as_it_is(op, inputs)
        if not is_off_by_more(op):
            return results
        self._note()
        if self._rounding is None:
            return results
        rounding, place = self._rounding, self._place(op)
        return [
            tf.cast(rounding.result(tf.cast(value, tf.float64), op, value.dtype, place), value.dtype)
            for value in results
        ]
