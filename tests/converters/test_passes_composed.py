"""The cures that write an op in other ops, held against TensorFlow's own op in a plain session."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from converters.graph_edit import all_nodes
from converters.passes import composed_for_onnx, composed_for_tfjs, einsum, grouped_convolution, sign_bit

RNG = np.random.default_rng(0)
SMALL = RNG.uniform(-3, 3, (2, 4, 6, 4)).astype("f4")
INTEGERS = np.array([-7, -6, -1, 0, 1, 7, 8, -8], "i4")
DIVISORS = np.array([2, 3, -3, 5, -5, -2, 3, 3], "i4")


def before_and_after(
    cure: Callable[[Any], list[str]], function: Callable[..., Any], *arrays: np.ndarray, dynamic: bool = False
) -> tuple[np.ndarray, np.ndarray, set[str], list[str]]:
    """What a graph computes before a cure and after it, the ops that are left, and the notes."""
    import tensorflow as tf

    with tf.Graph().as_default() as graph:
        shapes = [[None] * array.ndim if dynamic else array.shape for array in arrays]
        inputs = [
            tf.compat.v1.placeholder(array.dtype, shape, f"x{index}")
            for index, (array, shape) in enumerate(zip(arrays, shapes, strict=True))
        ]
        tf.identity(function(*inputs), "y")
    graph_def = graph.as_graph_def()
    want = evaluate(graph_def, arrays)
    notes = cure(graph_def)
    return want, evaluate(graph_def, arrays), {node.op for node in all_nodes(graph_def)}, notes


def evaluate(graph_def: Any, arrays: Sequence[np.ndarray]) -> np.ndarray:
    import tensorflow as tf

    with tf.Graph().as_default() as graph:
        tf.import_graph_def(graph_def, name="")
    with tf.compat.v1.Session(graph=graph) as session:
        return session.run("y:0", {f"x{index}:0": array for index, array in enumerate(arrays)})


def raw(name: str, **settings: Any) -> Callable[..., Any]:
    """A TensorFlow op by name; its inputs are given by position in the order of `inputs`."""
    inputs = settings.pop("inputs")

    def call(*tensors: Any) -> Any:
        import tensorflow as tf

        return getattr(tf.raw_ops, name)(**dict(zip(inputs, tensors, strict=True)), **settings)

    return call


TFJS = {
    "Softsign": (raw("Softsign", inputs=["features"]), [SMALL]),
    "Erfinv": (raw("Erfinv", inputs=["x"]), [np.array([-1, -0.999, -0.5, 0, 1e-6, 0.7, 0.99999, 1], "f4")]),
    "Bucketize": (raw("Bucketize", inputs=["input"], boundaries=[-1.0, 0.0, 2.5]), [SMALL]),
    "Roll": (raw("Roll", inputs=["input"], shift=[1, -2], axis=[1, 2]), [SMALL]),
    "SpaceToDepth": (raw("SpaceToDepth", inputs=["input"], block_size=2), [SMALL]),
    "ResizeBicubic": (raw("ResizeBicubic", inputs=["images"], size=[7, 5], half_pixel_centers=True), [SMALL]),
    "ResizeArea": (raw("ResizeArea", inputs=["images"], size=[3, 5]), [SMALL]),
    "BatchMatMulV3": (
        raw("BatchMatMulV3", inputs=["x", "y"], Tout="int32", adj_y=True),
        [RNG.integers(-9, 9, (2, 3, 4)).astype("i1"), RNG.integers(-9, 9, (2, 5, 4)).astype("i1")],
    ),
    "OneHot": (
        raw("OneHot", inputs=["indices"], depth=3, on_value=2.0, off_value=-1.0, axis=-1),
        [np.array([[-1, 0], [2, 3]], "i4")],
    ),
    "Xlogy": (
        raw("Xlogy", inputs=["x", "y"]),
        [np.array([0, 0, 0, 1, -2], "f4"), np.array([0, -1, 3, 2, 3], "f4")],
    ),
    "Tile": (
        raw("Tile", inputs=["input"], multiples=[1, 2, 1, 3, 1]),
        [RNG.uniform(-3, 3, (2, 3, 4, 1, 2)).astype("f4")],
    ),
    "MatrixBandPart": (raw("MatrixBandPart", inputs=["input"], num_lower=-1, num_upper=0), [SMALL]),
}
ONNX = {
    "FloorDiv": (raw("FloorDiv", inputs=["x", "y"]), [INTEGERS, DIVISORS]),
    "FloorMod": (raw("FloorMod", inputs=["x", "y"]), [INTEGERS, DIVISORS]),
    "OneHot": (
        raw("OneHot", inputs=["indices"], depth=3, on_value=2.0, off_value=-1.0),
        [np.array([[-1, 0], [2, 3]], "i4")],
    ),
    "ScatterNd": (
        raw("ScatterNd", inputs=["indices", "updates"], shape=[4]),
        [np.array([[1], [3], [1]], "i4"), np.array([1, 2, 4], "f4")],
    ),
}


@pytest.mark.parametrize("op", TFJS)
def test_what_tfjs_lacks_is_written_in_other_ops(op):
    want, got, left, notes = before_and_after(composed_for_tfjs.apply, TFJS[op][0], *TFJS[op][1])
    assert notes == [f"1 {op} written in other ops"]
    assert op not in left
    assert got.dtype == want.dtype
    np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("op", ONNX)
def test_what_tf2onnx_gets_wrong_is_written_in_other_ops(op):
    want, got, left, notes = before_and_after(composed_for_onnx.apply, ONNX[op][0], *ONNX[op][1])
    assert notes == [f"1 {op} written in other ops, as in TensorFlow"]
    assert op not in left or op == "OneHot", "OneHot stays, with negative indices moved out of its depth"
    np.testing.assert_array_equal(got, want)


def test_floats_keep_their_own_floor_division():
    function = raw("FloorDiv", inputs=["x", "y"])
    *_, notes = before_and_after(composed_for_onnx.apply, function, SMALL, SMALL + 9)
    assert notes == []


def test_what_webgpu_tiles_rightly_stays_a_tile():
    function = raw("Tile", inputs=["input"], multiples=[1, 2, 1, 3])
    *_, notes = before_and_after(composed_for_tfjs.apply, function, SMALL)
    assert notes == []


def test_a_repeat_of_pictures_is_written_without_tile():
    import tensorflow as tf

    # Its multiples are packed from reshaped constants, which TensorFlow doesn't fold by itself.
    want, got, left, notes = before_and_after(
        composed_for_tfjs.apply, lambda x: tf.repeat(x, 2, axis=1), SMALL
    )
    assert notes == ["1 Tile written in other ops"]
    assert "Tile" not in left
    np.testing.assert_array_equal(got, want)


def test_a_mask_is_transposed_in_floats():
    import tensorflow as tf

    function = raw("Transpose", inputs=["x"], perm=[1, 0, 3, 2])
    of_a_mask = lambda x: function(tf.greater(x, 0))  # noqa: E731
    want, got, _, notes = before_and_after(composed_for_tfjs.apply, of_a_mask, SMALL)
    assert notes == ["1 Transpose written in other ops"]
    assert got.dtype == want.dtype == bool
    np.testing.assert_array_equal(got, want)
    *_, notes = before_and_after(composed_for_tfjs.apply, function, SMALL)
    assert notes == []


EQUATIONS = {
    "abc,cde->abde": ((2, 3, 4), (4, 5, 6)),
    "aecd,abcd->acbe": ((2, 5, 3, 4), (2, 6, 3, 4)),
    "acbe,aecd->abcd": ((2, 3, 6, 5), (2, 5, 3, 4)),
    "BTNH,BSNH->BNTS": ((2, 5, 3, 4), (2, 6, 3, 4)),
    "ab,bc->ac": ((3, 4), (4, 5)),
    "ab,cb->ca": ((3, 4), (5, 4)),
    "a,b->ab": ((3,), (4,)),
    "ab,ab->a": ((3, 4), (3, 4)),
    "ab,ab->ab": ((3, 4), (3, 4)),
    "abc,cb->a": ((2, 3, 4), (4, 3)),
    "...b,bc->...c": ((2, 3, 4), (4, 5)),
    "a...b,c...b->...ac": ((2, 3, 4), (5, 3, 4)),
}


@pytest.mark.parametrize("dynamic", [False, True], ids=["static", "dynamic"])
@pytest.mark.parametrize("equation", EQUATIONS)
def test_einsum_becomes_one_matrix_product(equation, dynamic):
    import tensorflow as tf

    arrays = [RNG.uniform(-1, 1, shape).astype("f4") for shape in EQUATIONS[equation]]
    want, got, left, notes = before_and_after(
        einsum.apply, lambda *xs: tf.raw_ops.Einsum(inputs=xs, equation=equation), *arrays, dynamic=dynamic
    )
    assert notes == ["1 Einsum written as matrix product(s)"]
    assert "Einsum" not in left
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)


OTHER_EQUATIONS = {
    "...b,...c->...bc": ((2, 4), (3, 2, 5)),
    "aab,bc->ac": ((3, 3, 4), (4, 5)),
    "ab,cd->a": ((3, 4), (4, 5)),
}


@pytest.mark.parametrize("equation", OTHER_EQUATIONS)
def test_other_einsums_stay_as_they_are(equation):
    import tensorflow as tf

    arrays = [np.ones(shape, "f4") for shape in OTHER_EQUATIONS[equation]]
    *_, left, notes = before_and_after(
        einsum.apply, lambda *xs: tf.raw_ops.Einsum(inputs=xs, equation=equation), *arrays
    )
    assert notes == []
    assert "Einsum" in left


@pytest.mark.parametrize(
    ("filters", "settings", "op"),
    [
        ((3, 3, 2, 6), {}, "Conv2D"),
        ((3, 3, 2, 6), {"strides": [1, 1, 2, 1]}, "Conv2D"),
        ((3, 2, 1, 8), {"strides": [1, 2, 2, 1], "padding": "SAME"}, "DepthwiseConv2dNative"),
        ((2, 2, 1, 4), {"strides": [1, 1, 2, 1]}, "Conv2D"),
    ],
)
def test_a_grouped_convolution_is_split(filters, settings, op):
    settings = {"strides": [1, 1, 1, 1], "padding": "VALID", **settings}
    kernel = RNG.uniform(-1, 1, filters).astype("f4")
    function = raw("Conv2D", inputs=["input", "filter"], **settings)
    want, got, left, notes = before_and_after(grouped_convolution.apply, function, SMALL, kernel)
    assert notes == ["1 grouped convolution(s) split into their groups"]
    assert op in left
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)


def test_an_ordinary_convolution_stays_as_it_is():
    function = raw("Conv2D", inputs=["input", "filter"], strides=[1, 1, 1, 1], padding="SAME")
    kernel = RNG.uniform(-1, 1, (3, 3, 4, 2)).astype("f4")
    *_, notes = before_and_after(grouped_convolution.apply, function, SMALL, kernel)
    assert notes == []


def test_the_sign_bit_is_read_without_bitcast():
    import tensorflow as tf

    def sign(x: Any) -> Any:
        bits = tf.bitcast(x, tf.int32)
        return tf.less(tf.raw_ops.BitwiseAnd(x=bits, y=tf.constant(-(2**31))), 0)

    values = np.array([-np.inf, -2, -1e-45, -0.0, 0.0, 1e-45, 3, np.inf], "f4")
    want, got, left, notes = before_and_after(sign_bit.apply, sign, values)
    assert notes == ["1 sign bit(s) read by comparison instead of Bitcast"]
    assert not {"Bitcast", "BitwiseAnd"} & left
    np.testing.assert_array_equal(got, want)
    assert want.tolist() == [True] * 4 + [False] * 4


def test_ops_inside_a_loop_are_cured_as_well():
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2_as_graph

    @tf.function
    def loop(x):
        for _ in tf.range(3):
            x = tf.math.softsign(x) + tf.raw_ops.Einsum(inputs=[x, x], equation="ab,cb->ac")
        return x

    square = RNG.uniform(-1, 1, (3, 3)).astype("f4")
    spec = tf.TensorSpec((3, 3), tf.float32, name="x0")
    frozen, graph_def = convert_variables_to_constants_v2_as_graph(
        loop.get_concrete_function(spec), lower_control_flow=False
    )
    graph_def.node.add(name="y", op="Identity", input=[frozen.outputs[0].name]).attr["T"].type = 1
    assert composed_for_tfjs.apply(graph_def) == ["1 Softsign written in other ops"]
    assert einsum.apply(graph_def) == ["1 Einsum written as matrix product(s)"]
    np.testing.assert_allclose(evaluate(graph_def, [square]), loop(square), rtol=1e-6)
