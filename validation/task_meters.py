"""What is measured of an output besides the distance of its elements: right classes, the same classes,
and the user's own rtol and atol.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Protocol

import numpy as np

from validation.accuracy import accuracy_of
from validation.compare import differences
from validation.dtypes import is_float
from validation.expected import Batch, OutputReference
from validation.feed import NATURAL
from validation.limit import Limit
from validation.verdict import Comparison


class TaskMeter(Protocol):
    """Counts over batches, and enters the outcome into a comparison."""

    def add(self, expected: np.ndarray, actual: np.ndarray, first_sample: int, batch: Batch) -> None:
        """Some samples of a batch that lies inside the domain; samples along the first dimension."""

    def apply(self, comparison: Comparison) -> Comparison:
        """The comparison with what was measured."""


def meters_for(
    output: OutputReference,
    limit: Limit | None = None,
    labels: np.ndarray | None = None,
    leaders_noise: float = 0.0,
) -> list[TaskMeter]:
    """Those that an output needs.

    Args:
        output: of the original.
        limit: what the user set, or None.
        labels: class of each sample of the data that belongs to this output, or None.
        leaders_noise: root mean square error that the greatest element of a score vector may have.
    """
    meters: list[TaskMeter] = []
    if labels is not None:
        meters.append(AccuracyMeter(output, labels))
    if output.is_scores or (limit is not None and limit.agreement is not None):
        meters.append(AgreementMeter(leaders_noise))
    if limit is not None and limit.rtol is not None and limit.atol is not None:
        meters.append(AllcloseMeter(limit.rtol, limit.atol))
    return meters


class AccuracyMeter:
    """Right answers of original and export over the labelled samples, which come first in the stream.

    Args:
        output: its class is the greatest element of the last dimension; of integers the value itself; of
            a single float 0 or 1: above 0.5 if all of the original's lie in 0 to 1, else above 0.
        labels: class of each sample of the data, in order: int64 [samples].
    """

    def __init__(self, output: OutputReference, labels: np.ndarray) -> None:
        self._output, self._labels = output, labels
        self._right = np.zeros((2, 2), np.int64)

    def add(self, expected: np.ndarray, actual: np.ndarray, first_sample: int, batch: Batch) -> None:
        if batch.origin == "data":
            labels = self._labels[first_sample : first_sample + len(expected)]
            original, export = (classes(array, self._output) == labels for array in (expected, actual))
            np.add.at(self._right, (original.astype(int), export.astype(int)), 1)

    def apply(self, comparison: Comparison) -> Comparison:
        counted = self._labels[: int(self._right.sum())]
        commonest = int(np.unique(counted, return_counts=True)[1].max(initial=0))
        return replace(comparison, accuracy=accuracy_of(self._right, commonest))


class AgreementMeter:
    """Same classes: rows of floats by their greatest element, integers by their value.

    Args:
        noise: root mean square error that the greatest elements may have. The difference of two of them may
            be off by twice its standard deviation, 2 √2 times as much.
    """

    def __init__(self, noise: float = 0.0) -> None:
        self._count = self._same = self._close = 0
        self._lead = 2 * math.sqrt(2) * noise

    def add(self, expected: np.ndarray, actual: np.ndarray, first_sample: int, batch: Batch) -> None:
        if batch.origin in NATURAL and expected.size:
            same = _same_winner(expected, actual) if is_float(expected.dtype.name) else expected == actual
            self._count += same.size
            self._same += int(same.sum())
            if is_float(expected.dtype.name):
                self._close += int((_leads(expected) < self._lead).sum())

    def apply(self, comparison: Comparison) -> Comparison:
        share = self._same / self._count if self._count else None
        return replace(comparison, argmax_agreement=share, score_vectors=self._count, close_calls=self._close)


class AllcloseMeter:
    """|actual - expected| against atol + rtol |expected|, element by element."""

    def __init__(self, rtol: float, atol: float) -> None:
        self._rtol, self._atol = rtol, atol
        self._ratio, self._beyond = 0.0, 0

    def add(self, expected: np.ndarray, actual: np.ndarray, first_sample: int, batch: Batch) -> None:
        difference = differences(expected, actual)
        known = np.abs(np.where(np.isfinite(expected), expected, 0.0).astype(np.float64))
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(difference == 0, 0.0, difference / (self._atol + self._rtol * known))
        self._ratio = max(self._ratio, float(np.max(ratio, initial=0.0)))
        self._beyond += int((ratio > 1).sum())

    def apply(self, comparison: Comparison) -> Comparison:
        return replace(comparison, allclose_ratio=self._ratio, mismatched=self._beyond)


def classes(values: np.ndarray, output: OutputReference) -> np.ndarray:
    """The class that each sample's answer stands for, int64 [samples]."""
    if not is_float(output.spec.dtype):
        return values.reshape(len(values)).astype(np.int64)
    rows = values.reshape(len(values), -1)
    if rows.shape[1] > 1:
        return np.argmax(rows, axis=1)
    middle = 0.5 if output.minimum >= 0 and output.maximum <= 1 else 0.0
    return np.asarray(rows[:, 0] > middle, np.int64)


def _leads(expected: np.ndarray) -> np.ndarray:
    """By how much the greatest element of each row exceeds the next one."""
    rows = expected.reshape(-1, expected.shape[-1]).astype(np.float64)
    if rows.shape[1] < 2:
        return np.full(len(rows), np.inf)
    second, first = np.partition(rows, -2, axis=1)[:, -2:].T
    return np.asarray(first - second)


def _same_winner(expected: np.ndarray, actual: np.ndarray) -> np.ndarray:
    """Whether the actual winner of each row is a winner of the expected row, ties included."""
    rows = expected.reshape(-1, expected.shape[-1]).astype(np.float64)
    winners = np.argmax(actual.reshape(rows.shape).astype(np.float64), axis=1)
    return np.take_along_axis(rows, winners[:, None], 1)[:, 0] == rows.max(1)
