"""The limit for one output of one target, with its reason.

    float32            8 times the original's own noise, at least 8 epsilons of its greatest value
    float16, uint16    8 times what weights rounded to that precision do to the original, and one step
    uint8, int8 …      see `validation.quantized`
    on TF32, float16   the same for a runtime's coarser arithmetic, by its unit roundoff
    integer, bool, string outputs are equal or wrong

The numbers behind it were measured by `validation.reference` on the original; nothing is guessed from
the export. Sources: MobileNetV2 against its float64 twin, where five runtimes sat at 0.8 to 1.9 times the
original's own error, so that a factor of 8 has room; correct single layers at 1e-8 to 5e-7 of the range.
"""

from __future__ import annotations

import math

from converters.target import ExportTarget
from validation.dtypes import epsilon, is_float
from validation.expected import Noise, OutputReference
from validation.quantized import MARGIN_DB, OVER_CONSTANT_DB, QUANTIZED, decibels, quantized_tolerance
from validation.runtime import UNIT_ROUNDOFF, Arithmetic
from validation.verdict import MORE_IS_BETTER, Comparison, Tolerance

FACTOR = 8
"""Over a measured noise: four bits of it at most may go."""

FLOOR_ULPS = 8
"""Epsilons of the greatest value: a few roundings that one batch may not have shown."""

NOISE_CAP_ULPS = 1000
"""A model that one ulp moves further than this is chaotic; its noise does not excuse an export."""


def tolerance_for(
    target: ExportTarget, output: OutputReference, arithmetic: Arithmetic = "float32"
) -> Tolerance:
    """The limit for an output of an export.

    Args:
        target: its format and precision.
        output: the original's output, as recorded.
        arithmetic: of the runtime.
    """
    if not is_float(output.spec.dtype):
        return Tolerance("mismatched", 0.0, f"{output.spec.dtype} outputs are equal or wrong")
    if target.precision in QUANTIZED:
        return quantized_tolerance(target, output)
    if arithmetic != "float32":
        return _coarse(target, output, arithmetic)
    return _relative(*_greatest(target, output), output)


def greatest_difference(tolerance: Tolerance, output: OutputReference) -> float:
    """The limit for a single element, in the output's own units; Infinity where there is none."""
    if tolerance.measure == "max_rel_range":
        return tolerance.limit * output.range
    return {"mismatched": 0.0, "max_abs": tolerance.limit}.get(tolerance.measure, math.inf)


def passes(tolerance: Tolerance, comparison: Comparison) -> bool:
    """Whether the measured value keeps the limit, with no NaN or infinity against another value."""
    value = getattr(comparison, tolerance.measure)
    if value is None or math.isnan(value) or math.isinf(comparison.max_abs):
        return False
    if tolerance.measure in MORE_IS_BETTER:
        return value >= tolerance.limit
    return value <= tolerance.limit


def find_unproven(tolerance: Tolerance, output: OutputReference) -> str:
    """Why the limit can't tell this export from one that ignores its inputs, or ""."""
    if output.unproven:
        return output.unproven
    limit = greatest_difference(tolerance, output)
    if math.isfinite(limit) and output.movement <= 2 * limit:
        return (
            f"the output moves by {output.movement:.3g} only, and a constant answer would keep the "
            f"limit of {limit:.3g}: give inputs that move it more"
        )
    return ""


def _greatest(target: ExportTarget, output: OutputReference) -> tuple[float, str]:
    """Greatest |difference| that a rounded export may show, and why."""
    eps = max(epsilon("float32"), epsilon(output.arithmetic))
    floor = FLOOR_ULPS * eps * output.magnitude
    cause, noise = _known_noise(output, NOISE_CAP_ULPS * eps * output.magnitude)
    own = FACTOR * noise
    limit = floor
    why = (
        f"{FLOOR_ULPS} epsilons of the greatest value {output.magnitude:.3g}, its own noise being {noise:.2g}"
    )
    if own > floor:
        limit, why = own, f"{FACTOR} times the original's own noise of {noise:.2g} ({cause})"
    if target.is_base:
        return limit, why
    rounded = output.precision_noise.get(target.precision)
    if rounded is None or not math.isfinite(rounded.max_abs):
        step = FACTOR * epsilon("float16") * output.magnitude
        return limit + step, f"{FACTOR} half-precision epsilons of the greatest value {output.magnitude:.3g}"
    step = output.range / 65535 if target.precision == "uint16" else epsilon("float16") * output.magnitude
    reason = (
        f"{FACTOR} times the {rounded.max_abs:.2g} by which {target.precision} weights move the original, "
        f"and one {target.precision} step of the output for constants that the converter makes"
    )
    return limit + FACTOR * rounded.max_abs + step, f"{reason}, on top of {limit:.2g} for float32"


def _known_noise(output: OutputReference, cap: float) -> tuple[str, float]:
    causes = {cause: noise.max_abs for cause, noise in output.noise.items()}
    cause = max(causes, key=lambda name: causes[name], default="not measured")
    noise = causes.get(cause, 0.0)
    if noise > cap:
        return f"{cause}, cut from {noise:.2g}", cap
    return cause, noise


def _relative(limit: float, why: str, output: OutputReference) -> Tolerance:
    if output.range > 0:
        reason = f"{limit:.3g} over a range of {output.range:.3g}: {why}"
        return Tolerance("max_rel_range", limit / output.range, reason)
    return Tolerance("max_abs", limit, why)


def _coarse(target: ExportTarget, output: OutputReference, arithmetic: Arithmetic) -> Tolerance:
    """For arithmetic that rounds coarser than float32, whatever the file's weights have.

    The original's own noise grows with the unit roundoff: it comes from roundings of that relative size,
    and an output depends on them linearly as long as they are small.
    """
    growth = UNIT_ROUNDOFF[arithmetic] / UNIT_ROUNDOFF["float32"]
    own = max((noise.rms for noise in output.noise.values()), default=0.0)
    rounded = 0.0 if target.is_base else output.precision_noise.get(target.precision, Noise(0, 0)).rms
    error = math.hypot(max(own * growth, UNIT_ROUNDOFF[arithmetic] * output.rms), rounded)
    expected = decibels(output.rms, error)
    constant = decibels(output.rms, output.constant_rms) + OVER_CONSTANT_DB
    reason = (
        f"{MARGIN_DB:.0f} dB (a factor of {FACTOR}) under the {expected:.1f} dB that {arithmetic} arithmetic "
        f"lets expect, whose unit roundoff of {UNIT_ROUNDOFF[arithmetic]:.2g} is {growth:.0f} times float32's"
    )
    if expected - MARGIN_DB < constant:
        reason = (
            f"{OVER_CONSTANT_DB:.0f} dB over the {constant - OVER_CONSTANT_DB:.1f} dB of the best answer "
            f"that ignores the inputs, {reason} being less"
        )
    return Tolerance("sqnr_db", max(expected - MARGIN_DB, constant), reason)
