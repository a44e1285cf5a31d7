"""Correct exports that the judge must let pass: false alarms are counted on them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.detection.models import FLOAT32, MODELS, TARGETS
from bench.detection.workshop import SAMPLES, Workshop, prepare_model
from tests.zoo import ZOO
from tests.zoo_case import Case

FAMILIES: Mapping[str, int] = {
    "ConvNeXtTiny": 32,
    "DenseNet121": 32,
    "EfficientNetB0": 32,
    "EfficientNetV2B0": 32,
    "InceptionResNetV2": 75,
    "InceptionV3": 75,
    "MobileNet": 32,
    "MobileNetV2": 32,
    "MobileNetV3Small": 32,
    "NASNetMobile": 32,
    "ResNet50": 32,
    "ResNet50V2": 32,
    "VGG16": 32,
    "Xception": 71,
}
"""The smallest member of each family of keras.applications, and the smallest picture that it takes."""

FEW = 8
"""Pictures that these large networks are judged on, beside what the judge chooses by itself."""

SMALL = (
    "dense_mlp conv1d_causal_dilated conv2d_batchnorm conv2d_grouped conv2d_depthwise conv1d_separable",
    "conv2d_transposed pools lstm gru bidirectional attention leaky_relu norms resize_nearest_bilinear",
    "embedding_pooled embedding_masked_gru einsum_dense outputs_alike dynamic_spatial",
)
"""Cases of the tests' zoo."""


@dataclass(frozen=True)
class Net:
    """A network that is exported as it is.

    Attributes:
        case: what its inputs are.
        build: the network with the weights of a seed.
        targets: what it is exported to.
        data: judged on data of the case's range, instead of what the signature takes.
        samples: of its inputs.
    """

    case: Case
    build: Callable[[int], Any]
    targets: tuple[str, ...] = FLOAT32
    data: bool = False
    samples: int = SAMPLES

    def prepare(self, seed: int, work: Path) -> Workshop:
        """Exported with the weights of a seed, its answers to inputs of that seed recorded."""
        model = self.build(seed)
        return prepare_model(
            model, self.case, self.targets, work, samples=self.samples, seed=seed, data=self.data
        )


def _of_family(family: str) -> Net:
    def build(seed: int) -> Any:
        return application(family, FAMILIES[family], seed)

    case = Case(family, lambda keras: build(0), ranges=_Everything((0.0, 255.0)))
    return Net(case, build, data=True, samples=FEW)


class _Everything(dict[str, tuple[float, float]]):
    """One range for every input, whatever its name."""

    def __init__(self, bounds: tuple[float, float]) -> None:
        self._bounds = bounds

    def get(self, name: str, default: Any = None) -> Any:
        return self._bounds


def application(family: str, size: int, seed: int) -> Any:
    """A network of keras.applications for 10 classes, with seeded weights that make its logits move."""
    import keras

    from bench.models import calibrate

    keras.utils.clear_session()
    rng = np.random.default_rng(seed)
    build = getattr(keras.applications, family)
    model = build(weights=None, input_shape=(size, size, 3), classes=10, classifier_activation=None)
    _wake(model, rng)
    calibrate(model, rng)
    return model


DRAWN = {"bias": (-0.2, 0.2), "beta": (-0.2, 0.2), "gamma": (0.7, 1.3), "layer_scale": (0.1, 0.5)}
"""Bounds of what initializers leave at 0, at 1, or (ConvNeXt's branches) at 1e-6."""


def _wake(model: Any, rng: np.random.Generator) -> None:
    """Draws every weight so that the signal keeps its size down to the logits, as after a training.

    Kernels are normal with a variance of 2 / inputs (He et al. 2015, arXiv:1502.01852, eq. 10). Keras'
    own start divides a depthwise kernel by channels that it doesn't add up: MobileNet's logits move by
    3e-5 of their size.
    """
    for variable in model.weights:
        layer, _, name = variable.path.rpartition("/")
        shape, dtype = tuple(variable.shape), str(variable.dtype)
        bounds = DRAWN.get("layer_scale" if "layer_scale" in layer else name)
        if bounds is not None:
            variable.assign(rng.uniform(*bounds, shape).astype(dtype))
        elif name.endswith("kernel"):
            depthwise = name == "depthwise_kernel" or "depthwise" in layer
            added = math.prod(shape[:2] if depthwise else shape[:-1])
            variable.assign(rng.normal(0, math.sqrt(2 / added), shape).astype(dtype))


NETS: Mapping[str, Net] = {
    **{name: Net(case, case.build, TARGETS.get(name, FLOAT32)) for name, case in MODELS.items()},
    **{name: Net(ZOO[name], ZOO[name].build) for line in SMALL for name in line.split()},
    **{family: _of_family(family) for family in FAMILIES},
}
"""Every network by its name."""
