"""From a Keras model in memory to an artifact and its answers, for the tests of single formats."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from converters import to_onnx, to_tfjs
from converters.artifact import Artifact
from converters.freeze import freeze_model
from converters.frozen import ConversionOptions, FrozenGraph
from tests.converters.open_keras import InMemory
from validation.runtimes import runtime

FORMATS = {"onnx": to_onnx, "tfjs": to_tfjs}


def freeze_keras(model: Any, directory: Path) -> FrozenGraph:
    return freeze_model(InMemory(model), "0" * 64, directory)


def export(model: Any, format: str, directory: Path, **options: Any) -> Artifact:
    """The float32 artifact, confirmed."""
    graph = freeze_keras(model, directory / "frozen")
    artifact = FORMATS[format].convert(graph, directory / format, ConversionOptions(**options))
    FORMATS[format].confirm(artifact)
    return artifact


def answers(artifact: Artifact, runtime_name: str, feed: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    with runtime(runtime_name).open(artifact) as session:
        return session.run(feed)


def of_keras(model: Any, feed: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What the model itself answers, by output name."""
    opened = InMemory(model)
    return {name: np.asarray(value) for name, value in opened.function(feed).items()}


def op_model(keras: Any, function: Callable[..., Any], *shapes: Sequence[int | None], dtype="float32") -> Any:
    """A model of one Lambda layer named "op" with inputs "x0", "x1" …, batch dimension not included."""
    inputs = [keras.Input(shape, name=f"x{index}", dtype=dtype) for index, shape in enumerate(shapes)]
    layer = keras.layers.Lambda(lambda values: function(*values), name="op")
    return keras.Model(inputs, layer(inputs))


def relative_error(got: np.ndarray, want: np.ndarray) -> float:
    """Greatest difference over the range of what is wanted."""
    difference = np.abs(got.astype(np.float64) - want.astype(np.float64)).max()
    return float(difference / (np.ptp(want.astype(np.float64)) or 1.0))
