"""How far the original moves for coarser weights, and whether samples depend on their batch.

A few batches are enough for the size of it: the tolerance puts a factor on top.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from converters.signature import TensorSpec
from converters.target import ExportTarget
from validation.agreement import agreement_limit
from validation.compare import OutputMeter, differences
from validation.dtypes import dtype_name, epsilon, is_float
from validation.expected import Noise
from validation.feed import Tensors
from validation.feed_layout import Layout
from validation.noise_meter import NoiseMeter
from validation.original import Nudge, Original
from validation.simulation import Simulation

ALONE = 4
"""Samples of the batch that are run one by one."""

Run = Callable[[Tensors], dict[str, np.ndarray]]
"""From inputs to outputs, by name."""

FEW = 4
"""Elements of a channel that tell its root mean square within a third."""

NoiseByOutput = Mapping[str, Noise]


@dataclass(frozen=True, slots=True)
class Given:
    """One batch, and what the original gives."""

    inputs: Tensors
    eager: Tensors
    graph: Tensors


@dataclass(frozen=True, slots=True)
class MeasuredNoise:
    """What some batches tell.

    Attributes:
        precisions: by precision and output.
        mixing: outputs of a sample that depend on the rest of its batch by more than rounding.
    """

    precisions: Mapping[str, NoiseByOutput] = field(default_factory=dict)
    mixing: frozenset[str] = frozenset()

    def of(self, output: str) -> dict[str, Noise]:
        """What coarser weights do to one output, by precision."""
        return {name: noise[output] for name, noise in self.precisions.items() if output in noise}

    def merge(self, other: MeasuredNoise, batches: int) -> MeasuredNoise:
        """Both together, where this one stands for `batches` and the other for one more."""
        merged = {name: {**noise} for name, noise in {**other.precisions, **self.precisions}.items()}
        for name in self.precisions.keys() & other.precisions.keys():
            for output in self.precisions[name].keys() & other.precisions[name].keys():
                pair = self.precisions[name][output], other.precisions[name][output]
                merged[name][output] = _together(*pair, batches)
        return MeasuredNoise(merged, self.mixing | other.mixing)


def _together(a: Noise, b: Noise, batches: int) -> Noise:
    """The greatest, and the root mean square over all batches."""
    rms = math.hypot(math.sqrt(batches) * a.rms, b.rms) / math.sqrt(batches + 1)
    ratios = float(np.fmax(a.ratio_rms, b.ratio_rms)), float(np.fmax(a.ratio, b.ratio))
    return Noise(max(a.max_abs, b.max_abs), rms, *ratios)


def measure_noise(
    original: Original,
    given: Given,
    floor: Tensors,
    layout: Layout,
    precisions: Sequence[str],
    *,
    seed: int = 0,
) -> MeasuredNoise:
    """Runs the original's graph a few more times on one batch.

    Args:
        original: opened.
        given: one batch.
        floor: the noise floor of each element.
        layout: of the inputs.
        precisions: of `PRECISIONS`.
        seed: of what int8 rounds up and what down.
    """
    specs = original.signature.outputs
    coarse: dict[str, Tensors | None] = {
        name: coarser(original, given.inputs, name, seed) for name in precisions
    }
    if "int8" in precisions:
        coarse |= original.kept(Simulation).answers(given.inputs)
    found = {name: measure(specs, given.graph, answer, floor) for name, answer in coarse.items() if answer}
    mixing: frozenset[str] = frozenset()
    if layout.batched and layout.fixed_batch is None:
        mixing = _batch_effects(original, given.inputs, given.graph)
    return MeasuredNoise(found, mixing)


def measure(specs: Sequence[TensorSpec], expected: Tensors, actual: Tensors, floor: Tensors) -> NoiseByOutput:
    """The difference of each float output.

    In units of the floor it is that of the worst channel, though a batch has few elements of it: the limit
    that is made of it is for the worst channel, too.
    """
    noise = {}
    for spec in specs:
        if is_float(spec.dtype):
            meter = OutputMeter(spec)
            pair = expected[spec.name], actual[spec.name]
            meter.add(*pair, 0)
            found, ratios = meter.result(), (math.nan, math.nan)
            if spec.name in floor:
                ratios = _ratios(spec, differences(*pair), floor[spec.name])
            noise[spec.name] = Noise(found.max_abs, found.rmse, *ratios)
    return noise


def _ratios(spec: TensorSpec, difference: np.ndarray, floor: np.ndarray) -> tuple[float, float]:
    """In root mean square and at most, in units of the floor; NaN of nothing."""
    meter = NoiseMeter(spec, enough=FEW)
    meter.add(difference, floor)
    rms, greatest = meter.rms, meter.greatest
    return math.nan if rms is None else rms, math.nan if greatest is None else greatest


def _batch_effects(original: Original, tensors: Tensors, graph: Tensors) -> frozenset[str]:
    """Outputs that depend on the rest of their batch by more than rounding.

    The first samples of the batch are run each in a batch of its own.
    """
    count = len(next(iter(tensors.values())))
    alone = min(count, ALONE)
    runs = [original.graph({n: a[i : i + 1] for n, a in tensors.items()}) for i in range(alone)]
    mixing = set()
    for spec in original.signature.outputs:
        rows = [run[spec.name] for run in runs]
        if graph[spec.name].shape[:1] != (count,) or any(row.shape[:1] != (1,) for row in rows):
            continue
        together = graph[spec.name][:alone]
        difference = differences(together, np.concatenate(rows))
        if np.max(difference, initial=0.0) > agreement_limit(together, spec, original.arithmetic):
            mixing.add(spec.name)
    return frozenset(mixing)


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


def roundings(targets: Iterable[ExportTarget]) -> tuple[str, ...]:
    """What `validation.reference.record` must measure to judge these targets."""
    found = {ROUNDINGS.get(target.precision) for target in targets}
    return tuple(name for name in PRECISIONS if name in found)
