from __future__ import annotations

import numpy as np
import pytest

from converters.onnx_model import padding
from tests.converters.exporting import answers, export, of_keras, relative_error


def padded_pool(before: str | None):
    import keras

    inputs = keras.Input((6, 6, 2), name="x")
    convolution = keras.layers.Conv2D(2, 1, activation=before, use_bias=False)
    x = keras.layers.ZeroPadding2D(1)(convolution(inputs))
    outputs = keras.layers.MaxPooling2D(3, strides=2, name="pooled")(x)
    convolution.set_weights([np.eye(2, dtype="f4").reshape(1, 1, 2, 2)])
    return keras.Model(inputs, outputs)


def errors(model, artifact) -> dict[str, float]:
    feed = {"x": -np.random.default_rng(0).uniform(1, 2, (2, 6, 6, 2)).astype("f4")}
    want = of_keras(model, feed)["pooled"]
    names = ("onnxruntime-cpu", "onnxruntime-unoptimized")
    return {name: relative_error(answers(artifact, name, feed)["pooled"], want) for name in names}


@pytest.mark.parametrize("opset", [None, 15])
def test_a_zero_pad_before_a_pool_is_right_under_the_defaults(opset, tmp_path):
    model = padded_pool(None)
    artifact = export(model, "onnx", tmp_path, opset=opset)
    assert max(errors(model, artifact).values()) < 1e-6
    assert [note.partition(": ")[2] for note in artifact.notes] == [
        "protected from ONNX Runtime's Pad_Fusion, which is wrong here"
    ]


def test_without_the_protection_onnx_runtime_is_wrong(tmp_path, monkeypatch):
    """When this fails, ONNX Runtime has mended Pad_Fusion, and `padding.py` can go."""
    monkeypatch.setattr(padding, "protect_padding", lambda model, opset: [])
    model = padded_pool(None)
    found = errors(model, export(model, "onnx", tmp_path))
    assert found["onnxruntime-unoptimized"] < 1e-6
    assert found["onnxruntime-cpu"] > 1e-2


def test_the_fusion_stays_where_it_does_no_harm(tmp_path):
    """ResNet50 pads behind a ReLU: there the fusion is right, and faster."""
    artifact = export(padded_pool("relu"), "onnx", tmp_path)
    assert artifact.notes == ()


def test_an_average_pool_is_right_without_protection(tmp_path):
    import keras

    inputs = keras.Input((6, 6, 2), name="x")
    x = keras.layers.ZeroPadding2D(1)(keras.layers.Conv2D(2, 1)(inputs))
    model = keras.Model(inputs, keras.layers.AveragePooling2D(3, strides=2, name="pooled")(x))
    assert max(errors(model, export(model, "onnx", tmp_path)).values()) < 1e-6
