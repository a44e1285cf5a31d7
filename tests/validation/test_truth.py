"""The float64 twin: against a twin made another way, op by op, and where there is none."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from converters.signature import Signature, TensorSpec
from converters.source import LoadOptions
from tests.zoo import ZOO
from validation.dtypes import is_float
from validation.truth import NoTwinError, Twin, build_twin
from validation.truth.sums import SUMS
from validation.truth.translate import Translation

EPSILON = 2.0**-10
"""Of normalisations: a number that float32 holds, so that both twins have the same."""

TWICE = {
    "dense_mlp": 1e-13,
    "conv1d_causal_dilated": 1e-13,
    "conv2d_batchnorm": 1e-12,
    "conv2d_depthwise": 1e-12,
    "conv2d_transposed": 1e-13,
    "conv3d": 1e-12,
    "pools": 1e-13,
    "lstm": 1e-12,
    "gru": 1e-12,
    "simple_rnn_masked": 1e-12,
    "embedding_masked_gru": 1e-12,
    "softmax_1000": 1e-12,
    "inputs_in_a_dict": 1e-13,
}
"""Zoo models, and how far both twins may be apart, over the output's greatest value."""


def finer(model, dtype: str):
    """The model's config in another dtype, with its weights: a twin made without its graph."""
    text = json.dumps(model.get_config()).replace("float32", dtype)
    for written in ("0.001", "1e-06", "1e-05"):
        text = text.replace(f'"epsilon": {written}', f'"epsilon": {EPSILON}')
    made = type(model).from_config(json.loads(text))
    made.set_weights(model.get_weights())
    return made


@pytest.mark.parametrize("name", TWICE)
def test_agrees_with_a_twin_made_from_the_config(name, tmp_path):
    model = finer(ZOO[name].build(), "float32")
    twin, source = twin_of(model, tmp_path)
    feeds = ZOO[name].feeds(source.signature, 4, seed=0)
    wide = {n: a.astype(np.float64) if is_float(a.dtype.name) else a for n, a in feeds.items()}
    inputs = wide if len(wide) > 1 else next(iter(wide.values()))
    expected = finer(model, "float64")(inputs)
    expected = expected if isinstance(expected, dict) else {source.signature.output_names[0]: expected}
    found = twin.run(feeds)
    for output, values in expected.items():
        assert found[output].dtype == np.float64
        scale = np.abs(values).max()
        assert np.abs(found[output] - values).max() <= TWICE[name] * scale
        given = model(feeds if len(feeds) > 1 else next(iter(feeds.values())))
        given = np.asarray(given[output] if isinstance(given, dict) else given)
        assert np.abs(found[output] - given).max() > 1e-9 * scale, "float32 can't be that near"


def twin_of(model, directory: Path):
    from converters.sources import describe_source
    from validation.original import Original

    path = directory / "model.keras"
    model.save(path)
    source = describe_source(path, LoadOptions())
    original = Original(source)
    return build_twin(original.traced, source.signature), source


def traced(function, **inputs) -> tuple[Twin, dict[str, np.ndarray]]:
    """The twin of a plain function, and its own answers in float32."""
    specs = [TensorSpec(n, (None, *a.shape[1:]), a.dtype.name) for n, a in inputs.items()]

    @tf.function(input_signature=[{s.name: tf.TensorSpec(s.shape, s.dtype) for s in specs}])
    def call(tensors):
        return {"y": function(**tensors)}

    answer = call({n: tf.constant(a) for n, a in inputs.items()})["y"].numpy()
    y = TensorSpec("y", (None, *answer.shape[1:]), answer.dtype.name)
    return build_twin(call, Signature(tuple(specs), (y,))), {"y": answer}


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


def resized(op, size, **facts):
    return lambda x: op(images=x, size=size, **facts)


RESIZERS = [
    pytest.param(resized(getattr(tf.raw_ops, f"Resize{kind}"), size, **facts), id=f"{kind}-{size}-{facts}")
    for kind, settings in {
        "Bilinear": ({"half_pixel_centers": True}, {"align_corners": True}, {}),
        "Bicubic": ({"half_pixel_centers": True}, {"align_corners": True}, {}),
        "Area": ({}, {"align_corners": True}),
    }.items()
    for facts in settings
    for size in ([9, 4], [3, 14], [5, 7], [1, 1])
]

