"""Correct exports that the judge must let pass: false alarms are counted on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from bench.detection.models import FLOAT32, MODELS, TARGETS
from bench.detection.workshop import Workshop, prepare_model
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
        heavy: built and exported once; only its inputs change with the seed.
    """

    case: Case
    build: Callable[[int], Any]
    targets: tuple[str, ...] = FLOAT32
    data: bool = False
    heavy: bool = False

    def prepare(self, seed: int, work: Path, samples: int) -> Workshop:
        """Exported, its answers recorded."""
        return prepare_model(
            self.build(seed), self.case, self.targets, work, samples=samples, seed=seed, data=self.data
        )


def _of_family(family: str) -> Net:
    size = FAMILIES[family]

    def build(seed: int) -> Any:
        return application(family, size, seed)

    case = Case(family, lambda k: build(0), ranges=_Everything((0.0, 255.0)))
    return Net(case, build, data=True, heavy=True)


class _Everything(dict[str, tuple[float, float]]):
    """One range for every input, whatever its name."""

    def __init__(self, bounds: tuple[float, float]) -> None:
        self._bounds = bounds

    def get(self, name: str, default: Any = None) -> Any:
        return self._bounds


def application(family: str, size: int, seed: int) -> Any:
    """A network of keras.applications for 10 classes, with logits and statistics that make them move."""
    import keras
    import numpy as np

    from bench.models import calibrate

    keras.utils.clear_session()
    keras.utils.set_random_seed(seed)
    rng = np.random.default_rng(seed)
    build = getattr(keras.applications, family)
    model = build(weights=None, input_shape=(size, size, 3), classes=10, classifier_activation=None)
    _wake(model, keras, rng)
    calibrate(model, rng)
    return model


def _wake(model: Any, keras: ModuleType, rng: Any) -> None:
    """ConvNeXt starts with branches at 1e-6 of their size: nothing in them would show."""
    for variable in model.weights:
        if variable.path.endswith("layer_scale/gamma") or "layer_scale" in variable.path:
            variable.assign(rng.uniform(0.1, 0.5, variable.shape))


NETS: Mapping[str, Net] = {
    **{name: Net(case, case.build, TARGETS.get(name, FLOAT32)) for name, case in MODELS.items()},
    **{name: Net(ZOO[name], ZOO[name].build) for line in SMALL for name in line.split()},
    **{family: _of_family(family) for family in FAMILIES},
}
"""Every network by its name."""
