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
from collections.abc import Sequence

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
"""Greatest error of a single element, in root mean squares of what the limit allows. Of outputs that are
nearly nothing nearly everywhere, such as a softmax of 1000 classes, a right export's is at 60 of its own."""

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

    Source: a uniform step q has the noise power q²/12; powers of independent roundings add up, those of
    float32 among them. Where nothing is lost by the rounding, one step of an 8-bit output stands for it.
    """
    least = output.range / 255 / math.sqrt(12)
    step = least if target.precision == "int8_io" else 0.0
    own = output.floor.rms if output.floor is not None else 0.0
    simulated = _simulated(target, output)
    if simulated is not None:
        rounded, precision = math.hypot(simulated.rms, step), QUANTIZED[target.precision]
        error = math.hypot(rounded, own) if rounded else least
        return error, MARGIN[target.precision], f"the original with {precision} rounding simulated"
    weights = output.precision_noise.get("int8", Noise(math.inf, math.inf)).rms
    rounded = math.hypot(math.sqrt(2) * weights, step)
    error = math.hypot(rounded, own) if rounded else least
    return error, UNSIMULATED, "the original with its weights rounded to int8"


def _simulated(target: ExportTarget, output: OutputReference) -> Noise | None:
    """What the roundings of a precision do to the original; None where that could not be simulated."""
    precision = QUANTIZED[target.precision]
    found = output.precision_noise.get(SIMULATED.get(precision, precision))
    return found if found is not None and math.isfinite(found.rms) else None


def decibels(signal: float, error: float) -> float:
    """20 log10(signal / error); Infinity without error."""
    if error == 0:
        return math.inf
    if math.isinf(error):
        return -math.inf
    return 20 * math.log10(signal / error) if signal > 0 else -math.inf


def element_tolerance(target: ExportTarget, output: OutputReference, sqnr: Tolerance) -> Tolerance:
    """The limit for single elements of an 8-bit export: no outlier may hide behind many good elements.

    Source: of a million normally distributed errors the greatest is expected at 4.9 standard deviations;
    samples beyond the calibrated range are clipped, and reach further.
    """
    rms, simulated, margin = allowed_rms(output, sqnr), _simulated(target, output), MARGIN[target.precision]
    limit = PEAK * rms
    reason = f"{PEAK} times the root mean square error of {rms:.3g} that the {sqnr.limit:.1f} dB above leave"
    if simulated is not None and limit < margin * simulated.max_abs < math.inf:
        limit = margin * simulated.max_abs
        reason = (
            f"{margin:g} times the {simulated.max_abs:.3g} that the worst element of the original is off by "
            f"with {QUANTIZED[target.precision]} rounding simulated"
        )
    if output.range > 0:
        return Tolerance(
            "max_rel_range", limit / output.range, f"{reason}, over a range of {output.range:.3g}"
        )
    return Tolerance("max_abs", limit, reason)


def allowed_of_leaders(target: ExportTarget, output: OutputReference, limits: Sequence[Tolerance]) -> float:
    """Root mean square error that limits allow to the greatest element of a score vector; 0 without SQNR.

    Where scores are uneven it is off by more than the rest: the simulation tells by how much.
    """
    allowed = [allowed_rms(output, part) for part in limits if part.measure == "sqnr_db"]
    simulated = _simulated(target, output) if target.precision in QUANTIZED else None
    if not allowed or simulated is None or not math.isfinite(simulated.leaders_rms):
        return max(allowed, default=0.0)
    return max(*allowed, MARGIN[target.precision] * simulated.leaders_rms)


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
