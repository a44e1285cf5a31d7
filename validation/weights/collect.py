"""Collects what the original multiplies by, from its traced graph."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from converters.layer_names import LayerNames
from validation.original import Original
from validation.truth.quantized import CHANNELS, WEIGHT
from validation.truth.remade import NoTwinError, Values, raised
from validation.truth.translate import CALLS, LOOPS, Translation, body_of
from validation.weights.kernel import Kernel

ADDS = frozenset({"BiasAdd", "Add", "AddV2"})
MOVES = frozenset({"Identity", "Squeeze", "ExpandDims", "BatchToSpaceND"})
"""Neither changes what a weight is multiplied by afterwards, nor moves the channels from the last axis."""

NORMS = frozenset({"FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"})

TABLES = frozenset({"GatherV2", "ResourceGather"})
"""Take rows out of a constant, which stand for its channels."""


@dataclass
class _Found:
    """One product.

    Attributes:
        layer: that it is of.
        weight: symbolic, float64.
        channels: axes of the weight.
        ways: symbolic factors, each [columns].
    """

    layer: str
    weight: Any
    channels: tuple[int, ...]
    ways: list[Any] = field(default_factory=list)

    @property
    def columns(self) -> int:
        return int(np.prod([self.weight.shape[axis] for axis in self.channels]))


@dataclass(frozen=True)
class _Varying:
    """Stands for a value that depends on the inputs.

    Attributes:
        product: whose result it is, scaled and moved by constants at most; None of any other.
        factors: symbolic: by what the product's columns were multiplied since, as converters may count it.
        scale: symbolic scalar: by what it was multiplied just now, where it is no product's result.
    """

    product: _Found | None = None
    factors: tuple[Any, ...] = ()
    scale: Any = None


def collect(original: Original, out: Path) -> tuple[Kernel, ...]:
    """Writes every constant factor of a product into `out`, which becomes a directory.

    Weights in branches are left out, and those that can't be computed alone.
    """
    import tensorflow as tf

    concrete = original.traced.get_concrete_function()
    walk = _Walk(original.layers)

    @tf.function(autograph=False)
    def constants() -> list[tuple[Any, Any]]:
        graph = concrete.graph
        inner = {inside.name: raised(outside) for outside, inside in graph.captures}
        given = {tensor.name: inner.get(tensor.name, _Varying()) for tensor in graph.inputs}
        walk.found.clear()
        walk.run(graph, given, graph.outputs)
        return [(tf.cast(each.weight, tf.float32), tf.stack(each.ways)) for each in walk.found]

    values = constants()
    out.mkdir()
    return tuple(_write(walk.found, values, out))


def _write(found: list[_Found], values: list[tuple[Any, Any]], out: Path) -> Iterator[Kernel]:
    for number, (each, (weight, ways)) in enumerate(zip(found, values, strict=True)):
        paths = out / f"{number:05}.npy", out / f"{number:05}-factors.npy"
        np.save(paths[0], weight.numpy())
        np.save(paths[1], ways.numpy())
        yield Kernel(each.layer, tuple(weight.shape), each.channels, *paths)


class _Walk(Translation):
    """Computes what is constant, and follows what is not.

    Args:
        layers: from each Keras layer's name to its class.

    Attributes:
        found: the products, in the order of computation.
    """

    def __init__(self, layers: Mapping[str, str]) -> None:
        super().__init__()
        self._layers = layers
        self._names: dict[int, LayerNames] = {}
        self._around = ""
        self.found: list[_Found] = []

    def _carry_over(self, op: Any, inputs: Values) -> Values:
        varying = [value for value in inputs if isinstance(value, _Varying)]
        unknown = [_Varying()] * len(op.outputs)
        if not varying or op.type in CALLS:
            try:
                return super()._carry_over(op, inputs)
            except NoTwinError:
                return unknown
        results = None
        if op.type in LOOPS:
            self._look_into(op, inputs)
        elif op.type in TABLES:
            self._table(op, inputs[0])
        elif op.type in CHANNELS or op.type == "Einsum":
            results = self._product(op, inputs)
        elif len(varying) == 1 and inputs[0] is varying[0]:
            results = self._scaled(op, varying[0], inputs[1:])
        elif len(varying) == 1 and len(inputs) == 2 and op.type in ("Mul", "Add", "AddV2"):
            results = self._scaled(op, varying[0], inputs[:1])
        return unknown if results is None else [results, *unknown[1:]]

    def _look_into(self, loop: Any, inputs: Values) -> None:
        """Collects what the body of a loop multiplies by; the variables that it takes stay what they are."""
        around, self._around = self._around, self._around or self._layer(loop)
        kept = [
            value if tensor.dtype.name == "resource" else _Varying()
            for tensor, value in zip(loop.inputs, inputs, strict=True)
        ]
        self._function(body_of(loop, "body"), kept)
        self._around = around

    def _table(self, op: Any, table: Any) -> None:
        """Collects a table of two dimensions."""
        import tensorflow as tf

        if op.type == "ResourceGather" and not isinstance(table, _Varying):
            table = raised(tf.raw_ops.ReadVariableOp(resource=table, dtype=op.get_attr("dtype")))
        if isinstance(table, _Varying) or table.dtype != tf.float64 or not table.shape.is_fully_defined():
            return
        if table.shape.rank == 2:
            rows = tf.ones(table.shape[0], tf.float64)
            self.found.append(_Found(self._layer(op), table, (0,), [rows]))

    def _product(self, op: Any, inputs: Values) -> _Varying | None:
        import tensorflow as tf

        weight = inputs[WEIGHT]
        if isinstance(weight, _Varying) or not weight.shape.is_fully_defined():
            return None
        if weight.dtype != tf.float64:
            return None
        channels = _channels(op, weight.shape.rank)
        if not channels:
            return None
        found = _Found(self._layer(op), weight, channels)
        self.found.append(found)
        one = tf.ones(found.columns, tf.float64)
        other = inputs[2 if op.type == "Conv2DBackpropInput" else 0]
        before = other.scale if isinstance(other, _Varying) else None
        found.ways = [one] if before is None else [one, one * before]
        return _Varying(found, tuple(found.ways))

    def _scaled(self, op: Any, value: _Varying, others: Values) -> _Varying | None:
        """What an op with constants makes of one value that varies; None where no weight can take it in."""
        import tensorflow as tf

        if op.type in ADDS or op.type in MOVES or op.type == "Sub":
            return value if value.product else _Varying(scale=value.scale if op.type in MOVES else None)
        if op.type == "Mul":
            return _times(value, others[0])
        if op.type == "RealDiv":
            return _times(value, 1 / others[0])
        if op.type in NORMS and not op.get_attr("is_training"):
            scale, _, _, variance = others
            return _times(value, scale / tf.sqrt(variance + op.get_attr("epsilon")))
        return None

    def _layer(self, op: Any) -> str:
        if self._around:
            return self._around
        graph = op.graph
        if id(graph) not in self._names:
            names = (each.name for each in graph.get_operations())
            self._names[id(graph)] = LayerNames(names, self._layers)
        return self._names[id(graph)].of(op.name)


def _channels(op: Any, rank: int) -> tuple[int, ...]:
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


def _times(value: _Varying, factor: Any) -> _Varying | None:
    """The value after a multiplication by a constant: one number, or one for each channel of a product."""
    import tensorflow as tf

    count = factor.shape.num_elements()
    if count == 1:
        factor = tf.reshape(factor, ())
        if value.product is None:
            return _Varying(scale=factor if value.scale is None else value.scale * factor)
    elif value.product is None or count != value.product.columns or factor.shape[-1] != count:
        return None
    factors = tuple(each * tf.reshape(factor, (-1,)) for each in value.factors)
    value.product.ways += factors
    return _Varying(value.product, factors)
