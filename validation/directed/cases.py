"""All directed cases of one model, the likeliest to find a fault before the others."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from validation.directed.builder import PAIR, Case, CaseBuilder
from validation.directed.float_cases import cases_beyond, float_cases, special_cases
from validation.directed.inputs import Input
from validation.directed.integer_cases import integer_cases
from validation.directed.patterns import Shape, all_equal, fill
from validation.directed.values import TEXTS
from validation.domain import Domain


def directed_cases(builder: CaseBuilder, domain: Domain) -> Iterator[Case]:
    """Those inside the domain first.

    Args:
        builder: of the model.
        domain: what the user says.
    """
    if all(entry.inside(0) for kind in ("float", "integer") for entry in builder.of(kind)):
        yield from builder.build("zeros", 1, _zeros, "float", "integer")
    yield from float_cases(builder)
    yield from integer_cases(builder)
    yield from builder.build("all true, all false", PAIR, _flags, "bool")
    yield from builder.build("empty, long and foreign text", PAIR, _texts, "string")
    yield from special_cases(builder, domain)
    yield from cases_beyond(builder)


def _zeros(_: Input, shape: Shape, __: int) -> np.ndarray:
    return np.zeros(shape)


def _flags(_: Input, shape: Shape, __: int) -> np.ndarray:
    return all_equal(shape, 0, 1)


def _texts(_: Input, shape: Shape, turn: int) -> np.ndarray:
    places = fill(shape, range(len(TEXTS)), turn)
    return np.array([TEXTS[int(place)] for place in places.ravel()], object).reshape(shape)
