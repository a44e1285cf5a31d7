"""What is known of each input when boundary values are chosen for it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from converters.signature import TensorSpec
from validation.domain import Domain, Range
from validation.dtypes import dtype_name, is_float, is_integer
from validation.feed import Tensors

NATURAL_SPAN = (-3.0, 3.0)
"""Of floats that neither data nor recipe tell of: natural ones are drawn from a standard normal."""

NATURAL_INTEGERS = (0, 9)
"""Likewise: any embedding takes these."""


@dataclass(frozen=True, slots=True)
class Input:
    """One input.

    Attributes:
        spec: its name and dtype.
        limits: least and greatest value of the domain; None for booleans and text.
        span: least and greatest value that usually occur; inside `limits`.
        tables: lengths of the tables that its values look up.
    """

    spec: TensorSpec
    limits: Range | None
    span: Range
    tables: tuple[int, ...] = ()

    @property
    def kind(self) -> str:
        """float, integer, bool or string."""
        if is_float(self.spec.dtype):
            return "float"
        return "integer" if is_integer(self.spec.dtype) else self.spec.dtype

    def inside(self, value: float) -> bool:
        return self.limits is not None and self.limits[0] <= value <= self.limits[1]


class Seen:
    """Least and greatest value of every numeric input over the data, and whether NaN and Inf occur."""

    def __init__(self) -> None:
        self.ranges: dict[str, Range] = {}
        self.nan = self.inf = False

    def add(self, tensors: Tensors) -> None:
        """One batch."""
        for name, array in tensors.items():
            if array.dtype.kind in "OSUb":
                continue
            values = array.astype(np.float64) if is_float(dtype_name(array)) else array
            finite = values[np.isfinite(values)] if values.dtype.kind == "f" else values
            if values.dtype.kind == "f":
                self.nan = self.nan or bool(np.isnan(values).any())
                self.inf = self.inf or bool(np.isinf(values).any())
            if finite.size:
                new = finite.min().item(), finite.max().item()
                old = self.ranges.get(name, new)
                self.ranges[name] = min(old[0], new[0]), max(old[1], new[1])


def describe_input(
    spec: TensorSpec,
    domain: Domain,
    *,
    seen: Range | None = None,
    accepted: Range | None = None,
    tables: tuple[int, ...] = (),
) -> Input:
    """An input with its domain.

    Args:
        spec: the input.
        domain: what the user says.
        seen: what the data span; None without data.
        accepted: integers that the original answers to.
        tables: lengths of the tables that its values look up.
    """
    if spec.dtype in ("bool", "string"):
        return Input(spec, None, (0, 1))
    limits = domain.limits(spec, seen, accepted)
    low, high = seen or domain.told(spec) or _usual(spec, tables)
    return Input(spec, limits, (max(low, limits[0]), min(high, limits[1])), tables)


def _usual(spec: TensorSpec, tables: tuple[int, ...]) -> Range:
    if is_float(spec.dtype):
        return NATURAL_SPAN
    return (0, min(tables) - 1) if tables else NATURAL_INTEGERS
