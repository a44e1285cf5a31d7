"""Ops whose int8 kernels are wrong stay in float32."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from converters.convert import convert
from converters.frozen import ConversionOptions
from converters.target import ExportTarget
from converters.tflite import static_int8
from tests.converters.exporting import answers, freeze_keras, of_keras

RNG = np.random.default_rng(0)
SHAPE = (32, 4, 4)


def one_hot(x):
    import tensorflow as tf

    return tf.one_hot(tf.cast(tf.abs(x[:, 0]), tf.int32), 4)


def scattered(x):
    import tensorflow as tf

    return tf.scatter_nd([[0], [2]], tf.abs(x[:2]), [4, *SHAPE[1:]])


def diagonal(x):
    import tensorflow as tf

    return tf.linalg.diag(tf.abs(x) + 1.0)


def with_diagonal(x):
    import tensorflow as tf

    return tf.linalg.set_diag(tf.abs(x) + 1.0, x[:, 0] * 3.0)


def model_of(function) -> Any:
    import keras

    class Plain(keras.layers.Layer):
        def call(self, x):
            return function(x)

    x = keras.Input(SHAPE[1:], name="x")
    return keras.Model(x, Plain(name="y")(x))


@pytest.mark.parametrize("function", [one_hot, scattered, diagonal, with_diagonal])
def test_int8_keeps_ops_in_float_whose_kernels_ignore_zero_points(function, tmp_path, monkeypatch):
    model = model_of(function)
    feed = {"x": RNG.uniform(-2, 2, SHAPE).astype("f4")}
    np.savez(tmp_path / "calibration.npz", **feed)
    graph, want = freeze_keras(model, tmp_path / "frozen"), of_keras(model, feed)["y"]

    def error(folder: str) -> float:
        options = ConversionOptions(calibration=(tmp_path / "calibration.npz",))
        artifact = convert(graph, ExportTarget("tflite", "int8"), tmp_path / folder, options)
        return float(np.abs(answers(artifact, "litert-cpu", feed)["y"] - want).max())

    step = float(np.ptp(want)) / 255
    assert error("cured") < 2 * step
    monkeypatch.setattr(static_int8, "FLOAT_OPS", frozenset())
    assert error("plain") > 10 * step, "TensorFlow's quantizer does it right by itself: the cure can go"
