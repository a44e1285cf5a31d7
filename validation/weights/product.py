"""A product of the original with a constant, as the walk over its graph meets it; all values are symbolic."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from validation.truth.quantized import CHANNELS


@dataclass
class Product:
    """One product.

    Attributes:
        layer: that it is of.
        weight: symbolic, float64.
        channels: axes of the weight.
        ways: symbolic factors, each [columns].
        groups: of a convolution.
    """

    layer: str
    weight: Any
    channels: tuple[int, ...]
    ways: list[Any] = field(default_factory=list)
    groups: int = 1

    @property
    def columns(self) -> int:
        return int(np.prod([self.weight.shape[axis] for axis in self.channels]))


@dataclass(frozen=True)
class Varying:
    """Stands for a value that depends on the inputs.

    Attributes:
        product: whose result it is, scaled and moved by constants at most; None of any other.
        factors: symbolic: by what the product's columns were multiplied since, as converters may count it.
        scale: symbolic scalar: by what it was multiplied just now, where it is no product's result.
    """

    product: Product | None = None
    factors: tuple[Any, ...] = ()
    scale: Any = None


def channels_of(op: Any, rank: int) -> tuple[int, ...]:
    """Axes of a product's weight that count output channels; none where that isn't simple."""
    if op.type == "Einsum":
        given, _, made = op.get_attr("equation").decode().partition("->")
        other, _, weight = given.partition(",")
        if "." in weight or {*weight} & {*other} & {*made}:
            return ()
        return tuple(axis for axis, label in enumerate(weight) if label in made)
    if op.type == "MatMul" and op.get_attr("transpose_b"):
        return (0,)
    if op.type.startswith("BatchMatMul") and (op.get_attr("adj_y") or rank != 2):
        return ()
    return tuple(axis % rank for axis in CHANNELS[op.type])


def groups_of(op: Any, weight: Any) -> int:
    """How many convolutions an op does side by side, each with channels of its own."""
    if op.type not in ("Conv2D", "Conv3D") or not op.get_attr("data_format").endswith(b"C"):
        return 1
    given = op.inputs[0].shape[-1]
    return given // weight.shape[-2] if given else 1


def is_cut(part: Any, whole: Any) -> bool:
    """Whether a tensor is columns of another."""
    known = part.shape.is_fully_defined() and whole.shape.is_fully_defined()
    return known and part.shape.rank > 1 and part.shape[:-1] == whole.shape[:-1]


def times(value: Varying, factor: Any) -> Varying | None:
    """The value after a multiplication by a constant: one number, or one for each channel of a product."""
    import tensorflow as tf

    count = factor.shape.num_elements()
    if count == 1:
        factor = tf.reshape(factor, ())
        if value.product is None:
            return Varying(scale=factor if value.scale is None else value.scale * factor)
    elif value.product is None or count != value.product.columns or factor.shape[-1] != count:
        return None
    factors = tuple(each * tf.reshape(factor, (-1,)) for each in value.factors)
    value.product.ways += factors
    return Varying(value.product, factors)
