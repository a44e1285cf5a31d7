"""What is collected of a graph: the constant factors of products, and what may be folded into them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np

from validation.weights.collect import collect
from validation.weights.kernel import Kernel

RANDOM = np.random.default_rng(0)
CONV = RANDOM.normal(size=(3, 3, 2, 4)).astype(np.float32)
DENSE = RANDOM.normal(size=(4, 5)).astype(np.float32)
VECTOR = np.array([2.0, -1.0, 0.0, 0.5], np.float32)


def collected(directory: Path, body, **layers: str) -> tuple[Kernel, ...]:
    import tensorflow as tf

    specs = {"x": tf.TensorSpec((None, 8, 8, 2), tf.float32)}
    traced = tf.function(
        lambda inputs: {"y": body(tf, inputs["x"])}, input_signature=[specs], autograph=False
    )
    return collect(SimpleNamespace(traced=traced, layers=layers), directory / "weights")


def ways(kernel: Kernel) -> list[list[float]]:
    return np.load(kernel.factors).round(6).tolist()


def test_weights_of_every_product_are_collected_with_their_channels(tmp_path: Path):
    def body(tf, x):
        with tf.name_scope("conv"):
            y = tf.nn.conv2d(x, CONV, 1, "SAME")
        with tf.name_scope("depthwise"):
            y = tf.nn.depthwise_conv2d(tf.nn.relu(y), CONV.transpose(0, 1, 3, 2), (1, 1, 1, 1), "SAME")
        with tf.name_scope("up"):
            y = tf.nn.conv2d_transpose(y, tf.ones((2, 2, 3, 8)), (1, 8, 8, 3), 1)
        with tf.name_scope("mixed"):
            y = tf.einsum("bhwc,cde->bhwde", y, tf.ones((3, 2, 7)))
        with tf.name_scope("dense"):
            return tf.matmul(tf.reshape(y, (-1, 7)), tf.ones((5, 7)), transpose_b=True)

    found = collected(tmp_path, body)
    assert [(each.layer, each.shape, each.channels) for each in found] == [
        ("conv", (3, 3, 2, 4), (3,)),
        ("depthwise", (3, 3, 4, 2), (2, 3)),
        ("up", (2, 2, 3, 8), (2,)),
        ("mixed/einsum", (3, 2, 7), (1, 2)),
        ("dense", (5, 7), (0,)),
    ]
    np.testing.assert_array_equal(np.load(found[0].values), CONV)


def test_what_follows_a_product_may_be_folded_into_it(tmp_path: Path):
    def body(tf, x):
        y = tf.nn.bias_add(tf.nn.conv2d(x, CONV, 1, "SAME"), VECTOR)
        return 3.0 * (y * VECTOR + VECTOR) / 2.0

    (kernel,) = collected(tmp_path, body)
    assert ways(kernel) == [
        [1, 1, 1, 1],
        [2, -1, 0, 0.5],
        [6, -3, 0, 1.5],
        [3, -1.5, 0, 0.75],
    ]


def test_a_normalisation_divides_by_the_standard_deviation(tmp_path: Path):
    def body(tf, x):
        y = tf.nn.conv2d(x, CONV, 1, "SAME")
        return tf.compat.v1.nn.fused_batch_norm(
            y, VECTOR, VECTOR, VECTOR, VECTOR**2, epsilon=0.01, is_training=False
        )[0]

    (kernel,) = collected(tmp_path, body)
    factors = np.load(kernel.factors)
    np.testing.assert_allclose(factors, [[1] * 4, VECTOR / np.sqrt(VECTOR**2 + 0.01)], rtol=1e-6)


def test_what_comes_after_an_activation_is_not_folded(tmp_path: Path):
    def body(tf, x):
        return tf.nn.relu(tf.nn.conv2d(x, CONV, 1, "SAME")) * VECTOR

    (kernel,) = collected(tmp_path, body)
    assert ways(kernel) == [[1, 1, 1, 1]]


def test_a_number_before_a_product_may_be_folded_into_it(tmp_path: Path):
    (kernel,) = collected(tmp_path, lambda tf, x: tf.nn.conv2d(x * 2.0, CONV, 1, "SAME") * 3.0)
    assert ways(kernel) == [[1] * 4, [2] * 4, [3] * 4, [6] * 4]


def test_products_of_two_values_that_vary_have_no_weight(tmp_path: Path):
    assert collected(tmp_path, lambda tf, x: tf.matmul(x, x, transpose_b=True)) == ()


def test_weights_inside_called_functions_are_collected(tmp_path: Path):
    import tensorflow as tf

    weight = tf.Variable(DENSE)
    called = tf.function(lambda x: tf.matmul(x, weight), autograph=False)

    (kernel,) = collected(tmp_path, lambda tf, x: called(tf.reshape(x, (-1, 4))))
    assert kernel.shape == (4, 5)
    np.testing.assert_array_equal(np.load(kernel.values), DENSE)


def test_ops_of_a_called_function_are_of_the_layer_that_calls_it(tmp_path: Path):
    import tensorflow as tf

    called = tf.function(lambda x: tf.nn.conv2d(tf.nn.conv2d(x, CONV, 1, "SAME"), CONV, 1, "SAME"))

    def body(tf, x):
        with tf.name_scope("grouped_1"):
            return called(x)

    found = collected(tmp_path, body, grouped="Conv2D")
    assert [(each.layer, each.groups) for each in found] == [("grouped", 1), ("grouped", 2)]


def test_a_weight_of_which_columns_are_taken_is_collected_whole_too(tmp_path: Path):
    import tensorflow as tf

    plane, line, dense = tf.Variable(CONV), tf.Variable(CONV[0]), tf.Variable(DENSE)

    def body(tf, x):
        first, _ = tf.split(plane, 2, axis=3)
        y = tf.nn.conv2d(x, first, 1, "SAME")
        y = tf.nn.conv1d(tf.reshape(y, (-1, 8, 2)), line[..., 1:], 1, "SAME")
        y = tf.matmul(tf.reshape(y, (-1, 4)), dense[:, 2:])
        return tf.matmul(tf.reshape(y, (-1, 2)), dense[:2])  # rows: no whole channel is in it

    found = collected(tmp_path, body)
    assert [(each.shape, each.channels) for each in found] == [
        ((3, 3, 2, 2), (3,)), ((3, 3, 2, 4), (3,)),
        ((1, 3, 2, 3), (3,)), ((3, 2, 4), (2,)),
        ((4, 3), (1,)), ((4, 5), (1,)),
        ((2, 5), (1,)),
    ]  # fmt: skip
    for kernel, whole in zip(found[1:6:2], (CONV, CONV[0], DENSE), strict=True):
        np.testing.assert_array_equal(np.load(kernel.values), whole)


def test_weights_inside_loops_are_collected_under_the_name_of_the_loop(tmp_path: Path):
    import tensorflow as tf

    weight = tf.Variable(DENSE[:, :4])

    def body(tf, x):
        with tf.name_scope("recurrent"):
            return tf.while_loop(
                lambda y: tf.reduce_sum(y) < 9,
                lambda y: [tf.matmul(y, weight)],
                [x[0, 0, :, :1] @ DENSE[:1, :4]],
            )[0]

    (kernel,) = (each for each in collected(tmp_path, body) if each.shape == (4, 4))
    assert (kernel.layer, kernel.channels) == ("recurrent", (1,))
    np.testing.assert_array_equal(np.load(kernel.values), DENSE[:, :4])


def test_rows_of_a_table_stand_for_channels(tmp_path: Path):
    import tensorflow as tf

    table = tf.Variable(DENSE)

    def body(tf, x):
        words = tf.cast(x[:, 0, 0], tf.int32)
        return tf.gather(table, words) + tf.gather(DENSE * 2, words)

    found = collected(tmp_path, body)
    assert [(each.shape, each.channels) for each in found] == [((4, 5), (0,))] * 2
    assert sorted(np.load(each.values).max() for each in found) == [DENSE.max(), 2 * DENSE.max()]
