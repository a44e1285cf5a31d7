"""Half precision between the ops, simulated, against the same written out in NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from converters.signature import Signature, TensorSpec
from validation.truth.half import HalfTwin

RANDOM = np.random.default_rng(0)
W = RANDOM.normal(size=(4, 5)).astype(np.float32)
V = RANDOM.normal(size=(5, 4)).astype(np.float32)
B = RANDOM.normal(size=5).astype(np.float32)
X = RANDOM.uniform(-2, 2, (16, 4)).astype(np.float32)

SIGNATURE = Signature((TensorSpec("x", (None, 4), "float32"),), (TensorSpec("y", (None, None), "float32"),))


def simulated(body, x: np.ndarray = X) -> np.ndarray:
    import tensorflow as tf

    specs = {"x": tf.TensorSpec((None, 4), tf.float32)}
    traced = tf.function(
        lambda inputs: {"y": body(tf, inputs["x"])}, input_signature=[specs], autograph=False
    )
    return HalfTwin(traced, SIGNATURE).run({"x": x})["y"]


def half(values) -> np.ndarray:
    with np.errstate(over="ignore"):
        return np.asarray(values).astype(np.float16).astype(np.float64)


def test_inputs_weights_and_every_result_are_rounded():
    hidden = half(np.maximum(half(half(half(X) @ half(W)) + half(B)), 0))
    got = simulated(lambda tf, x: tf.nn.relu(x @ W + B) @ V)
    np.testing.assert_array_equal(got, half(hidden @ half(V)))


def test_constants_are_computed_before_they_are_rounded_once():
    """As converters fold them; rounded first, this scale would be 0 and its reciprocal infinite."""
    got = simulated(lambda tf, x: x * (1e9 * tf.constant(W[0, :4] * 1e-9)))
    product = 1e9 * (W[0, :4] * np.float32(1e-9)).astype(np.float64)
    np.testing.assert_array_equal(got, half(half(X) * half(product)))


@pytest.mark.parametrize(
    ("stored", "value"), [(1e-12, 2**-24), (-1e-12, -(2**-24)), (1e9, 65504.0), (-1e9, -65504.0), (0.0, 0.0)]
)
def test_constants_are_kept_within_its_range(stored: float, value: float):
    got = simulated(lambda tf, x: 0 * x + tf.constant(stored, tf.float32))
    np.testing.assert_array_equal(got, np.full(X.shape, value))


def test_results_leave_its_range_as_they_do_there():
    x = np.array([[1e-5, 300.0, -300.0, 1.0]], np.float32)
    got = simulated(lambda tf, x: x * x * x, x)
    np.testing.assert_array_equal(got, [[0.0, np.inf, -np.inf, 1.0]])
    assert simulated(lambda tf, x: tf.identity(x), np.full((1, 4), 1e-9, np.float32)).max() == 0


def test_loops_round_in_every_turn():
    def body(tf, x):
        return tf.while_loop(lambda n, _: n < 3, lambda n, v: (n + 1, v * B[:4]), (0, x))[1]

    want = half(X)
    for _ in range(3):
        want = half(want * half(B[:4]))
    np.testing.assert_array_equal(simulated(body), want)


def test_complex_numbers_are_rounded_in_both_parts():
    def body(tf, x):
        turned = tf.complex(x, x[:, ::-1]) * tf.complex(0.6, 0.8)
        return tf.math.real(turned) + tf.math.imag(turned)

    given = half(X) + 1j * half(X[:, ::-1])
    turned = given * (half(0.6) + 1j * half(0.8))
    np.testing.assert_array_equal(simulated(body), half(half(turned.real) + half(turned.imag)))


def test_what_is_no_float_stays_as_it_is():
    got = simulated(lambda tf, x: tf.cast(tf.cast(x * 1e4, tf.int32) // 1000, tf.float32))
    np.testing.assert_array_equal(got, np.trunc(half(half(X) * half(1e4))) // 1000)
