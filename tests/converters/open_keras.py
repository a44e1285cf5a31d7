"""An OpenModel around a Keras model that is already in memory, for tests of what comes after loading."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from converters.signature import Signature, TensorSpec


class InMemory:
    """A Keras model as `converters.source.OpenModel` wants it."""

    def __init__(self, model: Any) -> None:
        self.trackable = model
        self.layers = {layer.name: type(layer).__name__ for layer in model.layers}
        inputs = _specs(_names(model.inputs), model.inputs)
        outputs = _specs(_names(model.outputs), model.outputs)
        self.signature = Signature(inputs, outputs)

    def function(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        import tensorflow as tf

        functional = getattr(self.trackable, "_functional", self.trackable)
        given = tf.nest.pack_sequence_as(functional._inputs_struct, list(inputs.values()))
        outputs = tf.nest.flatten(self.trackable(given, training=False))
        return dict(zip(self.signature.output_names, outputs, strict=True))


def _names(tensors: list[Any]) -> list[str]:
    names = [tensor._keras_history.operation.name for tensor in tensors]
    return [f"{name}_{names[:i].count(name)}" if name in names[:i] else name for i, name in enumerate(names)]


def _specs(names: list[str], tensors: list[Any]) -> tuple[TensorSpec, ...]:
    rows = zip(names, tensors, strict=True)
    return tuple(TensorSpec(name, tuple(tensor.shape), str(tensor.dtype)) for name, tensor in rows)
