"""Ops that TFLite lacks: each is refused without its pass, and agrees with Keras with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from converters import passes
from converters.errors import EdgeproofError
from tests.converters.tflite_helpers import answers, chain, exported, worst


def _cases():
    import keras

    layers, ops = keras.layers, keras.ops
    return {
        "maxpool3d": ((5, 7, 6, 2), layers.MaxPooling3D((2, 3, 2), (2, 2, 1), padding="same")),
        "maxpool3d-dynamic": ((None, None, 6, 2), layers.MaxPooling3D(2)),
        "averagepool3d": ((5, 5, 4, 2), layers.AveragePooling3D(2, padding="same")),
        "dilated-conv3d": ((6, 6, 7, 2), layers.Conv3D(2, 2, dilation_rate=(2, 2, 3))),
        "bicubic": ((6, 7, 3), layers.Resizing(9, 5, interpolation="bicubic")),
        "erf": ((9,), layers.Lambda(lambda t: ops.erf(3 * t))),
        "erfinv": ((9,), layers.Lambda(lambda t: ops.erfinv(ops.tanh(t)))),
        "argmax": ((9,), layers.Lambda(lambda t: ops.argmax(t, axis=-1), dtype="float32")),
        "roll": ((9, 3), layers.Lambda(lambda t: ops.roll(t, 2, axis=1))),
        "cumprod": ((9,), layers.Lambda(lambda t: ops.cumprod(t, axis=1))),
        "multi-hot": ((5,), layers.CategoryEncoding(7, output_mode="multi_hot")),
        "count": ((5,), layers.CategoryEncoding(7, output_mode="count")),
    }


NAMES = [
    *("maxpool3d", "maxpool3d-dynamic", "averagepool3d", "dilated-conv3d", "bicubic", "erf", "erfinv"),
    *("argmax", "cumprod", "multi-hot", "count", "roll"),
]


def _model_and_feeds(name: str):
    shape, layer = _cases()[name]
    rng = np.random.default_rng(0)
    feeds = []
    for samples in (3, 1, 2):
        size = (samples, *(6 if n is None else n for n in shape))
        encoded = name in ("multi-hot", "count")
        x = rng.integers(0, 7, size) if encoded else rng.normal(size=size)
        feeds.append({"x": x.astype(np.float32)})
    return chain(shape, layer), feeds


@pytest.mark.parametrize("name", NAMES)
def test_op_is_written_in_others_and_agrees(name: str, tmp_path: Path) -> None:
    model, feeds = _model_and_feeds(name)
    artifact = exported(model, tmp_path)
    assert artifact.notes
    assert worst(model, artifact, feeds) < 2e-6


@pytest.mark.parametrize("name", NAMES)
def test_op_is_refused_without_its_pass(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(passes.PASSES, "tflite", ())
    with pytest.raises(EdgeproofError) as caught:
        exported(_model_and_feeds(name)[0], tmp_path)
    assert caught.value.status == 3


def test_erfc_becomes_erf_for_the_formats_that_lack_it(tmp_path: Path) -> None:
    import keras

    from converters.freeze import load_graph_def
    from converters.graph_edit import all_nodes
    from converters.passes import exact_gelu
    from tests.converters.tflite_helpers import frozen

    graph = frozen(chain((4,), keras.layers.Dense(3, activation="gelu")), tmp_path)
    graph_def = load_graph_def(graph)
    assert "Erfc" in {node.op for node in all_nodes(graph_def)}
    assert exact_gelu.apply(graph_def) == ["1 Erfc written as 1 - Erf (exact GELU)"]
    assert "Erfc" not in {node.op for node in all_nodes(graph_def)}
    assert exact_gelu.apply(graph_def) == []


NEAR_ZERO = {
    "softplus": [95.0, -95, 0, 1e4, -20, -4.6, 30, 1e-8, -0.5, 12],
    "log1p": [1e-9, -1e-9, 0, 1e4, 3e-8, 1e-30, -0.5, 0.5, -0.99, 3],
}


@pytest.mark.parametrize(("name", "values"), NEAR_ZERO.items(), ids=NEAR_ZERO.keys())
def test_logarithms_near_one_keep_their_digits(
    name: str, values: list[float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import keras

    model = chain((10,), keras.layers.Lambda(getattr(keras.ops, name)))
    feeds = [{"x": np.array([values], np.float32)}]

    def error(directory: Path) -> float:
        (got,) = answers(exported(model, directory), feeds)[0].values()
        exact = feeds[0]["x"].astype(np.float64)
        right = np.logaddexp(0, exact) if name == "softplus" else np.log1p(exact)
        return float(np.max(np.abs(got - right) / np.maximum(np.abs(right), 1e-30)))

    assert error(tmp_path / "cured") < 5e-7
    monkeypatch.setitem(passes.PASSES, "tflite", ())
    assert error(tmp_path / "plain") > 0.01
