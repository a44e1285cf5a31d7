"""Gathers what must be known of one output of the original: range, spread, score vectors, its noise floor."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from converters.signature import TensorSpec
from validation.dtypes import as_codes, epsilon, is_float
from validation.expected import Noise, OutputReference
from validation.feed_layout import Layout
from validation.statistics import ProductSum, Spread, power_of_two

DEAD_ULPS = 16
"""An output that moves by no more epsilons of its greatest value than this is constant: twice the
tightest limit that any export is given, so that a file which ignores its inputs would pass."""


class OutputRecorder:
    """One output over all batches; memory does not grow with their number.

    Args:
        spec: the output.
        layout: of the model's inputs.
        arithmetic: coarsest float dtype that the model computes with.
        scores: it is a score vector whatever its values look like.
    """

    def __init__(self, spec: TensorSpec, layout: Layout, arithmetic: str, scores: bool) -> None:
        self.spec, self._arithmetic, self._declared = spec, arithmetic, scores
        leads = bool(spec.shape) and spec.shape[0] in (None, layout.fixed_batch)
        self._per_sample = layout.batched and leads
        self._is_scores = is_float(spec.dtype) and len(spec.shape) >= 2
        self._least, self._greatest, self._count = math.inf, -math.inf, 0
        self._squares, self._spread = ProductSum(), Spread()
        self._floor, self._own = _NoiseSum(), _NoiseSum()

    def add(
        self,
        given: np.ndarray,
        samples: int,
        floor: np.ndarray | None = None,
        own: np.ndarray | None = None,
    ) -> None:
        """The original's answer to one batch.

        Args:
            given: as the original gives it.
            samples: in the batch.
            floor: the noise floor of each element.
            own: the original's error at each element, where there is a twin.
        """
        self._per_sample = self._per_sample and given.ndim > 0 and len(given) == samples
        values = as_codes(given) if self.spec.dtype == "string" else given.astype(np.float64)
        rows = values if self._per_sample else values[None]
        self._spread.add(rows, None if floor is None else floor.reshape(rows.shape))
        finite = values[np.isfinite(values)]
        self._count += finite.size
        self._least = min(self._least, float(np.min(finite, initial=math.inf)))
        self._greatest = max(self._greatest, float(np.max(finite, initial=-math.inf)))
        self._squares.add(finite, finite)
        self._is_scores = self._is_scores and _sums_to_one(values, self._arithmetic)
        if floor is not None:
            self._floor.add(floor)
        if own is not None:
            self._own.add(own)

    @property
    def moves(self) -> bool:
        """More than rounding could."""
        magnitude = max(abs(self._least), abs(self._greatest)) if self._count else 0.0
        eps = max(epsilon("float32"), epsilon(self._arithmetic)) if is_float(self.spec.dtype) else 0.0
        return self._spread.movement > DEAD_ULPS * eps * magnitude

    def find_unproven(self, inputs: str) -> str:
        """Why nothing can be proven with this output, or ""; `inputs` is what is wrong with those."""
        if not self._count:
            return "the original gives no finite value"
        if self.moves:
            return ""
        return inputs or f"the original's answer does not move with the inputs ({self._movement()})"

    def result(self, precision_noise: Mapping[str, Noise], unproven: str) -> OutputReference:
        """What was gathered."""
        known = self._count > 0
        return OutputReference(
            spec=self.spec,
            per_sample=self._per_sample,
            is_scores=self._declared or (self._is_scores and known),
            minimum=self._least if known else math.nan,
            maximum=self._greatest if known else math.nan,
            rms=self._root_mean(self._squares),
            movement=self._spread.movement,
            constant_rms=self._root_mean(self._spread.squares),
            arithmetic=self._arithmetic,
            floor=self._floor.result(),
            own=self._own.result(),
            clearance=self._spread.clearance,
            precision_noise=precision_noise,
            unproven=unproven,
        )

    def _root_mean(self, squares: ProductSum) -> float:
        return power_of_two((squares.log2 - math.log2(self._count)) / 2) if self._count else 0.0

    def _movement(self) -> str:
        return f"by {self._spread.movement:.3g}, within {self._least:.6g} to {self._greatest:.6g}"


class _NoiseSum:
    """The greatest and the root mean square of errors that come in pieces."""

    def __init__(self) -> None:
        self._greatest, self._squares, self._count = 0.0, ProductSum(), 0

    def add(self, errors: np.ndarray) -> None:
        finite = errors[np.isfinite(errors)]
        self._greatest = max(self._greatest, float(np.max(finite, initial=0.0)))
        self._squares.add(finite, finite)
        self._count += finite.size

    def result(self) -> Noise | None:
        """None where nothing was added."""
        if not self._count:
            return None
        rms = power_of_two((self._squares.log2 - math.log2(self._count)) / 2)
        return Noise(self._greatest, rms)


def _sums_to_one(values: np.ndarray, arithmetic: str) -> bool:
    if values.ndim < 2 or values.shape[-1] < 2:
        return False
    slack = 1e-3 if epsilon(arithmetic) <= epsilon("float32") else 1e-2
    return bool(np.all(values >= 0) and np.all(np.abs(values.sum(-1) - 1) <= slack))
