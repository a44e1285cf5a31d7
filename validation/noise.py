"""How far the original moves for coarser weights, and whether samples depend on their batch.

A few batches are enough for the size of it: the tolerance puts a factor on top.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from converters.signature import TensorSpec
from validation.agreement import agreement_limit
from validation.coarser import HALF, PRECISIONS, coarser, in_half
from validation.compare import OutputMeter, differences
from validation.dtypes import is_float
from validation.expected import Noise
from validation.feed import Tensors
from validation.feed_layout import Layout
from validation.noise_meter import NoiseMeter
from validation.original import Original
from validation.simulation import Simulation

ALONE = 4
"""Samples of the batch that are run one by one."""

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
    rms, leaders = (
        math.hypot(math.sqrt(batches) * of_a, of_b) / math.sqrt(batches + 1)
        for of_a, of_b in ((a.rms, b.rms), (a.leaders_rms, b.leaders_rms))
    )
    ratios = float(np.fmax(a.ratio_rms, b.ratio_rms)), float(np.fmax(a.ratio, b.ratio))
    return Noise(max(a.max_abs, b.max_abs), rms, *ratios, leaders)


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
        precisions: of `coarser.MEASURED`.
        seed: of what int8 rounds up and what down.
    """
    specs = original.signature.outputs
    coarse: dict[str, Tensors | None] = {
        name: coarser(original, given.inputs, name, seed) for name in precisions if name in PRECISIONS
    }
    coarse |= original.kept(Simulation).answers(given.inputs, precisions)
    halves = {name: in_half(each) for name, each in floor.items()}
    found = {
        name: measure(specs, given.graph, answer, halves if name == HALF else floor)
        for name, answer in coarse.items()
        if answer
    }
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
            found, apart, ratios = meter.result(), differences(*pair), (math.nan, math.nan)
            if spec.name in floor:
                ratios = _ratios(spec, apart, floor[spec.name])
            noise[spec.name] = Noise(found.max_abs, found.rmse, *ratios, _of_leaders(pair[0], apart))
    return noise


def _of_leaders(expected: np.ndarray, difference: np.ndarray) -> float:
    """Root mean square of the difference of each row's greatest element; NaN without rows of several."""
    if expected.ndim < 2 or expected.shape[-1] < 2 or not expected.size:
        return math.nan
    leaders = np.argmax(expected, axis=-1)[..., None]
    return float(np.sqrt(np.mean(np.take_along_axis(difference, leaders, -1) ** 2)))


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
