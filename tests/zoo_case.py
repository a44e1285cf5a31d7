"""What a case of the zoo is, and the decorator that enters one."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from converters.signature import Signature
from converters.target import ExportTarget

if TYPE_CHECKING:
    import keras

DYNAMIC_SIZE = 6
"""What a dynamic dimension is set to, where a case doesn't say."""

NO_ELU = {
    "litert-reference": ("unavailable", "LiteRT has no reference kernel for ELU; litert-cpu runs the file")
}

OPENVINO_DIES = {"onnxruntime-openvino": ("error", "onnxruntime-openvino was killed by signal 11")}
"""OpenVINO's provider 1.24.1, of some of ONNX' `Loop`s."""

OPENVINO_TAKES_NONE = {"onnxruntime-openvino": ("error", "OpenVINOExecutionProvider took none of the nodes")}
"""It leaves other floats than float32 to the CPU."""


@dataclass(frozen=True)
class Case:
    """One tiny model.

    Attributes:
        id: its name in the battery.
        builder: takes the `keras` module, gives the model.
        ranges: least and greatest input value by input name; the default is [-2, 2] for floats,
            [0, 1] for integers.
        sizes: sizes of an input's dimensions without the batch, where some are dynamic.
        refused: from target pattern ("tflite:*") to the layer and op that stand in the way.
        gaps: from a runtime that can't run it to its verdict and what the reason of that says.
        custom_objects: `module:name` of what a loader must know.
        quick: in the fast suite too; the others are heavy.
    """

    id: str
    builder: Callable[[ModuleType], keras.Model]
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    sizes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    refused: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    gaps: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    custom_objects: tuple[str, ...] = ()
    quick: bool = False

    def build(self, seed: int = 0) -> keras.Model:
        """The model, with the same names and weights in every process; other weights by another seed."""
        import keras

        keras.utils.clear_session()
        number = zlib.crc32(f"{self.id}{seed or ''}".encode())
        keras.utils.set_random_seed(number)
        model = self.builder(keras)
        _stir(model, np.random.default_rng(number))
        return model

    def feeds(self, signature: Signature, samples: int = 4, seed: int = 0) -> dict[str, np.ndarray]:
        """Seeded inputs by Keras name, `samples` of them even where the batch is fixed."""
        rng = np.random.default_rng(seed)
        return {
            spec.name: _draw(
                rng, self._shape(spec.name, spec.shape, samples), spec.dtype, self.ranges.get(spec.name)
            )
            for spec in signature.inputs
        }

    def refusal(self, target: ExportTarget) -> tuple[str, str] | None:
        """The layer and op for which this target must be refused, or None."""
        found = [why for pattern, why in self.refused.items() if fnmatchcase(str(target), pattern)]
        return found[0] if found else None

    def _shape(self, name: str, shape: tuple[int | None, ...], samples: int) -> tuple[int, ...]:
        default = tuple(DYNAMIC_SIZE if size is None else size for size in shape[1:])
        return (samples, *self.sizes.get(name, default))


CASES: list[Case] = []


def case(**facts):
    """Enters a builder, named like its case, into the zoo."""

    def enter(builder: Callable[[ModuleType], keras.Model]) -> Callable[[ModuleType], keras.Model]:
        CASES.append(Case(builder.__name__, builder, **facts))
        return builder

    return enter


def _draw(
    rng: np.random.Generator, shape: tuple[int, ...], dtype: str, bounds: tuple[float, float] | None
) -> np.ndarray:
    if dtype == "bool":
        return rng.integers(0, 2, shape).astype(bool)
    if np.issubdtype(np.dtype(dtype), np.integer):
        low, high = bounds or (0, 1)
        return rng.integers(int(low), int(high), shape, endpoint=True).astype(dtype)
    low, high = bounds or (-2.0, 2.0)
    return rng.uniform(low, high, shape).astype(dtype)


def _stir(model: keras.Model, rng: np.random.Generator) -> None:
    """Moves what initializers leave at 0 or 1, so that a lost bias or a swapped statistic shows."""
    spread = {"bias": (-0.3, 0.3), "beta": (-0.3, 0.3), "gamma": (0.5, 1.5)}
    spread |= {
        "moving_mean": (-0.3, 0.3),
        "moving_variance": (0.5, 1.5),
        "embeddings": (-1.0, 1.0),
        "alpha": (0.1, 0.4),
        "scale": (0.5, 1.5),
    }
    for variable in model.weights:
        bounds = spread.get(variable.path.rsplit("/", 1)[-1])
        if bounds is not None:
            variable.assign(rng.uniform(*bounds, variable.shape).astype(str(variable.dtype)))
