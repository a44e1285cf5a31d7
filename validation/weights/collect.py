"""Collects what the original multiplies by, from its traced graph."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from converters.layer_names import LayerNames
from validation.original import Original
from validation.truth.quantized import CHANNELS, WEIGHT
from validation.truth.remade import NoTwinError, Values, raised
from validation.truth.translate import CALLS, LOOPS, Translation, body_of
from validation.weights.kernel import Kernel
from validation.weights.product import Product, Varying, channels_of, groups_of, is_cut, times

ADDS = frozenset({"BiasAdd", "Add", "AddV2"})
MOVES = frozenset({"Identity", "Squeeze", "ExpandDims", "BatchToSpaceND"})
"""Neither changes what a weight is multiplied by afterwards, nor moves the channels from the last axis."""

NORMS = frozenset({"FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"})

TABLES = frozenset({"GatherV2", "ResourceGather"})
"""Take rows out of a constant, which stand for its channels."""

CUTS = frozenset({"Split", "SplitV", "StridedSlice", "Slice"})
"""Take a run of columns out of a constant, if its other axes stay what they are."""


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
        given = {tensor.name: inner.get(tensor.name, Varying()) for tensor in graph.inputs}
        walk.found.clear()
        walk.run(graph, given, graph.outputs)
        return [(tf.cast(each.weight, tf.float32), tf.stack(each.ways)) for each in walk.found]

    values = constants()
    out.mkdir()
    return tuple(_write(walk.found, values, out))


def _write(found: list[Product], values: list[tuple[Any, Any]], out: Path) -> Iterator[Kernel]:
    for number, (each, (weight, ways)) in enumerate(zip(found, values, strict=True)):
        paths = out / f"{number:05}.npy", out / f"{number:05}-factors.npy"
        np.save(paths[0], weight.numpy())
        np.save(paths[1], ways.numpy())
        yield Kernel(each.layer, tuple(weight.shape), each.channels, *paths, each.groups)


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
        self._wholes: dict[Any, Any] = {}
        self.found: list[Product] = []

    def _carry_over(self, op: Any, inputs: Values) -> Values:
        varying = [value for value in inputs if isinstance(value, Varying)]
        unknown = [Varying()] * len(op.outputs)
        if not varying or op.type in CALLS:
            layer = self._layer(op)
            try:
                with self._inside(layer if layer in self._layers else self._around):
                    return self._known(op, inputs)
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
        kept = [
            value if tensor.dtype.name == "resource" else Varying()
            for tensor, value in zip(loop.inputs, inputs, strict=True)
        ]
        with self._inside(self._layer(loop)):
            self._function(body_of(loop, "body"), kept)

    @contextmanager
    def _inside(self, layer: str) -> Iterator[None]:
        """Ops of a function that are in no layer's scope are of the layer that calls it."""
        around, self._around = self._around, layer
        try:
            yield
        finally:
            self._around = around

    def _known(self, op: Any, inputs: Values) -> Values:
        """Results of constants; remembers what they are a run of columns of, which files may keep whole."""
        results = super()._carry_over(op, inputs)
        for result in results:
            if op.type in CUTS and is_cut(result, whole := inputs[op.type == "Split"]):
                self._wholes[result.ref()] = whole
            elif op.type in MOVES and inputs[0].ref() in self._wholes:
                self._wholes[result.ref()] = self._wholes[inputs[0].ref()]
        return results

    def _table(self, op: Any, table: Any) -> None:
        """Collects a table of two dimensions."""
        import tensorflow as tf

        if op.type == "ResourceGather" and not isinstance(table, Varying):
            table = raised(tf.raw_ops.ReadVariableOp(resource=table, dtype=op.get_attr("dtype")))
        if isinstance(table, Varying) or table.dtype != tf.float64 or not table.shape.is_fully_defined():
            return
        if table.shape.rank == 2:
            rows = tf.ones(table.shape[0], tf.float64)
            self.found.append(Product(self._layer(op), table, (0,), [rows]))

    def _product(self, op: Any, inputs: Values) -> Varying | None:
        import tensorflow as tf

        weight = inputs[WEIGHT]
        if isinstance(weight, Varying) or not weight.shape.is_fully_defined():
            return None
        if weight.dtype != tf.float64:
            return None
        channels = channels_of(op, weight.shape.rank)
        if not channels:
            return None
        found = Product(self._layer(op), weight, channels, groups=groups_of(op, weight))
        self.found.append(found)
        whole = self._wholes.get(weight.ref())
        if whole is not None and channels == (weight.shape.rank - 1,):
            every = tf.ones(whole.shape[-1], tf.float64)
            self.found.append(Product(found.layer, whole, (whole.shape.rank - 1,), [every]))
        one = tf.ones(found.columns, tf.float64)
        other = inputs[2 if op.type == "Conv2DBackpropInput" else 0]
        before = other.scale if isinstance(other, Varying) else None
        found.ways = [one] if before is None else [one, one * before]
        return Varying(found, tuple(found.ways))

    def _scaled(self, op: Any, value: Varying, others: Values) -> Varying | None:
        """What an op with constants makes of one value that varies; None where no weight can take it in."""
        import tensorflow as tf

        if op.type in ADDS or op.type in MOVES or op.type == "Sub":
            return value if value.product else Varying(scale=value.scale if op.type in MOVES else None)
        if op.type == "Mul":
            return times(value, others[0])
        if op.type == "RealDiv":
            return times(value, 1 / others[0])
        if op.type in NORMS and not op.get_attr("is_training"):
            scale, _, _, variance = others
            return times(value, scale / tf.sqrt(variance + op.get_attr("epsilon")))
        return None

    def _layer(self, op: Any) -> str:
        graph = op.graph
        if id(graph) not in self._names:
            names = (each.name for each in graph.get_operations())
            self._names[id(graph)] = LayerNames(names, self._layers)
        own = self._names[id(graph)].of(op.name)
        return own if own in self._layers or not self._around else self._around
