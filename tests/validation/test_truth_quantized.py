"""Simulated 8-bit roundings, against the same written out in NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from converters.signature import Signature, TensorSpec
from validation.truth.quantized import QuantizedTwin

RANDOM = np.random.default_rng(0)
W = RANDOM.normal(size=(4, 5)).astype(np.float32)
V = RANDOM.normal(size=(5, 3)).astype(np.float32)
B = RANDOM.normal(size=5).astype(np.float32)
X = RANDOM.uniform(-2, 2, (16, 4)).astype(np.float32)

SIGNATURE = Signature((TensorSpec("x", (None, 4), "float32"),), (TensorSpec("y", (None, 3), "float32"),))


def traced(body):
    import tensorflow as tf

    specs = {"x": tf.TensorSpec((None, 4), tf.float32)}
    return tf.function(lambda inputs: {"y": body(tf, inputs["x"])}, input_signature=[specs], autograph=False)


def simulated(body, precision: str) -> np.ndarray:
    return QuantizedTwin(traced(body), SIGNATURE, precision).run({"x": X})["y"]


def rounded(values: np.ndarray, low: float | None = None, high: float | None = None) -> np.ndarray:
    values = values.astype(np.float64)
    low = min(values.min(), 0.0) if low is None else low
    high = max(values.max(), 0.0) if high is None else high
    scale = (high - low) / 255
    zero = np.round(-low / scale)
    return (np.clip(np.round(values / scale) + zero, 0, 255) - zero) * scale


def weights(values: np.ndarray) -> np.ndarray:
    scale = np.abs(values.astype(np.float64)).max(axis=0, keepdims=True) / 127
    return np.round(values / scale) * scale


def two_layers(tf, x):
    return tf.nn.relu(x @ W + B) @ V


def test_int8_rounds_weights_inputs_and_results_and_fused_ops_once():
    hidden = rounded(np.maximum(rounded(X) @ weights(W) + B.astype(np.float64), 0))
    np.testing.assert_allclose(simulated(two_layers, "int8"), rounded(hidden @ weights(V)), atol=1e-12)


def test_dynamic_int8_rounds_both_factors_of_a_product():
    hidden = np.maximum(rounded(X) @ weights(W) + B.astype(np.float64), 0)
    np.testing.assert_allclose(
        simulated(two_layers, "dynamic_int8"), rounded(hidden) @ weights(V), atol=1e-12
    )


def test_other_activations_are_rounded_apart():
    want = rounded(np.tanh(rounded(rounded(X) @ weights(W))), -1.0, 127 / 128)
    got = simulated(lambda tf, x: tf.tanh(x @ W), "int8")
    np.testing.assert_allclose(got, want, atol=1e-12)


@pytest.mark.parametrize("precision", ["int8", "dynamic_int8"])
def test_what_moves_values_rounds_nothing(precision):
    want = np.flip(rounded(X) if precision == "int8" else X, 1)
    got = simulated(lambda tf, x: tf.reverse(tf.reshape(x, (-1, 4)), [1]), precision)
    np.testing.assert_allclose(got, want, atol=1e-12)


def test_a_softmax_at_an_output_is_left_in_float():
    logits = rounded(rounded(X) @ weights(W))
    want = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    np.testing.assert_allclose(simulated(lambda tf, x: tf.nn.softmax(x @ W), "int8"), want, atol=1e-12)


def test_numbers_that_are_none_stay_what_they_are():
    odd = X.copy()
    odd[0, 0], odd[1, 1] = np.nan, np.inf
    found = QuantizedTwin(traced(lambda tf, x: tf.identity(x)), SIGNATURE, "int8").run({"x": odd})["y"]
    assert np.isnan(found[0, 0])
    assert np.isinf(found[1, 1])
    assert np.isfinite(found).sum() == odd.size - 2