WRITTEN_OUT = [
    *RESIZERS,
    pytest.param(lambda x: tf.nn.avg_pool3d(x[..., None], 3, 2, "SAME"), id="avg-pool-3d-same"),
    pytest.param(lambda x: tf.nn.max_pool3d(x[..., None], (2, 3, 1), 1, "VALID"), id="max-pool-3d-valid"),
    pytest.param(lambda x: tf.nn.lrn(x, 1, bias=2.0, alpha=0.5, beta=0.75), id="lrn"),
    pytest.param(lambda x: tf.image.adjust_contrast(x, 1.5), id="contrast"),
    pytest.param(lambda x: tf.image.adjust_hue(x, 0.1), id="hue"),
    pytest.param(lambda x: tf.image.adjust_hue(x, -0.7), id="hue-backwards"),
    pytest.param(lambda x: tf.image.adjust_saturation(x, 0.4), id="saturation"),
    pytest.param(lambda x: tf.image.adjust_saturation(x, 3.0), id="saturation-clipped"),
    pytest.param(lambda x: normalized(x, training=False), id="batch-norm"),
    pytest.param(lambda x: normalized(x, training=True), id="batch-norm-training"),
]


def normalized(x, *, training: bool):
    moments = () if training else tf.constant([0.5, -1, 2]), tf.constant([1, 0.1, 3.0])
    mean, variance = (tf.zeros(0), tf.zeros(0)) if training else moments
    scale, offset = tf.constant([1, -2, 0.5]), tf.constant([0, 1, 3.0])
    return tf.raw_ops.FusedBatchNormV3(
        x=x, scale=scale, offset=offset, mean=mean, variance=variance, is_training=training
    ).y


@pytest.mark.parametrize("function", WRITTEN_OUT)
def test_ops_without_a_float64_kernel_are_written_out(function):
    twin, given = traced(function, x=noise(2, 5, 7, 3))
    found = twin.run({"x": noise(2, 5, 7, 3)})["y"]
    assert found.dtype == np.float64
    assert found.shape == given["y"].shape
    np.testing.assert_allclose(given["y"], found, rtol=1e-5, atol=2e-6)


@pytest.mark.parametrize("function", WRITTEN_OUT)
def test_they_are_the_same_in_a_plain_graph(function):
    """As localization opens it, without TensorFlow 2's behaviour: there `==` is identity."""
    images = noise(2, 5, 7, 3)
    with tf.Graph().as_default() as source:
        x = tf.compat.v1.placeholder(tf.float32, images.shape)
        y = function(x)
    with tf.Graph().as_default() as graph:
        given = tf.compat.v1.placeholder(tf.float64, images.shape)
        [translated] = Translation(None).run(source, {x.name: given}, [y])
        with tf.compat.v1.Session(graph=graph) as session:
            found = session.run(translated, {given: images.astype(np.float64)})
    np.testing.assert_allclose(found, traced(function, x=images)[0].run({"x": images})["y"], rtol=1e-12)


def test_in_a_plain_graph_zeros_are_no_equal_terms_of_a_sum_either():
    """A sum of four terms, of which three are 0, has no more pairs than each term with itself."""
    with tf.Graph().as_default() as graph:
        x = tf.constant([[0, 0, 0, 1]], tf.float64)
        mean = tf.reduce_mean(x, 1)
        _, count = SUMS["Mean"]
        pairs = count(mean.op, [*mean.op.inputs], mean).pairs
        with tf.compat.v1.Session(graph=graph) as session:
            assert session.run(pairs).tolist() == [4]


