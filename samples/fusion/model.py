"""Reads a digit from the picture of its upper half and the column sums of its lower half.

Neither input suffices alone. Two answers: which digit, and whether it is even.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

SEEN = 1400
"""Digits for training, drawn at random from the 1,797; the others are held out."""


def halves() -> tf.data.Dataset:
    """All digits, in a random order that is always the same.

    Inputs are `picture`, uint8 (4, 8, 1), and `columns`, float32 (8,) in [0, 1];
    labels are `digit`, int64 in 0..9, and `even`, float32 (1,), 1.0 or 0.0.
    """
    import tensorflow as tf
    from sklearn.datasets import load_digits

    data = load_digits()
    order = np.random.default_rng(0).permutation(len(data.images))
    images, digit = data.images[order], data.target[order].astype(np.int64)
    inputs = {
        "picture": (images[:, :4, :, None] * (255 / 16)).astype(np.uint8),
        "columns": (images[:, 4:].sum(axis=1) / 64).astype(np.float32),
    }
    labels = {"digit": digit, "even": (digit % 2 == 0).astype(np.float32)[:, None]}
    return tf.data.Dataset.from_tensor_slices((inputs, labels))


def build() -> keras.Model:
    """The untrained network, its inputs and outputs by name."""
    import keras
    from keras import layers

    picture = keras.Input((4, 8, 1), dtype="uint8", name="picture")
    columns = keras.Input((8,), name="columns")
    seen = layers.Conv2D(16, 3, padding="same", activation="relu")(layers.Rescaling(1 / 255)(picture))
    joined = layers.Concatenate()([layers.Flatten()(seen), layers.Dense(16, activation="relu")(columns)])
    hidden = layers.Dense(64, activation="gelu")(joined)
    outputs = {
        "digit": layers.Dense(10, activation="softmax", name="digit")(hidden),
        "even": layers.Dense(1, activation="sigmoid", name="even")(hidden),
    }
    return keras.Model({"picture": picture, "columns": columns}, outputs, name="fusion")


def train(batch: int, seed: int) -> tuple[keras.Model, tf.data.Dataset, tf.data.Dataset]:
    """The compiled network, its training data and its held-out data."""
    model = build()
    model.compile(
        optimizer="adam",
        loss={"digit": "sparse_categorical_crossentropy", "even": "binary_crossentropy"},
        metrics={"digit": "accuracy", "even": "accuracy"},
    )
    return model, halves().take(SEEN).shuffle(SEEN, seed=seed).batch(batch), held_out()


def held_out() -> tf.data.Dataset:
    """The 397 digits that training never sees; the exports are judged on them."""
    return halves().skip(SEEN).batch(32)


def seen() -> tf.data.Dataset:
    """Digits of the training, to calibrate integer exports with."""
    return halves().take(SEEN).batch(32)
