"""Faults of BatchNorm, whose numbers converters fold into a kernel and a bias, or into a factor and a sum."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bench.detection.fault import Hit, Norm, Scene, kind
from bench.detection.weights import Weight, is_float, replace, weights

Folded = tuple[str, Weight, Weight]
"""The norm's name, what its factor went into, and what its sum went into."""


@kind("norm-epsilon", "BatchNorm with an epsilon of 1e-5 instead of 1e-3 (PyTorch's for Keras')")
def epsilon(scene: Scene) -> Hit | None:
    return _rescaled(scene, 1e-5, "epsilon 1e-5")


@kind("norm-epsilon-slightly", "BatchNorm with an epsilon of 1.1e-3 instead of 1e-3")
def epsilon_slightly(scene: Scene) -> Hit | None:
    return _rescaled(scene, 1.1e-3, "epsilon 1.1e-3")


@kind("norm-dropped", "BatchNorm's variance taken for 1 (statistics not loaded)")
def dropped(scene: Scene) -> Hit | None:
    return _rescaled(scene, None, "variance 1")


def _rescaled(scene: Scene, epsilon: float | None, what: str) -> Hit | None:
    """The factor and the sum as another denominator makes them.

    gamma * (x - mean) / sqrt(variance + epsilon) + beta is x * factor + shift, with
    shift = beta - mean * factor: both but beta go with the denominator.
    """
    chosen = scene.pick(_folded(scene))
    if chosen is None:
        return None
    name, factor, shift = chosen
    norm = scene.norms[name]
    ratio = _ratio(norm, epsilon)
    changed = replace(scene, factor, factor.values * _along(ratio, factor))
    beta = norm.beta.reshape(_along(norm.beta, shift).shape)
    replace(scene, shift, beta + (shift.values - beta) * _along(ratio, shift))
    return Hit(scene.file.layers_of(factor.op), f"{factor.op.kind}: {name}, {what}") if changed else None


def _ratio(norm: Norm, epsilon: float | None) -> np.ndarray:
    then = np.sqrt(norm.variance + norm.epsilon)
    return then if epsilon is None else then / np.sqrt(norm.variance + epsilon)


def _along(values: np.ndarray, weight: Weight) -> np.ndarray:
    """One value a channel, in a shape that goes with the weight's."""
    shape = weight.values.shape
    if weight.place.role in ("bias", "scale"):
        return values.reshape([size if size == len(values) else 1 for size in shape])
    return values.reshape([len(values) if axis == weight.place.out else 1 for axis in range(len(shape))])


def _folded(scene: Scene) -> Iterator[Folded]:
    """Norms that can be told: folded into one op's kernel and bias, or a Mul followed by an Add."""
    found = [w for w in weights(scene, "kernel", "bias", "scale") if is_float(w)]
    for name, norm in scene.norms.items():
        own = [w for w in found if name in scene.file.layers_of(w.op) and _fits(w, len(norm.beta))]
        for factor in own:
            for shift in own:
                if shift.place.role == "bias" and _belong_together(factor, shift):
                    yield name, factor, shift


def _fits(weight: Weight, channels: int) -> bool:
    if weight.place.role == "kernel":
        return weight.values.shape[weight.place.out] == channels
    return weight.values.size == channels


def _belong_together(factor: Weight, shift: Weight) -> bool:
    """Kernel and bias of one op, or the Mul and the Add of a norm that stands alone."""
    if factor.place.role == "kernel":
        return shift.op.names == factor.op.names
    return factor.place.role == "scale" and shift.place.index == 1
