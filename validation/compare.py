"""Holds what a runtime gave against what the original gave: names, then shapes and dtypes, then values.

- Floats are compared in float64; integers, booleans and strings exactly.
- NaN agrees with NaN, and an infinity with itself; both are counted. Against anything else their
  difference is infinite. 0.0 and -0.0 are equal.
- The difference of integers is exact up to 2^64; of two booleans or strings it is 0 or 1.
- With a noise floor, differences are also taken in units of it, element by element; an integer or a
  boolean that roundings before it may move as far is equal.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from converters.signature import TensorSpec
from validation.dtypes import dtype_name, is_float
from validation.feed import Tensors
from validation.noise_meter import NoiseMeter
from validation.statistics import LogHistogram, ProductSum, power_of_two
from validation.verdict import Comparison

QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p99.9": 0.999}


def find_mismatch(expected: Tensors, actual: Tensors, specs: Sequence[TensorSpec]) -> str | None:
    """What is wrong with names, shapes or dtypes, in a sentence; None when values can be compared.

    Args:
        expected: the truth, whose floats may be finer than the output's dtype.
        actual: by the same names.
        specs: of the outputs.
    """
    dtypes = {spec.name: spec.dtype for spec in specs}
    missing = [name for name in expected if name not in actual]
    extra = [name for name in actual if name not in expected]
    if missing:
        return f"outputs are missing: got {sorted(actual)}, want {sorted(expected)}"
    if extra:
        return f"there are extra outputs: got {sorted(actual)}, want {sorted(expected)}"
    for name, array in expected.items():
        if actual[name].shape != array.shape:
            return f"output {name} has shape {list(actual[name].shape)}, want {list(array.shape)}"
        if dtype_name(actual[name]) != dtypes[name]:
            return f"output {name} has dtype {dtype_name(actual[name])}, want {dtypes[name]}"
    return None


class OutputMeter:
    """Measures one output over batches; memory does not grow with their number.

    Args:
        spec: the output; its dtype says how differences are taken.
        limit: elements that differ by more, in the output's own units, are counted as mismatched.
        noise_limit: likewise, in units of the noise floor.
        value_range: max - min of the expected values, for `max_rel_range`.
        per_sample: the first dimension counts samples; otherwise an array belongs to one sample.
        scores: the last dimension is a score vector.
    """

    def __init__(
        self,
        spec: TensorSpec,
        *,
        limit: float = 0.0,
        noise_limit: float = math.inf,
        value_range: float = math.nan,
        per_sample: bool = True,
        scores: bool = False,
    ) -> None:
        self._spec, self._limit, self._range = spec, limit, value_range
        self._noise_limit = noise_limit
        self._per_sample, self._scores = per_sample, scores
        self._count = self._mismatched = self._conflicts = self._rows = self._agreed = 0
        self._nan, self._inf = [0, 0], [0, 0]
        self._least, self._greatest = math.inf, -math.inf
        self._worst: tuple[float, tuple[int, ...], Any, Any] = (-1.0, (), None, None)
        self._signal, self._other, self._product, self._error = (ProductSum() for _ in range(4))
        self._max_abs = 0.0
        self._histogram = LogHistogram()
        self._noise = NoiseMeter(spec, noise_limit)

    def add(
        self, expected: np.ndarray, actual: np.ndarray, first_sample: int, noise: np.ndarray | None = None
    ) -> None:
        """One batch; all arrays have the same shape, the actual one has the output's dtype.

        Args:
            expected: the truth.
            actual: of the runtime.
            first_sample: number of the batch's first sample.
            noise: the floor, see `validation.expected.Batch`.
        """
        difference = differences(expected, actual)
        badness = difference
        beyond = (difference > self._limit) | np.isinf(difference)
        if noise is not None and is_float(self._spec.dtype):
            ratio, over = self._noise.add(difference, noise)
            badness = ratio if math.isfinite(self._noise_limit) else difference
            beyond |= over
        elif noise is not None:
            difference = badness = np.where(difference <= noise, 0.0, difference)
            beyond &= difference > 0
        self._count += difference.size
        self._mismatched += int(beyond.sum())
        self._max_abs = max(self._max_abs, float(np.max(difference, initial=0.0)))
        self._histogram.add(difference)
        self._keep_worst(badness, expected, actual, first_sample)
        if dtype_name(expected) == "string":
            self._conflicts += int(difference.sum())
        else:
            self._sum(expected.astype(np.float64), actual.astype(np.float64), difference)
        if self._scores and expected.size:
            self._rows += expected.size // expected.shape[-1]
            self._agreed += _agreeing_rows(expected, actual)

    def _sum(self, expected: np.ndarray, actual: np.ndarray, difference: np.ndarray) -> None:
        self._conflicts += int(np.isinf(difference).sum())
        for side, values in enumerate((expected, actual)):
            self._nan[side] += int(np.isnan(values).sum())
            self._inf[side] += int(np.isinf(values).sum())
        known = expected[np.isfinite(expected)]
        self._least = min(self._least, float(np.min(known, initial=math.inf)))
        self._greatest = max(self._greatest, float(np.max(known, initial=-math.inf)))
        both = np.isfinite(expected) & np.isfinite(actual) & np.isfinite(difference)
        left, right, error = expected[both], actual[both], difference[both]
        self._signal.add(left, left)
        self._other.add(right, right)
        self._product.add(left, right)
        self._error.add(error, error)

    def _keep_worst(
        self, badness: np.ndarray, expected: np.ndarray, actual: np.ndarray, first_sample: int
    ) -> None:
        if not badness.size:
            return
        place = np.unravel_index(int(np.argmax(badness)), badness.shape)
        if badness[place] > self._worst[0]:
            inner = tuple(int(i) for i in place)
            index = (
                (first_sample + inner[0], *inner[1:])
                if self._per_sample and inner
                else (first_sample, *inner)
            )
            self._worst = (float(badness[place]), index, _scalar(expected[place]), _scalar(actual[place]))

    def result(self) -> Comparison:
        """The measurement so far."""
        _, index, expected, actual = self._worst
        max_abs = self._max_abs
        known = self._least <= self._greatest
        return Comparison(
            name=self._spec.name,
            count=self._count,
            mismatched=self._mismatched,
            max_abs=max_abs,
            max_rel_range=_ratio(max_abs, self._range),
            rmse=self._rmse(),
            cosine=self._cosine(),
            sqnr_db=self._sqnr_db(),
            quantiles={name: min(self._histogram.quantile(q), max_abs) for name, q in QUANTILES.items()},
            expected_min=self._least if known else math.nan,
            expected_max=self._greatest if known else math.nan,
            nan_expected=self._nan[0],
            nan_actual=self._nan[1],
            inf_expected=self._inf[0],
            inf_actual=self._inf[1],
            worst_index=index,
            worst_expected=expected,
            worst_actual=actual,
            noise_ratio=self._noise.greatest,
            noise_ratio_rms=self._noise.rms,
            argmax_agreement=self._agreed / self._rows if self._rows else None,
        )

    def _rmse(self) -> float:
        if self._conflicts:
            return math.inf
        if not self._count:
            return 0.0
        return power_of_two((self._error.log2 - math.log2(self._count)) / 2)

    def _cosine(self) -> float:
        if self._conflicts:
            return math.nan
        signal, other = self._signal.log2, self._other.log2
        if math.isinf(signal) or math.isinf(other):
            return 1.0 if signal == other else 0.0
        cosine = self._product.sign * power_of_two(self._product.log2 - (signal + other) / 2)
        return max(-1.0, min(1.0, cosine))

    def _sqnr_db(self) -> float:
        if self._conflicts:
            return -math.inf
        if math.isinf(self._error.log2):
            return math.inf
        return 10 * math.log10(2) * (self._signal.log2 - self._error.log2)


def differences(expected: np.ndarray, actual: np.ndarray) -> np.ndarray:
    """|actual - expected| in float64, Infinity where a NaN or an infinity stands against another value."""
    if dtype_name(expected) in ("string", "bool"):
        return np.asarray(expected != actual, np.float64)
    if not is_float(dtype_name(expected)):
        least, greatest = np.minimum(expected, actual), np.maximum(expected, actual)
        # Modulo 2^64 the difference of two's complements is exact, where int64 itself would overflow.
        return np.asarray(np.subtract(_unsigned(greatest), _unsigned(least)), np.float64)
    left, right = expected.astype(np.float64), actual.astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        difference = np.asarray(np.abs(right - left))
    difference[(left == right) | (np.isnan(left) & np.isnan(right))] = 0.0
    difference[np.isnan(difference)] = math.inf
    return difference


def _unsigned(array: np.ndarray) -> np.ndarray:
    return np.asarray(array, np.int64).view(np.uint64) if array.dtype.kind == "i" else array.astype(np.uint64)


def _agreeing_rows(expected: np.ndarray, actual: np.ndarray) -> int:
    """Rows whose actual winner is a winner of the expected row, ties included."""
    rows = expected.reshape(-1, expected.shape[-1]).astype(np.float64)
    winners = np.argmax(actual.reshape(rows.shape).astype(np.float64), axis=1)
    return int((np.take_along_axis(rows, winners[:, None], 1)[:, 0] == rows.max(1)).sum())


def _ratio(value: float, scale: float) -> float:
    if value == 0.0:
        return 0.0
    return value / scale if scale > 0 else math.inf


def _scalar(value: Any) -> Any:
    """A Python number, boolean or text."""
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    plain = value.item() if hasattr(value, "item") else value
    return plain if isinstance(plain, (bool, int, str)) else float(plain)
