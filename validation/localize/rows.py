"""Findings as they stand in the result, and the same in a sentence."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from validation.localization import LayerError
from validation.localize.experiment import Experiment, Finding
from validation.localize.measuring import difference

WORST = 3
"""Layers that are named where all are right and the rounding of a quantized file alone makes the error."""


def make_rows(
    experiment: Experiment,
    findings: Sequence[Finding],
    values: Mapping[str, np.ndarray],
    seen: Mapping[str, np.ndarray],
) -> tuple[LayerError, ...]:
    """One row for each finding.

    Args:
        values: the original's, by tensor.
        seen: the file's as it ran, by key.
    """
    given = [finding.match.boundary.tensor for finding in findings]
    stop = {finding.match.key for finding in findings}
    rows = []
    for finding in findings:
        tensor, key = finding.match.boundary.tensor, finding.match.key
        layers = experiment.original.group(tensor, given)
        ops = tuple(op.kind for op in experiment.bench.file.cone([key], stop)[0])
        name = experiment.bench.file.tensors[key].names[0]
        rows.append(_row(finding, values[tensor], seen.get(key), layers, (name, ops)))
    return tuple(rows)


def _row(
    finding: Finding,
    values: np.ndarray,
    seen: np.ndarray | None,
    layers: tuple[str, ...],
    in_file: tuple[str, tuple[str, ...]],
) -> LayerError:
    match, (name, ops), error = finding.match, in_file, finding.told
    found = None if seen is None else match.from_file(seen)
    if finding.channel is not None:
        values = values[..., finding.channel]
        found = None if found is None else found[..., finding.channel]
    low, high = _range(values)
    return LayerError(
        layers=layers,
        tensor=match.boundary.tensor,
        file_tensor=name,
        ops=ops,
        inherited=math.nan if found is None else difference(values, found).relative,
        alone=error.relative,
        noise_ratio=finding.ratio,
        low=low,
        high=high,
        dtype=match.dtype,
        scale=match.quantization.scale if match.quantization else None,
        zero_point=match.quantization.zero_point if match.quantization else None,
        sqnr_db=error.sqnr_db,
        guilty=finding.wrong,
        fault=finding.fault,
        channel=finding.channel,
    )


def summarize(rows: Sequence[LayerError]) -> str:
    """Which layers create the error."""
    guilty = [row for row in rows if row.guilty]
    if not guilty:
        return _nobody(rows)
    first = guilty[0]
    count = f"{first.noise_ratio:.3g} times its own noise" if math.isfinite(first.noise_ratio) else "far off"
    count += "" if first.channel is None else f" in channel {first.channel}"
    more = f"; so do {_listed(guilty[1:])}" if guilty[1:] else ""
    return f"{name_of(first)} creates the error: {first.fault or count}{more}"


def name_of(row: LayerError) -> str:
    """Fused layers together."""
    return " + ".join(row.layers) or row.tensor


def _nobody(rows: Sequence[LayerError]) -> str:
    if not rows:
        return "no layer was found in the file"
    rounded = [row for row in rows if math.isfinite(row.sqnr_db)]
    if any(row.scale is not None for row in rows) and rounded:
        worst = sorted(rounded, key=lambda row: row.sqnr_db)[:WORST]
        named = ", ".join(f"{name_of(row)} ({row.sqnr_db:.1f} dB)" for row in worst)
        return f"every layer is as good as its quantization allows; the most is lost in {named}"
    greatest = max(rows, key=lambda row: row.noise_ratio)
    return (
        f"no layer alone is wrong; the greatest error is that of {name_of(greatest)}, "
        f"{greatest.noise_ratio:.2g} times its own noise"
    )


def _listed(rows: Sequence[LayerError]) -> str:
    names = [name_of(row) for row in rows]
    return ", ".join(names) if len(names) < 4 else f"{', '.join(names[:3])} and {len(names) - 3} more"


def _range(values: np.ndarray) -> tuple[float, float]:
    """Least and greatest finite value; NaN where there is none."""
    numbers = np.zeros(0) if values.dtype == object else values.astype(np.float64)
    finite = numbers[np.isfinite(numbers)]
    return (float(finite.min()), float(finite.max())) if finite.size else (math.nan, math.nan)
