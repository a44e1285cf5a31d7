"""Faults of weights: one element, one channel, a whole layer, its layout, its precision."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bench.detection.fault import Hit, Scene, kind
from bench.detection.weights import Weight, is_float, replace, weights

KERNELS = ("kernel", "dense", "recurrent")

Change = Callable[[Weight, np.random.Generator], np.ndarray | None]
"""From a weight to its faulty values; None where the fault does not apply to it."""


def _first_that_changes(scene: Scene, found: list[Weight], change: Change, what: str) -> Hit | None:
    """The fault in the first weight, in a seeded order, that it changes."""
    for number in scene.random.permutation(len(found)):
        values = change(found[number], scene.random)
        if values is not None and replace(scene, found[number], values):
            return scene.hit(found[number].op, what)
    return None


def weight_fault(
    name: str, what: str, *roles: str, only: Callable[[Weight], bool] = lambda weight: True
) -> Callable[[Change], Change]:
    """Enters a change of weights in these roles into the catalogue."""

    def enter(change: Change) -> Change:
        @kind(name, what)
        def fault(scene: Scene) -> Hit | None:
            found = [weight for weight in weights(scene, *roles) if only(weight)]
            return _first_that_changes(scene, found, change, what)

        return change

    return enter


def _one(weight: Weight, random: np.random.Generator, factor: float) -> np.ndarray:
    """One element, of the larger half, times a factor; by at least one step of what the file can hold."""
    values = weight.values.astype(np.float64).reshape(-1)
    order = np.argsort(np.abs(values))
    place = order[int(random.integers(len(order) // 2, len(order)))]
    change = abs(values[place]) * (1 - factor)
    if not is_float(weight):
        step = weight.step or 1.0
        change = step * max(1, round(change / step))
    values[place] -= np.copysign(change, values[place])
    return values.reshape(weight.values.shape)


@weight_fault("weight-1-percent", "one weight of the larger half changed by 1 %", *KERNELS)
def one_percent(weight: Weight, random: np.random.Generator) -> np.ndarray:
    return _one(weight, random, 0.99)


@weight_fault("weight-0.1-percent", "one weight of the larger half changed by 0.1 %", *KERNELS, only=is_float)
def one_in_a_thousand(weight: Weight, random: np.random.Generator) -> np.ndarray:
    return _one(weight, random, 0.999)


@weight_fault("weight-sign", "the sign of one weight of the larger half lost", *KERNELS)
def sign(weight: Weight, random: np.random.Generator) -> np.ndarray:
    return _one(weight, random, -1.0)


@weight_fault("channels-swapped", "two output channels of a layer swapped", *KERNELS)
def swapped(weight: Weight, random: np.random.Generator) -> np.ndarray | None:
    axis = weight.place.out
    count = weight.values.shape[axis]
    if count < 2:
        return None
    order = np.arange(count)
    first = int(random.integers(count - 1))
    order[[first, first + 1]] = order[[first + 1, first]]
    return np.take(weight.values, order, axis)


@weight_fault("input-channels-reversed", "input channels in reversed order (BGR for RGB)", "kernel", "dense")
def reversed_inputs(weight: Weight, random: np.random.Generator) -> np.ndarray | None:
    return None if weight.place.into is None else np.flip(weight.values, weight.place.into)


@weight_fault("channel-zeroed", "one output channel of a layer is zero", *KERNELS)
def zeroed(weight: Weight, random: np.random.Generator) -> np.ndarray:
    values = np.moveaxis(weight.values.copy(), weight.place.out, 0)
    values[int(random.integers(len(values)))] = 0
    return np.moveaxis(values, 0, weight.place.out)


@weight_fault("kernel-transposed", "height and width of a kernel exchanged", "kernel")
def transposed_kernel(weight: Weight, random: np.random.Generator) -> np.ndarray | None:
    high, wide = weight.place.spatial
    if weight.values.shape[high] != weight.values.shape[wide]:
        return None
    return np.swapaxes(weight.values, high, wide)


@weight_fault("kernel-flipped", "a kernel turned by 180 degrees (convolution for correlation)", "kernel")
def flipped(weight: Weight, random: np.random.Generator) -> np.ndarray:
    return np.flip(weight.values, weight.place.spatial)


@weight_fault("dense-transposed", "a dense layer's weights read in the other order", "dense")
def transposed(weight: Weight, random: np.random.Generator) -> np.ndarray:
    return np.ascontiguousarray(weight.values.T).reshape(weight.values.shape)


@weight_fault("bias-dropped", "a bias dropped", "bias")
def dropped(weight: Weight, random: np.random.Generator) -> np.ndarray:
    return np.zeros_like(weight.values)


@weight_fault("bias-shifted", "a bias shifted by one channel", "bias")
def shifted(weight: Weight, random: np.random.Generator) -> np.ndarray:
    return np.roll(weight.values, 1, weight.place.out)


@weight_fault("scale-dropped", "the factor of a normalisation dropped", "scale", only=is_float)
def unscaled(weight: Weight, random: np.random.Generator) -> np.ndarray:
    return np.ones_like(weight.values)


@weight_fault("weights-float16", "one layer's weights in float16", *KERNELS, only=is_float)
def halved(weight: Weight, random: np.random.Generator) -> np.ndarray:
    return weight.values.astype(np.float16)


@weight_fault("weights-bfloat16", "one layer's weights in bfloat16", *KERNELS, only=is_float)
def brained(weight: Weight, random: np.random.Generator) -> np.ndarray:
    return _cut(weight.values, 16)


@weight_fault("weights-tf32", "one layer's weights in TF32 (10 bits of mantissa)", *KERNELS, only=is_float)
def tensor_float(weight: Weight, random: np.random.Generator) -> np.ndarray:
    return _cut(weight.values, 13)


def _cut(values: np.ndarray, bits: int) -> np.ndarray:
    """Float32 rounded to a mantissa that is shorter by some bits; ties away from zero."""
    whole = np.ascontiguousarray(values).view(np.uint32)
    return ((whole + np.uint32(1 << (bits - 1))) & np.uint32(~((1 << bits) - 1) & 0xFFFFFFFF)).view(
        np.float32
    )


@weight_fault("weights-int8", "one layer's weights rounded to 8 bits per tensor", *KERNELS, only=is_float)
def rounded(weight: Weight, random: np.random.Generator) -> np.ndarray:
    step = np.abs(weight.values).max() / 127
    return np.round(weight.values / step) * step


@weight_fault("weights-clipped", "weights clipped to 90 % of the largest", *KERNELS)
def clipped(weight: Weight, random: np.random.Generator) -> np.ndarray:
    limit = 0.9 * np.abs(weight.values.astype(np.float64)).max()
    return np.clip(weight.values, -limit, limit)


@weight_fault("table-shifted", "rows of an embedding off by one", "table", only=is_float)
def shifted_table(weight: Weight, random: np.random.Generator) -> np.ndarray:
    return np.roll(weight.values, 1, 0)


@weight_fault("table-row-lost", "one row of an embedding is zero", "table", only=is_float)
def lost_row(weight: Weight, random: np.random.Generator) -> np.ndarray:
    values = weight.values.copy()
    values[int(random.integers(len(values)))] = 0
    return values


@kind("layers-swapped", "two layers of one shape have each other's weights")
def layers_swapped(scene: Scene) -> Hit | None:
    found = list(weights(scene, *KERNELS))
    pairs = [
        (a, b)
        for i, a in enumerate(found)
        for b in found[i + 1 :]
        if a.values.shape == b.values.shape and a.op.kind == b.op.kind and a.op.raw is not b.op.raw
    ]
    pair = scene.pick(pairs)
    if pair is None or not replace(scene, pair[0], pair[1].values):
        return None
    replace(scene, pair[1], pair[0].values)
    layers = tuple(dict.fromkeys(name for w in pair for name in scene.file.layers_of(w.op)))
    return Hit(layers, f"{pair[0].op.kind}: exchanged with another of shape {list(pair[0].values.shape)}")
