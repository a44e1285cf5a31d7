"""The original with inputs and weights moved: as a precision stores them, or in any other way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import numpy as np

from converters.target import ExportTarget
from validation.dtypes import dtype_name, epsilon, is_float
from validation.feed import Tensors
from validation.original import Nudge, Original

Run = Callable[[Tensors], dict[str, np.ndarray]]
"""From inputs to outputs, by name."""


def coarser(original: Original, tensors: Tensors, precision: str, seed: int) -> dict[str, np.ndarray] | None:
    """The graph's answer with weights as they are stored, and with int8 inputs off by as much.

    Args:
        precision: "float16", "uint16", "uint8" or "int8".
        seed: of int8, whose files part the weights by channels, as Keras does not.
    """
    if precision in STORED:
        return nudged(original, tensors, STORED[precision], _same, original.graph)
    drawn = PRECISIONS[precision](np.random.default_rng((seed, 2)))
    return nudged(original, tensors, drawn, drawn, original.graph)


def nudged(
    original: Original, tensors: Tensors, weights: Nudge, inputs: Nudge, run: Run
) -> dict[str, np.ndarray] | None:
    """An answer with every float input and weight nudged.

    Args:
        original: whose weights are nudged while it runs.
        tensors: inputs.
        weights: what is done to each of its weights.
        inputs: what is done to each input.
        run: the original's graph, or what reads its weights as that does.

    Returns:
        None where there is no float to nudge.
    """
    moved = {n: inputs(a) if is_float(dtype_name(a)) else a for n, a in tensors.items()}
    with original.nudged(weights) as has_weights:
        if not has_weights and not any(is_float(dtype_name(a)) for a in tensors.values()):
            return None
        return run(moved)


def _same(value: np.ndarray) -> np.ndarray:
    return value


def _float16(random: np.random.Generator) -> Nudge:
    """Rounding to 11 bits: evenly distributed within half an ulp."""
    return lambda value: relative(value, random.uniform(-1, 1, value.shape) * epsilon("float16") / 2)


def _affine(bits: int, least_rank: int) -> Callable[[np.random.Generator], Nudge]:
    """2^bits steps over a tensor's range: evenly distributed within half a step, inside that range.

    Args:
        bits: of the stored integer.
        least_rank: tensors of lower rank are stored finer: int8 files keep biases as int32.
    """

    def make(random: np.random.Generator) -> Nudge:
        def nudge(value: np.ndarray) -> np.ndarray:
            if value.ndim < least_rank or not value.size:
                return value
            low, high = float(value.min()), float(value.max())
            half_step = (high - low) / (2**bits - 1) / 2
            moved = value + random.uniform(-1, 1, value.shape) * half_step
            return np.clip(moved, low, high).astype(value.dtype)

        return nudge

    return make


def relative(value: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Each number larger by its step's share of itself."""
    with np.errstate(over="ignore", invalid="ignore"):
        return (value * (1 + steps)).astype(value.dtype)


def _stored_float16(value: np.ndarray) -> np.ndarray:
    """The nearest float16; what exceeds it stays as it is. TF.js leaves scalars alone, LiteRT doesn't."""
    if np.abs(value).max(initial=0.0) > np.finfo(np.float16).max:
        return value
    return value.astype(np.float16).astype(value.dtype)


def _stored_affine(bits: int) -> Nudge:
    """The nearest of 2^bits steps over a tensor's range, moved so that 0 is one of them.

    Source: `tensorflowjs.quantization.quantize_weights` of tensorflowjs 4.22.
    """

    def nudge(value: np.ndarray) -> np.ndarray:
        if value.size <= 1 or value.min() == value.max():
            return value
        low, high = float(value.min()), float(value.max())
        step = (high - low) / (2**bits - 1)
        start = np.round(low / step) * step if low <= 0 <= high else low
        steps = np.clip(np.round((value - start) / step), 0, 2**bits - 1)
        return (steps * step + start).astype(value.dtype)

    return nudge


STORED: Mapping[str, Nudge] = {
    "float16": _stored_float16,
    "uint16": _stored_affine(16),
    "uint8": _stored_affine(8),
}
"""From a precision to what its files hold of a weight, where that follows from the weight alone."""

PRECISIONS: Mapping[str, Callable[[np.random.Generator], Nudge]] = {
    "float16": _float16,
    "uint16": _affine(16, least_rank=1),
    "uint8": _affine(8, least_rank=1),
    "int8": _affine(8, least_rank=2),
}
"""From a precision to a rounding drawn at random, as good as any for weights that an optimiser changed."""

ROUNDINGS = {name: name for name in PRECISIONS} | {"int8_io": "int8", "dynamic_int8": "int8"}
"""From a target's precision to the rounding that it is measured by; float32 needs none."""


HALF = "float16 between the ops"
"""What is measured besides: half precision, simulated by `truth.half`."""

MEASURED = (*PRECISIONS, HALF)
"""All that can be measured."""


LEAST_IN_HALF = float(np.finfo(np.float16).smallest_subnormal) / 2
"""Greatest error of rounding a number near 0 to float16, where no relative one holds."""


def in_half(floor: np.ndarray) -> np.ndarray:
    """The noise floor of what was in half precision: nowhere less than its rounding near 0."""
    return np.maximum(floor, LEAST_IN_HALF)


def rounds_between(target: ExportTarget) -> bool:
    """Whether tensors between ops are in half precision, too: what is smaller than 6e-8 is lost there.

    Other targets store weights coarser, and widen them before they compute.
    """
    return str(target) == "onnx:float16"


def roundings(targets: Iterable[ExportTarget]) -> tuple[str, ...]:
    """What `validation.reference.record` must measure to judge these targets."""
    wanted = tuple(targets)
    found = {ROUNDINGS.get(target.precision) for target in wanted}
    found |= {HALF for target in wanted if rounds_between(target)}
    return tuple(name for name in MEASURED if name in found)
