"""The budget of an 8-bit export: how much signal must be left over its quantization noise.

    int8, dynamic_int8   SQNR: a margin under what the original shows with these roundings simulated
    uint8                likewise, with its weights rounded
    all                  no less than 6 dB over the best answer that ignores the inputs
    single elements      a bound on how far one lies from the rest
    score vectors        the same top class

What the parts mean together is told in `docs/report.md`.
"""

from __future__ import annotations

import math

from converters.target import ExportTarget
from validation.accuracy import share_interval
from validation.expected import Noise, OutputReference
from validation.simulation import SIMULATED
from validation.verdict import Tolerance

MARGIN = {"int8": 4.0, "int8_io": 4.0, "dynamic_int8": 3.0, "uint8": 3.0}
"""By how much the error may exceed the simulated one, in amplitude. Of 13 int8 models that were calibrated
on the judged samples 12 were measured within a factor of 1.6, dynamic_int8 within 1.5. Calibrated on other
samples, what lies beyond their range is clipped: up to 3.3."""

UNSIMULATED = 8.0
"""Where no twin could be built: activations are then taken to do as much as the weights."""

OVER_CONSTANT_DB = 6.0
"""Half the error of the best answer that ignores the inputs."""

PEAK = 10
"""Greatest error of a single element, in root mean squares of what the limit allows."""

SAME_CLASSES = Tolerance("argmax_agreement", 0.99, "99 % of the original's top classes")
"""What a score vector must keep without labels, as `limits.ACCURACY_KEPT` with them."""

QUANTIZED = {"uint8": "uint8", "int8": "int8", "int8_io": "int8", "dynamic_int8": "dynamic_int8"}
"""Precisions judged by SQNR, and the rounding that they are measured by."""


def quantized_tolerance(target: ExportTarget, output: OutputReference) -> Tolerance:
    """The limit for a float output of an 8-bit export."""
    error, factor, what = _expected(target, output)
    expected = decibels(output.rms, error)
    margin = 20 * math.log10(factor)
    constant = decibels(output.rms, output.constant_rms)
    if expected - margin >= constant + OVER_CONSTANT_DB:
        reason = f"a factor of {factor:g} ({margin:.0f} dB) under the {expected:.1f} dB of {what}"
        return Tolerance("sqnr_db", expected - margin, reason)
    reason = (
        f"{OVER_CONSTANT_DB:.0f} dB over the {constant:.1f} dB of the best answer that ignores the inputs, "
        f"{what} having {expected:.1f} dB"
    )
    return Tolerance("sqnr_db", constant + OVER_CONSTANT_DB, reason)


def _expected(target: ExportTarget, output: OutputReference) -> tuple[float, float, str]:
    """Root mean square error to expect, the factor that it may be exceeded by, and what it is of.

    Source: a uniform step q has the noise power q²/12; powers of independent roundings add up. Where
    nothing is lost by the rounding, one step of an 8-bit output stands for it.
    """
    precision = QUANTIZED[target.precision]
    least = output.range / 255 / math.sqrt(12)
    step = least if target.precision == "int8_io" else 0.0
    simulated = output.precision_noise.get(SIMULATED.get(precision, precision))
    if simulated is not None and math.isfinite(simulated.rms):
        error = math.hypot(simulated.rms, step)
        return error or least, MARGIN[target.precision], f"the original with {precision} rounding simulated"
    weights = output.precision_noise.get("int8", Noise(math.inf, math.inf)).rms
    return (
        math.hypot(math.sqrt(2) * weights, step) or least,
        UNSIMULATED,
        "the original with its weights rounded to int8",
    )


def decibels(signal: float, error: float) -> float:
    """20 log10(signal / error); Infinity without error."""
    if error == 0:
        return math.inf
    if math.isinf(error):
        return -math.inf
    return 20 * math.log10(signal / error) if signal > 0 else -math.inf


def element_tolerance(output: OutputReference, sqnr: Tolerance) -> Tolerance:
    """The limit for single elements of an 8-bit export: no outlier may hide behind many good elements.

    Source: of a million normally distributed errors the greatest is expected at 4.9 standard deviations;
    samples beyond the calibrated range are clipped, and reach further.
    """
    rms = allowed_rms(output, sqnr)
    reason = (
        f"{PEAK} times the root mean square error of {rms:.3g} that the {sqnr.limit:.1f} dB above leave, "
        f"over a range of {output.range:.3g}"
    )
    if output.range > 0:
        return Tolerance("max_rel_range", PEAK * rms / output.range, reason)
    return Tolerance("max_abs", PEAK * rms, reason)


def allowed_rms(output: OutputReference, sqnr: Tolerance) -> float:
    """Root mean square error that a limit in decibels allows, in the output's own units."""
    return output.rms * 10 ** (-sqnr.limit / 20)


def for_samples(tolerance: Tolerance, samples: int, close_calls: int = 0) -> Tolerance:
    """A share that is to be kept, as few samples can show it.

    Args:
        tolerance: such as `SAME_CLASSES`.
        samples: that were compared.
        close_calls: those among them that may go either way.
    """
    clear = samples - close_calls
    fits = (hits for hits in range(clear + 1) if share_interval(hits, clear)[1] >= tolerance.limit)
    hits = next(fits, 0)
    reason = (
        f"{tolerance.reason}; of {clear} clear ones, {hits} are the fewest whose 95 % interval reaches that"
    )
    if close_calls:
        reason += f"; {close_calls} close calls may go either way"
    return Tolerance(tolerance.measure, hits / samples if samples else 0.0, reason)
