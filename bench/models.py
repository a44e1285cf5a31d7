"""Makes a network of keras.applications that can witness something: `python -m bench.models NAME FILE`.

With `weights=None` BatchNorm's statistics are 0 and 1, and the softmax is flat whatever goes in. Here the
statistics come from data, and the last layer gives logits.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras
    import numpy as np

NAMES = ("MobileNetV2", "ResNet50", "EfficientNetV2B0")
TINY = "tiny"
"""A network of two layers, to try the benchmark itself."""

SAMPLES = 32


def build(name: str) -> keras.Model:
    """The network with seeded weights and calibrated statistics."""
    import keras
    import numpy as np

    keras.utils.set_random_seed(0)
    if name == TINY:
        layers = [keras.layers.Conv2D(8, 3), keras.layers.BatchNormalization(), keras.layers.Flatten()]
        model = keras.Sequential([keras.Input((16, 16, 3)), *layers, keras.layers.Dense(10)])
    else:
        model = getattr(keras.applications, name)(weights=None, classifier_activation=None)
    calibrate(model, np.random.default_rng(0))
    return model


def calibrate(model: keras.Model, rng: np.random.Generator) -> None:
    """Gives every BatchNorm the statistics of one batch of uniform inputs in [0, 255]."""
    import keras
    import numpy as np

    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    momenta = [layer.momentum for layer in norms]
    for layer in norms:
        layer.momentum = 0.0  # nothing of the statistics that it has is kept
    model(rng.uniform(0, 255, (SAMPLES, *model.input_shape[1:])).astype(np.float32), training=True)
    for layer, momentum in zip(norms, momenta, strict=True):
        layer.momentum = momentum


if __name__ == "__main__":
    build(sys.argv[1]).save(sys.argv[2])
