"""One Dense unit, stochastic gradient descent, mean squared error: y = 2x - 1 from six points."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras
    import tensorflow as tf


def train(batch: int) -> tuple[keras.Model, tf.data.Dataset]:
    """The untrained model and the six points (float32, shape (batch, 1))."""
    import keras
    import tensorflow as tf

    x = np.array([[-1.0], [0.0], [1.0], [2.0], [3.0], [4.0]], np.float32)
    inputs = keras.Input((1,), name="x")
    model = keras.Model(inputs, keras.layers.Dense(1, name="y")(inputs), name="linear")
    model.compile(optimizer=keras.optimizers.SGD(0.01), loss="mean_squared_error")
    return model, tf.data.Dataset.from_tensor_slices((x, 2 * x - 1)).batch(batch)


def held_out() -> tf.data.Dataset:
    """Points between and beyond the six, the famous 10 among them."""
    import tensorflow as tf

    x = np.concatenate([np.linspace(-10, 9.5, 40), [10.0]]).astype(np.float32)
    return tf.data.Dataset.from_tensor_slices({"x": x[:, None]}).batch(8)
