"""The limit for one output of one target, with its reason.

    float32            8 times the noise floor of every element; 4 times in root mean square
    float16, uint16    the same, and 4 times what weights rounded to that precision do to the original
    uint8, int8 …      see `validation.quantized`
    onnx:float16       SQNR, and what half precision between the ops does to the original, likewise
    on TF32, float16   SQNR, from the floor scaled by the unit roundoff of a runtime's coarser arithmetic
    integer, bool, string outputs are equal or wrong

The floor was measured on the original by `validation.truth`; nothing is guessed from the export. How, and
why these factors, is told in `docs/tolerance.md`.
"""

from __future__ import annotations

import math

from converters.target import ExportTarget
from validation.coarser import HALF, rounds_between
from validation.dtypes import epsilon, is_float
from validation.expected import Noise, OutputReference
from validation.quantized import OVER_CONSTANT_DB, QUANTIZED, decibels, quantized_tolerance
from validation.runtime import UNIT_ROUNDOFF, Arithmetic
from validation.verdict import MORE_IS_BETTER, Comparison, Tolerance

FACTOR = 8
"""Over the noise floor of an element: three bits of it at most may go. Five runtimes on MobileNetV2 were
measured at 0.8 to 1.9 times the original's own root mean square error; a floor is about two of those, and
one element in a million lies at five."""

MARGIN_DB = 20 * math.log10(FACTOR)
"""The factor in decibels, for what is judged by its signal to noise."""

RMS_FACTOR = 4
"""The same in root mean square, where no single element lies far out."""

COARSER = 4
"""Over what rounded weights do to the original. Twice for weights that are joined with others before they are
rounded, such as a kernel with its batch normalisation: other roundings of the same size, or a greater range.
Twice for inputs that it was not measured on."""


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
    if arithmetic != "float32" or rounds_between(target):
        return _coarse(target, output, arithmetic)
    return noise_tolerance(target, output)


def noise_tolerance(target: ExportTarget, output: OutputReference) -> Tolerance:
    """The limit of each element."""
    moved, _ = _moved(target, output)
    reason = f"{FACTOR} times the noise floor of each element: {_floor(output)}"
    return Tolerance("noise_ratio", FACTOR + COARSER * moved, reason + _why(target, moved))


def rms_tolerance(target: ExportTarget, output: OutputReference) -> Tolerance:
    """The limit in root mean square that belongs to a limit of each element."""
    _, moved = _moved(target, output)
    reason = f"{RMS_FACTOR} times the noise floor in root mean square, in every channel"
    return Tolerance("noise_ratio_rms", RMS_FACTOR + COARSER * moved, reason + _why(target, moved))


def scaled_for(arithmetic: Arithmetic) -> float:
    """By how much the noise floor grows where a runtime computes coarser than float32.

    The original's noise comes from roundings of the size of the unit roundoff, and an output depends on
    them linearly as long as they are small.
    """
    return UNIT_ROUNDOFF[arithmetic] / UNIT_ROUNDOFF["float32"]


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
    if tolerance.measure in ("noise_ratio", "noise_ratio_rms") and output.clearance <= 2 * tolerance.limit:
        return (
            f"the output moves by {output.clearance:.3g} times its noise floor only, and a constant answer "
            f"would keep the limit of {tolerance.limit:.3g}: give inputs that move it more"
        )
    limit = greatest_difference(tolerance, output)
    if math.isfinite(limit) and output.movement <= 2 * limit:
        return (
            f"the output moves by {output.movement:.3g} only, and a constant answer would keep the "
            f"limit of {limit:.3g}: give inputs that move it more"
        )
    return ""


def _floor(output: OutputReference) -> str:
    """The floor in words, with its numbers."""
    if output.floor is None:
        return "not measured"
    floor = f"{output.floor.rms:.2g} in root mean square"
    if output.own is None:
        return f"{floor}, what one ulp on inputs and weights does to it"
    return f"{floor}, the original's own error against its float64 twin being {output.own.rms:.2g}"


def _moved(target: ExportTarget, output: OutputReference) -> tuple[float, float]:
    """How many floors coarser weights move the worst element, and the worst channel in root mean square.

    Where that was not measured, as far as the unit roundoff grows.
    """
    if target.is_base:
        return 0.0, 0.0
    noise = output.precision_noise.get(HALF if rounds_between(target) else target.precision)
    unknown = epsilon("float16") / epsilon("float32")
    found = (math.nan, math.nan) if noise is None else (noise.ratio, noise.ratio_rms)
    element, rms = (moved if math.isfinite(moved) else unknown for moved in found)
    return element, rms


def _why(target: ExportTarget, moved: float) -> str:
    if target.is_base:
        return ""
    what = f"{HALF}, simulated, moves" if rounds_between(target) else f"{target.precision} weights move"
    return f"; and {COARSER} times the {moved:.3g} floors that {what} the original by"


def find_unsimulated(output: OutputReference) -> str:
    """Why elements of an export with half precision between its ops can't be judged one by one, or ""."""
    noise = output.precision_noise.get(HALF)
    if noise is None:
        return f"{HALF} could not be simulated"
    if not math.isfinite(noise.ratio):
        return "the original leaves its range there"
    return ""


def _coarse(target: ExportTarget, output: OutputReference, arithmetic: Arithmetic) -> Tolerance:
    """For arithmetic or tensors that round coarser than float32, whatever the file's weights have."""
    between: Arithmetic = "float16" if rounds_between(target) else arithmetic
    growth = scaled_for(arithmetic)
    unit = max(UNIT_ROUNDOFF[arithmetic], UNIT_ROUNDOFF[between])
    own = max((noise.rms for noise in (output.own, output.floor) if noise is not None), default=0.0)
    rounded = 0.0 if target.is_base else output.precision_noise.get(target.precision, Noise(0, 0)).rms
    error = math.hypot(max(own * growth, unit * output.rms), rounded)
    expected = decibels(output.rms, error)
    constant = decibels(output.rms, output.constant_rms) + OVER_CONSTANT_DB
    what = f"{arithmetic} arithmetic" if arithmetic != "float32" else f"{between} between the ops"
    reason = (
        f"{MARGIN_DB:.0f} dB (a factor of {FACTOR}) under the {expected:.1f} dB that {what} lets expect, "
        f"whose unit roundoff of {unit:.2g} is {unit / UNIT_ROUNDOFF['float32']:.0f} times float32's"
    )
    if expected - MARGIN_DB < constant:
        reason = (
            f"{OVER_CONSTANT_DB:.0f} dB over the {constant - OVER_CONSTANT_DB:.1f} dB of the best answer "
            f"that ignores the inputs, {reason} being less"
        )
    return Tolerance("sqnr_db", max(expected - MARGIN_DB, constant), reason)
