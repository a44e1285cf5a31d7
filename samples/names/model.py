"""Reads a first name letter by letter and says how likely it is a woman's.

The corpus is the list of the 1990 US census that the package `names` carries.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

LETTERS = "abcdefghijklmnopqrstuvwxyz"
LONGEST = 11
"""Letters of the longest name in the corpus."""


def encode(name: str, length: int = LONGEST) -> np.ndarray:
    """A name as int32 (length,): 1..26 for a..z, 0 after its end."""
    places = [LETTERS.index(letter) + 1 for letter in name.lower()]
    return np.array(places + [0] * (length - len(places)), np.int32)


def corpus() -> tuple[list[str], np.ndarray]:
    """Every first name that the census gives to one sex only, shuffled, and 1.0 where it is a woman's."""
    import names

    directory = Path(names.__file__).parent
    women, men = (
        {line.split()[0].lower() for line in (directory / f"dist.{sex}.first").read_text().splitlines()}
        for sex in ("female", "male")
    )
    words = sorted(women ^ men)
    order = np.random.default_rng(0).permutation(len(words))
    words = [words[place] for place in order]
    return words, np.array([word in women for word in words], np.float32)


def train(batch: int) -> tuple[keras.Model, tf.data.Dataset, tf.data.Dataset]:
    """The compiled network, its training data and its held-out data."""
    import keras
    from keras import layers

    letters = keras.Input((None,), dtype="int32", name="letters")
    hidden = layers.Embedding(len(LETTERS) + 1, 16, mask_zero=True)(letters)
    hidden = layers.LSTM(32)(hidden)
    model = keras.Model(letters, layers.Dense(1, activation="sigmoid", name="woman")(hidden), name="names")
    model.compile(optimizer=keras.optimizers.Adam(0.005), loss="binary_crossentropy", metrics=["accuracy"])

    return model, spelt()[0].batch(batch), held_out()


def spelt() -> tuple[tf.data.Dataset, tf.data.Dataset]:
    """Four fifths for training and the rest: letters, int32 (11,), and 1.0 for a woman's name."""
    import tensorflow as tf

    words, women = corpus()
    letters = np.stack([encode(word) for word in words])
    data, cut = tf.data.Dataset.from_tensor_slices((letters, women)), len(words) * 4 // 5
    return data.take(cut), data.skip(cut)


def held_out() -> tf.data.Dataset:
    """The fifth of the names that training never sees; the exports are judged on them."""
    return spelt()[1].batch(32)


def seen() -> tf.data.Dataset:
    """Names of the training, to calibrate integer exports with."""
    return spelt()[0].batch(32)
