"""Which integers the original answers to, found by asking it.

A lookup on a CPU raises for an index that is outside of its table; Keras' own `take` counts negative ones
from the end; `one_hot` answers to any. The domain ends where the original ends.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from converters.errors import EdgeproofError
from converters.signature import TensorSpec
from validation.directed.graph_facts import GraphFacts
from validation.domain import Range
from validation.dtypes import is_integer, numpy_dtype
from validation.feed import Tensors

MOST = 16
"""Greatest value of an input that decides sizes or turns of a loop."""

T = TypeVar("T")

Answer = Callable[[Tensors], object]
"""Runs the original; raises `EdgeproofError` where it gives no answer."""


def find_accepted(
    answer: Answer, tensors: Tensors, specs: Sequence[TensorSpec], facts: GraphFacts
) -> dict[str, Range]:
    """Least and greatest integer that the original takes, by input.

    Args:
        answer: runs the original on one batch.
        tensors: a batch that it takes.
        specs: of all inputs.
        facts: of the original's graph.
    """
    return {spec.name: _accepted(answer, tensors, spec, facts) for spec in specs if is_integer(spec.dtype)}


def _accepted(answer: Answer, tensors: Tensors, spec: TensorSpec, facts: GraphFacts) -> Range:
    array = tensors[spec.name]
    known = (int(array.min()), int(array.max())) if array.size else (0, 0)
    lows, highs = _candidates(spec, facts)

    def takes(value: int) -> bool:
        return _does_answer(answer, {**tensors, spec.name: np.full_like(array, value)})

    low = next((value for value in lows if value < known[0] and takes(value)), known[0])
    high = next((value for value in highs if value > known[1] and takes(value)), known[1])
    return low, high


def find_answer(answer: Callable[[Tensors], T], tensors: Tensors) -> T | None:
    """The original's answer to a batch; None where it has none."""
    try:
        return answer(tensors)
    except EdgeproofError:
        return None


def _does_answer(answer: Answer, tensors: Tensors) -> bool:
    """Whether the original takes a batch."""
    try:
        answer(tensors)
    except EdgeproofError:
        return False
    return True


def _candidates(spec: TensorSpec, facts: GraphFacts) -> tuple[list[int], list[int]]:
    """The widest ends first."""
    if spec.name in facts.sizes:
        return [0], [MOST]
    info = np.iinfo(numpy_dtype(spec.dtype))
    tables = facts.tables.get(spec.name, ())
    lows = {int(info.min), -(2**31), *(-length for length in tables), -1, 0}
    highs = {int(info.max), 2**31 - 1, *tables, *(length - 1 for length in tables), 255, 9, 1}
    return (
        sorted(value for value in lows if value >= info.min),
        sorted((value for value in highs if value <= info.max), reverse=True),
    )
