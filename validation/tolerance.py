"""The limit for one output of one target, with its reason.

    float32            8 times the original's own noise, at least 8 epsilons of its greatest value
    float16, uint16    8 times what weights rounded to that precision do to the original, and one step
    uint8, int8 …      SQNR: 8 times (18 dB) under what that rounding lets expect, 6 dB over a constant
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
from validation.verdict import Comparison, Tolerance

FACTOR = 8
"""Over a measured noise: four bits of it at most may go."""

FLOOR_ULPS = 8
"""Epsilons of the greatest value: a few roundings that one batch may not have shown."""

NOISE_CAP_ULPS = 1000
"""A model that one ulp moves further than this is chaotic; its noise does not excuse an export."""

MARGIN_DB = 20 * math.log10(FACTOR)
"""The same factor, in amplitude, for what is judged by SQNR: 18 dB."""

OVER_CONSTANT_DB = 6.0
"""Half the error of the best answer that ignores the inputs."""

QUANTIZED = {"uint8": "uint8", "int8": "int8", "int8_io": "int8", "dynamic_int8": "int8"}
"""Precisions judged by SQNR, and the rounding that they are measured by."""

LEAST_PASSES = frozenset({"sqnr_db", "cosine", "argmax_agreement"})
"""Measures of which more is better."""


def tolerance_for(target: ExportTarget, output: OutputReference) -> Tolerance:
    """The limit for an output of an export.

    Args:
        target: its format and precision.
        output: the original's output, as recorded.
    """
    if not is_float(output.spec.dtype):
        return Tolerance("mismatched", 0.0, f"{output.spec.dtype} outputs are equal or wrong")
    if target.precision in QUANTIZED:
        return _quantized(target, output)
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
    if tolerance.measure in LEAST_PASSES:
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


def _quantized(target: ExportTarget, output: OutputReference) -> Tolerance:
    """Source: noise powers of independent roundings add up; a uniform step q has the power q²/12.

    Weights and inputs are rounded; so are activations, unless only weights are stored so, and these are
    taken to do as much as the others. The step of an int8 output is a 255th of its range.
    """
    rounded = output.precision_noise.get(QUANTIZED[target.precision], Noise(math.inf, math.inf))
    constant = _decibels(output.rms, output.constant_rms) + OVER_CONSTANT_DB
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
    expected = _decibels(output.rms, math.sqrt(power)) if math.isfinite(power) else -math.inf
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


def _decibels(signal: float, error: float) -> float:
    """20 log10(signal / error); Infinity without error."""
    if error == 0:
        return math.inf
    return 20 * math.log10(signal / error) if signal > 0 else -math.inf
