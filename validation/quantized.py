"""The budget of an 8-bit export: how much signal must be left over its quantization noise.

uint8, int8 …      SQNR: 8 times (18 dB) under what 8-bit rounding lets expect, 6 dB over a constant
"""

from __future__ import annotations

import math

from converters.target import ExportTarget
from validation.accuracy import share_interval
from validation.expected import Noise, OutputReference
from validation.verdict import Tolerance

FACTOR = 8
"""Over a measured noise, in amplitude."""

MARGIN_DB = 20 * math.log10(FACTOR)
"""The same in decibels: 18 dB."""

OVER_CONSTANT_DB = 6.0
"""Half the error of the best answer that ignores the inputs."""

PEAK = 10
"""Greatest error of a single element, in root mean squares."""

SAME_CLASSES = Tolerance("argmax_agreement", 0.99, "99 % of the original's top classes")
"""What a score vector must keep without labels, as `limits.ACCURACY_KEPT` with them."""

QUANTIZED = {"uint8": "uint8", "int8": "int8", "int8_io": "int8", "dynamic_int8": "int8"}
"""Precisions judged by SQNR, and the rounding that they are measured by."""


def quantized_tolerance(target: ExportTarget, output: OutputReference) -> Tolerance:
    """The limit for a float output of an 8-bit export.

    Source: noise powers of independent roundings add up; a uniform step q has the power q²/12.

    Weights and inputs are rounded; so are activations, unless only weights are stored so, and these are
    taken to do as much as the others. The step of an int8 output is a 255th of its range.
    """
    rounded = output.precision_noise.get(QUANTIZED[target.precision], Noise(math.inf, math.inf))
    constant = decibels(output.rms, output.constant_rms) + OVER_CONSTANT_DB
    power = rounded.rms**2
    parts = ["weights"]
    if target.precision in ("int8", "int8_io", "dynamic_int8"):
        power *= 2
        parts.append("activations")
    if target.precision in ("int8", "int8_io"):
        power += _step_power(output)
        parts.append("the output's step")
    if not power:
        power, parts = _step_power(output), ["an 8-bit output"]
    expected = decibels(output.rms, math.sqrt(power)) if math.isfinite(power) else -math.inf
    if expected - MARGIN_DB >= constant:
        reason = (
            f"{MARGIN_DB:.0f} dB (a factor of {FACTOR}) under the {expected:.1f} dB that 8-bit rounding of "
            f"{_listed(parts)} lets expect of this model"
        )
        return Tolerance("sqnr_db", expected - MARGIN_DB, reason)
    reason = (
        f"{OVER_CONSTANT_DB:.0f} dB over the {constant - OVER_CONSTANT_DB:.1f} dB of the best answer that "
        "ignores the inputs"
    )
    return Tolerance("sqnr_db", constant, reason)


def _listed(parts: list[str]) -> str:
    """`a, b and c`."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else parts[0]


def _step_power(output: OutputReference) -> float:
    return (output.range / 255) ** 2 / 12


def decibels(signal: float, error: float) -> float:
    """20 log10(signal / error); Infinity without error."""
    if error == 0:
        return math.inf
    return 20 * math.log10(signal / error) if signal > 0 else -math.inf


def element_tolerance(output: OutputReference, sqnr: Tolerance) -> Tolerance:
    """The limit for single elements of an 8-bit export: no outlier may hide behind many good elements.

    Source: of a million normally distributed errors the greatest is expected at 4.9 standard deviations;
    samples beyond the calibrated range are clipped, and reach further.
    """
    rms = output.rms * 10 ** (-sqnr.limit / 20)
    reason = (
        f"{PEAK} times the root mean square error of {rms:.3g} that the {sqnr.limit:.1f} dB above leave, "
        f"over a range of {output.range:.3g}"
    )
    if output.range > 0:
        return Tolerance("max_rel_range", PEAK * rms / output.range, reason)
    return Tolerance("max_abs", PEAK * rms, reason)


def for_samples(tolerance: Tolerance, samples: int) -> Tolerance:
    """A share that is to be kept, as few samples can show it.

    Args:
        tolerance: such as `SAME_CLASSES`.
        samples: that were compared.
    """
    fits = (hits for hits in range(samples + 1) if share_interval(hits, samples)[1] >= tolerance.limit)
    hits = next(fits, 0)
    reason = f"{tolerance.reason}; of {samples}, {hits} are the fewest whose 95 % interval reaches that"
    return Tolerance(tolerance.measure, hits / samples if samples else 0.0, reason)
