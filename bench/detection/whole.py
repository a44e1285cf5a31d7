"""Layers of one operation each, so that a fault in it has a layer to be blamed on."""

from __future__ import annotations

from typing import Any

import keras

OPERATIONS = {
    "floor_divide": lambda t: keras.ops.floor_divide(t, 4),
    "mod": lambda t: keras.ops.mod(t, 3),
    "cumsum": lambda t: keras.ops.cumsum(t, axis=1),
    "one_hot": lambda t: keras.ops.one_hot(t, 3),
    "clip": lambda t: keras.ops.clip(t, -20, 20),
    "round": keras.ops.round,
    "floor": keras.ops.floor,
    "positive": lambda t: keras.ops.where(t > 0, t, 0.1 * t - 1.0),
    "softplus": keras.ops.softplus,
    "shrunk": lambda t: keras.ops.exp(-keras.ops.abs(t)),
}


@keras.saving.register_keras_serializable("edgeproof_bench")
class Whole(keras.layers.Layer):
    """One of `OPERATIONS` on its input."""

    def __init__(self, operation: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.operation = operation

    def call(self, inputs: Any) -> Any:
        return OPERATIONS[self.operation](inputs)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "operation": self.operation}
