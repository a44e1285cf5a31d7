"""The task's own measure: how often the right class, or the original's, is named; with intervals.

Shares are judged with their 95 % confidence interval. Sources: the ratio of two accuracies on the same
samples, Bonett and Price, "Confidence intervals for a ratio of binomial proportions based on paired
data", Statistics in Medicine 25 (2006) 3039-3047; one share, Wilson, JASA 22 (1927) 209-212. Neither
degenerates where nothing differs, as the bootstrap does. The default of 99 % is MLPerf Inference's.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from validation.dtypes import is_float
from validation.expected import OutputReference
from validation.verdict import Accuracy, Comparison

Z = 1.959963984540054
"""Of the normal distribution: 95 % lie within ± this many standard deviations."""


class AccuracyMeter:
    """Counts right answers of original and export over the labelled samples.

    Args:
        output: its reference; classes are the greatest element of the last dimension, the value itself
            for integers, and for a single float 0 or 1: above 0.5 if all of the original's lie in 0 to
            1, else above 0.
        labels: class of each sample of the data, in order: int64 [samples].
    """

    def __init__(self, output: OutputReference, labels: np.ndarray) -> None:
        self._output, self._labels = output, labels
        self._right = np.zeros((2, 2), np.int64)

    def add(self, expected: np.ndarray, actual: np.ndarray, first_sample: int) -> None:
        """Some samples of the data, along the first dimension."""
        labels = self._labels[first_sample : first_sample + len(expected)]
        original, export = (classes(a, self._output) == labels for a in (expected, actual))
        np.add.at(self._right, (original.astype(int), export.astype(int)), 1)

    def apply(self, comparison: Comparison) -> Comparison:
        """The comparison with what was counted."""
        return replace(comparison, accuracy=accuracy_of(self._right))


def classes(values: np.ndarray, output: OutputReference) -> np.ndarray:
    """The class that each sample's answer stands for, int64 [samples]."""
    if not is_float(output.spec.dtype):
        return values.reshape(len(values)).astype(np.int64)
    rows = values.reshape(len(values), -1)
    if rows.shape[1] > 1:
        return np.argmax(rows, axis=1)
    middle = 0.5 if output.minimum >= 0 and output.maximum <= 1 else 0.0
    return np.asarray(rows[:, 0] > middle, np.int64)


def accuracy_of(right: np.ndarray) -> Accuracy:
    """From the counts [original right, export right], each index 0 or 1."""
    samples = int(right.sum())
    original, export = int(right[1].sum()), int(right[:, 1].sum())
    low, high = ratio_interval(int(right[1, 1]), int(right[1, 0]), int(right[0, 1]))
    share = export / original if original else math.nan
    return Accuracy(samples, original / max(samples, 1), export / max(samples, 1), share, low, high)


def ratio_interval(both: int, only_original: int, only_export: int) -> tuple[float, float]:
    """Bonett and Price's interval of export's accuracy over the original's.

    Args:
        both: samples that both get right.
        only_original: that only the original gets right.
        only_export: that only the export gets right.

    Returns:
        NaN twice where the original gets nothing right.
    """
    total = both + only_original + only_export
    export, original = both + only_export, both + only_original
    if not original:
        return math.nan, math.nan
    a = math.sqrt((only_original + only_export + 2) / ((export + 1) * (original + 1)))
    b = math.sqrt((1 - (export + 1) / (total + 2)) / (export + 1))
    c = math.sqrt((1 - (original + 1) / (total + 2)) / (original + 1))
    z = a / (b + c) * Z
    export_low, export_high = share_interval(export, total, z)
    original_low, original_high = share_interval(original, total, z)
    return export_low / original_high, export_high / original_low


def share_interval(hits: int, total: int, z: float = Z) -> tuple[float, float]:
    """Wilson's interval of a share; 0 to 1 without samples."""
    if not total:
        return 0.0, 1.0
    middle = 2 * hits + z * z
    reach = z * math.sqrt(z * z + 4 * hits * (1 - hits / total))
    return (middle - reach) / (2 * (total + z * z)), (middle + reach) / (2 * (total + z * z))
