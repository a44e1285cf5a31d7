"""Small pictures: how much of its limit an output uses, and whose its error is."""

from __future__ import annotations

import math
from dataclasses import dataclass

from validation.report import text
from validation.room import used
from validation.verdict import OutputVerdict, Split

WIDTH, HEIGHT = 168, 16

LOW, HIGH = -4.0, 1.0
"""Decades of the limit at both ends of the axis."""

LIMIT = WIDTH * -LOW / (HIGH - LOW)
"""Pixels from the left where the limit stands, in every picture."""


@dataclass(frozen=True, slots=True)
class Gauge:
    """A bar on a logarithmic axis whose limit is always at the same place.

    Attributes:
        length: of the bar, in pixels.
        beyond: the limit is broken.
        title: the same in words, and how the errors are spread.
    """

    length: float
    beyond: bool
    title: str
    limit: float = LIMIT
    width: int = WIDTH
    height: int = HEIGHT


@dataclass(frozen=True, slots=True)
class Shares:
    """A bar in two parts: the file's share of the squared error, and the runtime's.

    Attributes:
        file: length of the file's part in pixels; the rest is the runtime's.
        words: the same in numbers.
    """

    file: float
    words: str
    width: int = WIDTH
    height: int = HEIGHT


def gauge(output: OutputVerdict) -> Gauge:
    """How much of its limit an output uses: of the one that it is nearest to."""
    share = used(output)
    decades = math.log10(share) if 0 < share < math.inf else (LOW if share == 0 else HIGH)
    place = (min(max(decades, LOW), HIGH) - LOW) / (HIGH - LOW)
    title = f"uses {text.percent(share)} of its limit"
    spread = output.comparison.quantiles
    if output.comparison.max_abs > 0 and spread:
        title += (
            f"; half of the errors up to {text.number(spread.get('p50'))}, 99 % up to "
            f"{text.number(spread.get('p99'))}, all up to {text.number(output.comparison.max_abs)}"
        )
    return Gauge(round(place * WIDTH, 1), share > 1, title)


def shares(split: Split) -> Shares:
    """Whose the error is. Squares add up where the two don't depend on each other."""
    file, runtime = split.quantization**2, split.runtime**2
    part = file / (file + runtime) if file + runtime > 0 else 1.0
    words = f"file {text.number(split.quantization)}, runtime {text.number(split.runtime)}"
    return Shares(round(part * WIDTH, 1), words)
