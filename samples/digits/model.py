"""A small convolutional network for scikit-learn's digits: 8 x 8 grey pixels, ten classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

SEEN = 1400
"""Digits for training, drawn at random from the 1,797; the others are held out."""


def digits() -> tf.data.Dataset:
    """All of them, in a random order that is always the same.

    Each is an image, float32 (8, 8, 1) in [0, 1], and its class, int64 in 0..9.
    """
    import tensorflow as tf
    from sklearn.datasets import load_digits

    data = load_digits()
    order = np.random.default_rng(0).permutation(len(data.images))
    images = (data.images[order, ..., None] / 16.0).astype(np.float32)
    return tf.data.Dataset.from_tensor_slices((images, data.target[order].astype(np.int64)))


def build() -> keras.Model:
    """The untrained network."""
    import keras
    from keras import layers

    return keras.Sequential(
        [
            keras.Input((8, 8, 1), name="image"),
            layers.Conv2D(16, 3, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dropout(0.3),
            layers.Dense(64, activation="relu"),
            layers.Dense(10, activation="softmax", name="digit"),
        ],
        name="digits",
    )


def train(batch: int, seed: int) -> tuple[keras.Model, tf.data.Dataset, tf.data.Dataset]:
    """The compiled network, its training data and its held-out data."""
    model = build()
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model, digits().take(SEEN).shuffle(SEEN, seed=seed).batch(batch), held_out()


def held_out() -> tf.data.Dataset:
    """The 397 digits that training never sees; the exports are judged on them."""
    return digits().skip(SEEN).batch(32)


def seen() -> tf.data.Dataset:
    """Digits of the training, to calibrate integer exports with."""
    return digits().take(SEEN).batch(32)
