"""What the TFLite tests have in common: a Keras model to a file, and the file to its answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from converters.artifact import Artifact
from converters.convert import convert
from converters.freeze import freeze_model
from converters.frozen import ConversionOptions, FrozenGraph
from converters.target import ExportTarget
from tests.converters.open_keras import InMemory

FLOAT32 = ExportTarget("tflite", "float32")


def chain(shape: tuple[int | None, ...], *layers: Any, batch: int | None = None) -> Any:
    """A Keras model of one input "x" and one layer after the other."""
    import keras

    x = inputs = keras.Input(shape, batch_size=batch, name="x")
    for layer in layers:
        x = layer(x)
    return keras.Model(inputs, x)


def frozen(model: Any, directory: Path) -> FrozenGraph:
    return freeze_model(InMemory(model), "0" * 64, directory / "graph")


def exported(model: Any, directory: Path, precision: str = "float32", **options: Any) -> Artifact:
    target = ExportTarget("tflite", precision)
    return convert(frozen(model, directory), target, directory / target.slug, ConversionOptions(**options))


def answers(artifact: Artifact, feeds: Iterable[Mapping[str, np.ndarray]]) -> list[dict[str, np.ndarray]]:
    """All feeds through one interpreter, one after the other."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(artifact.entry_path))
    runner = interpreter.get_signature_runner(artifact.signature_key)
    return [{name: array.copy() for name, array in runner(**feed).items()} for feed in feeds]


def worst(model: Any, artifact: Artifact, feeds: list[dict[str, np.ndarray]]) -> float:
    """Greatest difference from Keras over all outputs and feeds, relative to the greatest value.

    Shapes must be the same; NaN and equal infinities agree.
    """
    original = InMemory(model)
    found = 0.0
    for feed, got in zip(feeds, answers(artifact, feeds), strict=True):
        want = {name: np.asarray(value) for name, value in original.function(dict(feed)).items()}
        assert got.keys() == want.keys()
        for name, expected in want.items():
            assert got[name].shape == expected.shape, name
            np.testing.assert_array_equal(np.isnan(got[name]), np.isnan(expected))
            a, b = (
                np.nan_to_num(array.astype(np.float64), posinf=1e9, neginf=-1e9)
                for array in (got[name], expected)
            )
            found = max(found, float(np.abs(a - b).max() / max(np.abs(b).max(), 1e-30)))
    return found


def _finite(array: np.ndarray) -> np.ndarray:
    return np.nan_to_num(array.astype(np.float64), posinf=1e9, neginf=-1e9)


def normal(*shapes: tuple[int, ...]) -> list[dict[str, np.ndarray]]:
    """One seeded feed of input "x" for each shape."""
    rng = np.random.default_rng(0)
    return [{"x": rng.normal(size=shape).astype(np.float32)} for shape in shapes]
