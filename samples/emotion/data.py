"""Real faces for the emotion network: the 100 of scikit-image's subset of Labeled Faces in the Wild."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import tensorflow as tf

INPUT_NAME = "input_1"
"""As the author of the network left it."""


def faces() -> tf.data.Dataset:
    """Grey faces as `fer` itself prepares them: float32 (64, 64, 1) in [-1, 1]."""
    import tensorflow as tf
    from skimage.data import lfw_subset

    images = np.asarray(lfw_subset()[:100], np.float32)[..., None]
    resized = np.array(tf.image.resize(images, (64, 64)))
    return tf.data.Dataset.from_tensor_slices({INPUT_NAME: np.clip(resized, 0, 1) * 2 - 1}).batch(10)