def test_loops_and_branches_are_walked_into():
    def function(x):
        doubled = tf.while_loop(
            lambda n, v: n < 5,
            lambda n, v: (n + 1, tf.sin(v) * 1.5),
            (tf.constant(0), x),
            parallel_iterations=1,
        )[1]
        branches = [lambda: doubled, lambda: tf.tanh(doubled)]
        chosen = tf.switch_case(tf.cast(tf.reduce_sum(x) < 1e9, tf.int32), branches)
        return tf.cond(tf.reduce_sum(x) > 1e9, lambda: doubled, lambda: chosen)

    x = noise(3, 4)
    twin, given = traced(function, x=x)
    wide = x.astype(np.float64)
    for _ in range(5):
        wide = np.sin(wide) * 1.5
    np.testing.assert_allclose(twin.run({"x": x})["y"], np.tanh(wide), rtol=1e-15)
    np.testing.assert_allclose(given["y"], np.tanh(wide), rtol=1e-5)


def test_half_precision_is_taken_to_float64_too():
    def function(x):
        return tf.cast(tf.cast(x, tf.bfloat16) * tf.constant(3, tf.bfloat16), tf.float32) / 7.0

    twin, given = traced(function, x=noise(3, 4))
    np.testing.assert_allclose(
        twin.run({"x": noise(3, 4)})["y"], noise(3, 4).astype(float) * 3 / 7, rtol=1e-15
    )
    assert np.abs(given["y"] - noise(3, 4) * 3 / 7).max() > 1e-4


def test_the_sign_of_a_zero_is_read_off_its_bits():
    x = np.array([[0.0, -0.0], [1.0, -1.0]], np.float32)
    twin, _ = traced(lambda x: tf.bitwise.right_shift(tf.bitcast(x, tf.int32), 31), x=x)
    np.testing.assert_array_equal(twin.run({"x": x})["y"], [[0, -1], [0, -1]])


def test_an_op_that_cannot_be_taken_to_float64_is_named():
    with pytest.raises(NoTwinError) as caught:
        traced(
            lambda x: tf.image.draw_bounding_boxes(x, [[[0.0, 0, 1, 1]]], [[1.0, 0, 0]]), x=noise(1, 4, 4, 3)
        )
    assert str(caught.value) == "DrawBoundingBoxesV2 at DrawBoundingBoxesV2 has no float64 kernel"


def test_what_only_chooses_is_run_as_it_is():
    """The boxes' own values are in float64 all the same."""

    def function(boxes, scores):
        best = tf.image.non_max_suppression(boxes / 3.0, tf.reshape(scores, (-1,)), 4, 0.3)
        return tf.gather(boxes / 3.0, best)

    corners = np.abs(noise(12, 2))
    boxes, scores = np.concatenate([corners, corners + 1], 1), noise(12, 1)
    twin, given = traced(function, boxes=boxes, scores=scores)
    found = twin.run({"boxes": boxes, "scores": scores})["y"]
    assert 1 < len(found) <= 4
    wide = boxes.astype(np.float64) / 3.0
    assert all((wide == row).all(1).any() for row in found)
    np.testing.assert_allclose(given["y"], found, rtol=1e-6)


def test_a_mixed_colour_is_off_by_a_roundoff_of_its_greatest_channel():
    x = np.tile(np.array([1.0, 1e-6, 3e-6], np.float32), (64, 1))
    twin, _ = traced(lambda x: tf.image.hsv_to_rgb(tf.image.rgb_to_hsv(x)), x=x)
    exact = twin.run({"x": x})["y"]
    moved = twin.rounded({"x": x}, seed=0, amplitude=1.0)["y"]
    error = np.abs(moved - exact).max(0)
    assert (error[1:] > 2.0**-27).all(), (
        "engines can't compute the small channels as exactly as the great one"
    )
    assert (error < 2.0**-20).all()


def test_a_resized_pixel_is_off_by_roundoffs_of_its_neighbours():
    """Products with a matrix are off by 3.4e-8 where the pixel is 0.0097."""
    x = np.where(np.indices((4, 4)).sum(0) % 2, 1.9961035, -1.9767016).astype(np.float32)[None, ..., None]
    twin, _ = traced(resized(tf.raw_ops.ResizeBicubic, [7, 7], half_pixel_centers=True), x=x)
    exact = twin.run({"x": x})["y"][0, 3, 5]
    assert 0.0097 < abs(exact[0]) < 0.0098
    moved = [twin.rounded({"x": x}, seed=n, amplitude=1.0)["y"][0, 3, 5] for n in range(3)]
    assert 3e-8 < np.abs(np.array(moved) - exact).max() < 1e-6


