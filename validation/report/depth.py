"""A picture of the error along the depth of a network: as it ran, and each layer alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from validation.localization import LayerError, Localization
from validation.report import text

HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 180, 46, 12, 14, 12
STEP, LEAST_WIDTH, MOST_WIDTH = 22, 320, 1200

LEAST_DECADES = 3
"""Of the axis, so that a few roundings don't look like a mountain."""


@dataclass(frozen=True, slots=True)
class Dot:
    """A layer alone; in pixels.

    Attributes:
        kind: class of its style: "guilty" or "right".
        title: the same in words.
    """

    x: float
    y: float
    kind: str
    title: str


@dataclass(frozen=True, slots=True)
class Depth:
    """Where to draw, in pixels.

    Attributes:
        line: the error as the export ran, as an SVG path; broken where it is not known.
        grid: height and label of each line of the grid.
        words: what is to be seen.
    """

    width: int
    height: int
    line: str
    dots: tuple[Dot, ...]
    grid: tuple[tuple[float, str], ...]
    words: str


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table, as text."""

    layers: str
    ops: str
    inherited: str
    alone: str
    noise: str
    sqnr: str
    values: str
    quantization: str
    guilty: bool
    fault: str


def draw(found: Localization) -> Depth | None:
    """The picture; None where no layer was matched."""
    if not found.layers:
        return None
    low, high = _decades(found.layers)
    width = min(MOST_WIDTH, max(LEAST_WIDTH, LEFT + RIGHT + STEP * len(found.layers)))
    apart = (width - LEFT - RIGHT) / max(1, len(found.layers) - 1)

    def y(error: float) -> float:
        share = 1.0 if math.isinf(error) else 0.0 if error <= 0 else (math.log10(error) - low) / (high - low)
        return round(HEIGHT - BOTTOM - max(0.0, min(1.0, share)) * (HEIGHT - TOP - BOTTOM), 1)

    places = [round(LEFT + number * apart, 1) for number in range(len(found.layers))]
    dots = tuple(
        Dot(x, y(row.alone), "guilty" if row.guilty else "right", _title(row))
        for x, row in zip(places, found.layers, strict=True)
        if not math.isnan(row.alone)
    )
    step = max(1, (high - low) // 4)
    grid = tuple((y(10.0**decade), f"1e{decade}") for decade in range(low, high + 1, step))
    path = _path(places, [row.inherited for row in found.layers], y)
    return Depth(width, HEIGHT, path, dots, grid, _words(found))


def rows(found: Localization) -> tuple[Row, ...]:
    """The table's lines."""
    return tuple(
        Row(
            layers=" + ".join(row.layers) or row.tensor,
            ops=", ".join(row.ops),
            inherited="" if math.isnan(row.inherited) else text.number(row.inherited),
            alone=text.number(row.alone),
            noise=text.number(row.noise_ratio) + _channel(row),
            sqnr=text.decibels(row.sqnr_db),
            values=f"{text.number(row.low)} to {text.number(row.high)}",
            quantization=_quantization(row),
            guilty=row.guilty,
            fault=row.fault,
        )
        for row in found.layers
    )


def _quantization(row: LayerError) -> str:
    if row.scale is None:
        return row.dtype
    return f"{row.dtype}, scale {text.number(row.scale)}, zero point {row.zero_point}"


def _channel(row: LayerError) -> str:
    return "" if row.channel is None else f" in channel {row.channel}"


def _decades(layers: Sequence[LayerError]) -> tuple[int, int]:
    errors = [error for row in layers for error in (row.inherited, row.alone)]
    logs = [math.log10(error) for error in errors if math.isfinite(error) and error > 0]
    if not logs:
        return -LEAST_DECADES, 0
    high = math.ceil(max(logs))
    return min(math.floor(min(logs)), high - LEAST_DECADES), high


def _path(places: Sequence[float], errors: Sequence[float], y: Callable[[float], float]) -> str:
    parts, begin = [], True
    for x, error in zip(places, errors, strict=True):
        if math.isnan(error):
            begin = True
            continue
        parts.append(f"{'M' if begin else 'L'}{x} {y(error)}")
        begin = False
    return " ".join(parts)


def _title(row: LayerError) -> str:
    name = " + ".join(row.layers) or row.tensor
    noise = f"{text.number(row.noise_ratio)} times its own noise{_channel(row)}"
    said = f"{name}: alone {text.number(row.alone)}, {noise}"
    return f"{said}; {row.fault}" if row.fault else said


def _words(found: Localization) -> str:
    return f"Relative error of {len(found.layers)} layers, in the order of computation: {found.summary}"
