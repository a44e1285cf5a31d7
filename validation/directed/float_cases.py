"""Directed cases of float inputs."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from validation.directed.builder import PAIR, Case, CaseBuilder
from validation.directed.inputs import Input
from validation.directed.patterns import PATTERNS, Pattern, Shape, alternating, fill
from validation.directed.values import FLOATS
from validation.domain import Domain

SMALL = 1e-3
"""Of the usual magnitude: where biases and epsilons outweigh the inputs."""

BEYOND = 3.0
"""Times the domain, for what is reported only."""

WIDE = 10.0
"""Times what usually occurs: nobody told what such an input is like."""


def float_cases(builder: CaseBuilder) -> Iterator[Case]:
    """Inside the domain."""
    for family in FLOATS:
        yield from builder.family(family, "float")
    for name, pattern in PATTERNS.items():
        yield from _patterned(builder, name, pattern)
    if all(entry.inside(0) for entry in builder.of("float")):
        yield from builder.build("small magnitudes", 1, _small, "float")
    if any(_is_wide(entry) for entry in builder.of("float")):
        yield from builder.build("large magnitudes", PAIR, _large, "float")
    elif any(_has_margin(entry) for entry in builder.of("float")):
        yield from builder.build("the ends of the domain", PAIR, _ends, "float")


def special_cases(builder: CaseBuilder, domain: Domain) -> Iterator[Case]:
    """What is no number, and what most engines take for zero; inside where the user says so."""
    for name, values, counts in (
        ("NaN", (np.nan,), domain.nan),
        ("the infinities", (np.inf, -np.inf), domain.inf),
        ("denormals", (1e-39, -1e-40, 1.4e-45), domain.denormals),
    ):
        yield from _sprinkled(builder, name, values, counts)


def cases_beyond(builder: CaseBuilder) -> Iterator[Case]:
    """Floats that the data never reach."""

    def stretched(entry: Input, shape: Shape, turn: int) -> np.ndarray:
        low, high = entry.limits or entry.span
        far = BEYOND * max(abs(low), abs(high), high - low)
        return fill(shape, (far, -far, far / 2, -far / 2, far / 5), turn)

    if not all(_is_wide(entry) for entry in builder.of("float")):
        yield from builder.build("beyond the domain", 1, stretched, "float", inside=False)


def _patterned(builder: CaseBuilder, name: str, pattern: Pattern) -> Iterator[Case]:
    def shaped(entry: Input, shape: Shape, _: int) -> np.ndarray:
        return pattern(shape, *entry.span)

    yield from builder.build(name, PAIR, shaped, "float")


def _sprinkled(builder: CaseBuilder, name: str, values: tuple[float, ...], counts: bool) -> Iterator[Case]:
    """Every other element is one of these, the others are natural."""

    def special(entry: Input, shape: Shape, turn: int) -> np.ndarray:
        drawn = builder.background(shape[0])[entry.spec.name].astype(np.float64)
        places = np.arange(drawn.size).reshape(shape)
        return np.where((places + turn) % 2 == 0, fill(shape, values, 0), drawn)

    yield from builder.build(name, PAIR, special, "float", inside=counts, exact=True)


def _small(entry: Input, shape: Shape, turn: int) -> np.ndarray:
    return np.random.default_rng((0, turn)).uniform(*entry.span, shape) * SMALL


def _large(entry: Input, shape: Shape, turn: int) -> np.ndarray:
    return np.random.default_rng((1, turn)).uniform(*(entry.limits or entry.span), shape)


def _ends(entry: Input, shape: Shape, _: int) -> np.ndarray:
    return alternating(shape, *(entry.limits or entry.span))


def _has_margin(entry: Input) -> bool:
    """Whether numbers count that the data don't reach; patterns end where the data do."""
    return entry.limits is not None and entry.limits != entry.span


def _is_wide(entry: Input) -> bool:
    """Whether the domain is much wider than what usually occurs."""
    low, high = entry.limits or entry.span
    return high - low > WIDE * (entry.span[1] - entry.span[0])