def test_pictures_of_integers_are_resized_too():
    x = np.arange(48).astype(np.uint8).reshape(1, 4, 4, 3)
    twin, given = traced(lambda x: tf.image.resize(x, (7, 7)), x=x)
    np.testing.assert_allclose(given["y"], twin.run({"x": x})["y"], rtol=1e-6)
    moved = twin.rounded({"x": x}, seed=0, amplitude=1.0)["y"]
    np.testing.assert_allclose(given["y"], moved, rtol=1e-5)


def test_a_hard_sigmoid_is_off_by_a_roundoff_of_3():
    x = np.full((64, 1), -2.9654477, np.float32)
    twin, _ = traced(lambda x: x * (tf.nn.relu6(x + 3.0) / 6.0), x=x)
    other, _ = traced(lambda x: x * (tf.nn.relu6(x + 2.0) / 6.0 + 1.0), x=x)
    exact = twin.run({"x": x})["y"]
    error = np.abs(twin.rounded({"x": x}, seed=0, amplitude=1.0)["y"] - exact).max()
    assert 4.4e-8 < error < 2e-7
    np.testing.assert_array_equal(other.rounded({"x": x}, seed=0, amplitude=1.0)["y"].astype("f4"), x)


def test_simulated_roundings_are_as_large_as_real_ones():
    weights = tf.constant(noise(64, 32))
    x = noise(16, 64)
    twin, given = traced(lambda x: tf.tanh(x @ weights / 8.0), x=x)
    exact = twin.run({"x": x})["y"]
    found = twin.rounded({"x": x}, seed=1, amplitude=1.0)["y"]
    again = twin.rounded({"x": x}, seed=1, amplitude=1.0)["y"]
    other = twin.rounded({"x": x}, seed=2, amplitude=1.0)["y"]
    np.testing.assert_array_equal(found, again)
    assert (found != other).mean() > 0.9
    own = rms(given["y"] - exact)
    assert own / 4 < rms(found - exact) < own * 4
    larger = twin.rounded({"x": x}, seed=1, amplitude=8.0)["y"]
    assert rms(larger - exact) == pytest.approx(8 * rms(found - exact), rel=0.3)


def test_what_float32_holds_exactly_is_never_moved():
    """A floor of an exact quotient is not in doubt."""
    x = np.arange(-12, 12, dtype=np.float32).reshape(4, 6)
    twin, given = traced(lambda x: tf.floor(x / 4.0) + tf.matmul(x, tf.eye(6)), x=x)
    np.testing.assert_array_equal(twin.rounded({"x": x}, seed=1, amplitude=8.0)["y"], given["y"])


def test_equal_terms_of_a_sum_are_rounded_alike():
    """Engines add them one after the other, each time with the same rest, which adds up."""
    spike, mixed = np.zeros((64, 400), np.float32), noise(64, 400)
    spike[:, 3] = 1.7
    twin, _ = traced(lambda x: tf.reduce_mean(tf.square(x - tf.reduce_mean(x, 1, True)), 1), x=mixed)

    def moved(x):
        """Relative to the exact variance, in unit roundoffs."""
        exact = twin.run({"x": x})["y"]
        return rms(twin.rounded({"x": x}, seed=1, amplitude=1.0)["y"] / exact - 1) * 2**24

    assert 400 / 4 < moved(spike) < 400
    assert moved(mixed) < 2 * np.sqrt(400)


def test_sums_of_nothing_and_over_all_axes_are_moved_too():
    x = noise(3, 4, 5)
    twin, given = traced(
        lambda x: tf.reduce_sum(x[:, :, :0], (-1, 1)) + tf.reduce_sum(x / 3.0) + tf.reduce_sum(x, (0, -1))[0],
        x=x,
    )
    np.testing.assert_allclose(twin.rounded({"x": x}, seed=1, amplitude=1.0)["y"], given["y"], rtol=1e-5)
