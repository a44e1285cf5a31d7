"""What is recorded of the original, and the originals that are refused or prove nothing."""

from __future__ import annotations

import math
from pathlib import Path

import keras
import numpy as np
import pytest

from converters.errors import EdgeproofError
from converters.signature import TensorSpec
from converters.source import LoadOptions, SourceModel
from converters.target import parse_targets
from validation.coarser import HALF, MEASURED, roundings
from validation.expected import Noise
from validation.feeds import FeedSpec
from validation.noise import MeasuredNoise, measure
from validation.reference import Reference, record

layers = keras.layers

SEEDED = FeedSpec(samples=12, directed=False, searched=0)


@pytest.fixture
def recorded(tmp_path):
    """Saves a model, feeds it, and gives what was recorded."""

    def give(model, spec: FeedSpec = SEEDED, custom: tuple[str, ...] = (), **facts) -> Reference:
        out = tmp_path / "reference"
        out.mkdir()
        return record(source=source(model, tmp_path, custom), spec=spec, out=out, **facts)

    return give


def source(model, directory: Path, custom: tuple[str, ...] = ()) -> SourceModel:
    from converters.sources import describe_source

    path = directory / "model.keras"
    model.save(path)
    return describe_source(path, LoadOptions(custom_objects=custom, code_directories=(directory,)))


def dense(*tail, units: int = 4):
    keras.utils.set_random_seed(1)
    return keras.Sequential([keras.Input((3,), name="x"), layers.Dense(units, name="y"), *tail])


def npz(directory: Path, **arrays) -> FeedSpec:
    np.savez(directory / "data.npz", **arrays)
    return FeedSpec(npz=directory / "data.npz", batch=4, directed=False, searched=0)


def refusal(recorded, *args, **facts) -> str:
    with pytest.raises(EdgeproofError) as caught:
        recorded(*args, **facts)
    return str(caught.value)


def test_answers_are_on_disk_and_measured(recorded, tmp_path):
    data = np.random.default_rng(0).standard_normal((10, 3)).astype(np.float32)
    model = dense()
    found = recorded(model, npz(tmp_path, x=data))
    expected = model(data).numpy()
    assert (found.samples, found.origin, found.data) == (10, "data", "data.npz")
    assert [path.name for path in found.feeds] == [f"feed-0000{n}.npz" for n in range(3)]
    batches = list(found.batches())
    assert [(b.first_sample, b.samples) for b in batches] == [(0, 4), (4, 4), (8, 2)]
    np.testing.assert_array_equal(np.concatenate([b.inputs["x"] for b in batches]), data)
    np.testing.assert_allclose(np.concatenate([b.expected["y"] for b in batches]), expected, rtol=1e-6)
    (output,) = found.outputs
    assert (output.minimum, output.maximum) == pytest.approx((expected.min(), expected.max()), rel=1e-6)
    assert output.movement == pytest.approx(np.ptp(expected, axis=0).max(), rel=1e-6)
    assert output.rms == pytest.approx(math.sqrt((expected.astype(float) ** 2).mean()), rel=1e-6)
    assert output.constant_rms == pytest.approx(math.sqrt(expected.var(0).mean()), rel=1e-6)
    assert (output.per_sample, output.is_scores, output.unproven) == (True, False, "")
    assert output.arithmetic == "float32"


def test_the_truth_is_that_of_the_float64_twin(recorded, tmp_path):
    data = np.random.default_rng(0).standard_normal((6, 3)).astype(np.float32)
    model = dense()
    found = recorded(model, npz(tmp_path, x=data))
    kernel, bias = (weight.astype(np.float64) for weight in model.get_weights())
    assert found.truth == "float64 twin"
    truth = np.concatenate([batch.expected["y"] for batch in found.batches()])
    assert truth.dtype == np.float64
    np.testing.assert_allclose(truth, data @ kernel + bias, rtol=1e-13, atol=1e-15)
    own = np.abs(truth - model(data).numpy())
    assert found.outputs[0].own.max_abs == pytest.approx(own.max(), rel=0.3)


def test_every_element_has_a_floor_of_about_an_ulp_and_coarser_weights_do_more(recorded):
    found = recorded(dense())
    (output,) = found.outputs
    floors = np.concatenate([batch.noise["y"] for batch in found.batches()])
    truth = np.concatenate([batch.expected["y"] for batch in found.batches()])
    assert floors.shape == truth.shape
    assert (floors >= 2**-23 * np.abs(truth)).all()
    assert floors.max() < 2e-6 * output.magnitude
    assert output.floor.max_abs == pytest.approx(floors.max())
    assert output.clearance > 1e5
    rounded = output.precision_noise
    assert floors.max() < rounded["uint16"].max_abs < rounded["float16"].max_abs < rounded["uint8"].max_abs
    assert 1 < rounded["uint16"].ratio_rms < rounded["float16"].ratio_rms < rounded["uint8"].ratio_rms
    assert rounded["uint8"].max_abs < 0.05 * output.magnitude


def test_coarser_weights_are_told_by_the_worst_channel_of_a_few_samples():
    """A limit for the worst channel: the mean of both, where a single one moves, is too little."""
    spec = TensorSpec("y", (None, 2), "float32")
    expected = {"y": np.ones((8, 2), np.float32)}
    actual = {"y": expected["y"] + np.array([0, 0.5], np.float32)}
    found = measure((spec,), expected, actual, {"y": np.full((8, 2), 0.125)})["y"]
    assert (found.ratio_rms, found.ratio, found.max_abs) == (4.0, 4.0, 0.5)
    alone = {"y": expected["y"][:1]}, {"y": actual["y"][:1]}, {"y": np.full((1, 2), 0.125)}
    assert measure((spec,), *alone)["y"].ratio_rms == pytest.approx(np.sqrt(8))
    assert np.isnan(measure((spec,), expected, actual, {})["y"].ratio)


def test_float16_holds_scalars_too(recorded):
    model = keras.Sequential([keras.Input((1,), name="x"), layers.Dense(1, name="y")])
    model.set_weights([np.array([[1 / 3]], "f4"), np.array([0.1], "f4")])
    assert recorded(model).outputs[0].precision_noise["float16"].ratio > 100


def test_each_batch_has_the_floor_of_its_own_magnitude(recorded, tmp_path):
    """The greatest values stand in the second batch."""
    data = np.random.default_rng(0).standard_normal((8, 3)).astype(np.float32)
    data[4:] *= 1000
    found = recorded(dense(), npz(tmp_path, x=data))
    small, large = (batch.noise["y"] for batch in found.batches())
    assert large.max() > 100 * small.max()
    assert small.max() < 2e-6
    (output,) = found.outputs
    assert output.precision_noise["float16"].max_abs > 0.05
    assert output.precision_noise["float16"].rms > 0.01


def test_noise_of_leaders_is_that_of_the_greatest_element_of_each_row():
    spec = TensorSpec("y", (None, 3), "float32")
    expected = np.array([[1.0, 2.0, 0.0], [5.0, 0.0, 0.0]])
    moved = expected + np.array([[9.0, 3.0, 9.0], [4.0, 9.0, 9.0]])
    found = measure([spec], {"y": expected}, {"y": moved}, {})
    assert found["y"].leaders_rms == pytest.approx(math.sqrt((9 + 16) / 2))
    column = TensorSpec("y", (None, 1), "float32")
    found = measure([column], {"y": expected[:, :1]}, {"y": moved[:, :1]}, {})
    assert math.isnan(found["y"].leaders_rms)


def test_noise_of_several_batches_is_their_greatest_and_their_root_mean_square():
    def noise(max_abs, rms):
        found = Noise(max_abs, rms, max_abs, max_abs, leaders_rms=2 * rms)
        return MeasuredNoise({"a": {"y": found}}, frozenset({"y"}))

    merged = MeasuredNoise().merge(noise(1, 3), 0).merge(noise(4, 3), 1).merge(noise(2, 6), 2)
    rms = math.sqrt((9 + 9 + 36) / 3)
    assert merged.of("y")["a"] == Noise(4, pytest.approx(rms), 4, 4, pytest.approx(2 * rms))
    assert merged.mixing == {"y"}
    assert MeasuredNoise().merge(MeasuredNoise(), 0) == MeasuredNoise()


def test_weights_are_what_they_were_afterwards(recorded, tmp_path):
    from converters.sources import open_source

    model = dense()
    found = recorded(model)
    opened = open_source(source(model, tmp_path))
    batch = next(iter(found.batches()))
    again = opened.function({"x": batch.inputs["x"]})["y"].numpy()
    np.testing.assert_allclose(again, batch.expected["y"], rtol=1e-6)


def test_only_the_precisions_asked_for_are_measured(recorded):
    assert set(recorded(dense(), precisions=("float16",)).outputs[0].precision_noise) == {"float16"}


def test_targets_name_the_precisions_to_measure():
    assert roundings(parse_targets(("onnx:float32",))) == ()
    some = ("tflite:int8_io", "tflite:dynamic_int8", "tfjs:float16")
    assert roundings(parse_targets(some)) == ("float16", "int8")
    assert roundings(parse_targets(("onnx:float16",))) == ("float16", HALF)
    assert roundings(parse_targets(("all",))) == MEASURED


def test_score_vectors_are_recognised(recorded):
    model = keras.Model(x := keras.Input((3,)), [layers.Dense(4, "softmax")(x), layers.Dense(4)(x)])
    assert [output.is_scores for output in recorded(model).outputs] == [True, False]


def test_score_vectors_can_be_named(recorded):
    assert recorded(dense(), scores=("y",)).outputs[0].is_scores


def test_a_score_vector_that_does_not_exist_is_refused(recorded):
    assert refusal(recorded, dense(), scores=("logits",)) == (
        "score vectors are named that the model does not have\n"
        "  got:  logits\n"
        "  want: some of y\n"
        "  fix:  name the outputs as the model does"
    )


def test_a_half_precision_model_says_so(recorded):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((3,), name="x"), layers.Dense(4, dtype="mixed_float16")])
    assert recorded(model).outputs[0].arithmetic == "float16"


def test_integer_inputs_get_their_noise_from_the_weights(recorded):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((5,), dtype="int32"), layers.Embedding(10, 4), layers.GRU(3)])
    (output,) = recorded(model).outputs
    assert 0 < output.own.rms < output.floor.rms < 1e-5


# originals that do not agree with themselves

CUSTOM = """
import keras
import tensorflow as tf

@keras.saving.register_keras_serializable("t")
class Noisy(keras.layers.Layer):
    def call(self, x):
        return x + tf.random.normal(tf.shape(x))

@keras.saving.register_keras_serializable("t")
class Counting(keras.layers.Layer):
    def build(self, shape):
        self.count = self.add_weight(shape=(), initializer="zeros", trainable=False)

    def call(self, x):
        self.count.assign_add(1.0)
        return x + self.count

@keras.saving.register_keras_serializable("t")
class Traced(keras.layers.Layer):
    def call(self, x):
        return x if tf.executing_eagerly() else 2 * x

@keras.saving.register_keras_serializable("t")
class OverBatch(keras.layers.Layer):
    def call(self, x):
        return x - tf.reduce_mean(x, 0, keepdims=True)
"""


@pytest.fixture
def custom(tmp_path):
    from converters.user_code import load_object

    (tmp_path / "custom_layers.py").write_text(CUSTOM)
    return lambda name: load_object(f"custom_layers:{name}", (tmp_path,))()


@pytest.mark.parametrize("name", ["Noisy", "Counting"])
def test_randomness_and_state_are_caught(recorded, custom, name):
    message = refusal(recorded, dense(custom(name)), custom=(f"custom_layers:{name}",))
    lines = message.splitlines()
    assert lines[0] == "the original gives different answers to the same batch"
    assert lines[1].startswith("  got:  output ")
    assert lines[2].startswith("  want: an answer that depends on nothing but the inputs, within ")
    assert lines[3] == "  fix:  take random layers out of inference, and make recurrent layers stateless"


def test_eager_against_graph_is_caught(recorded, custom):
    message = refusal(recorded, dense(custom("Traced")), custom=("custom_layers:Traced",))
    lines = message.splitlines()
    assert lines[0] == "the original gives different answers eagerly and as a graph"
    assert lines[2].startswith("  want: the same answer both ways, within ")


def test_an_output_that_depends_on_its_batch_is_noted(recorded, custom):
    found = recorded(dense(custom("OverBatch")), custom=("custom_layers:OverBatch",))
    assert found.notes == (
        f"output {found.outputs[0].spec.name} of a sample depends on the rest of its batch",
    )
    assert found.outputs[0].mixes_batch


def test_data_that_the_model_cannot_take_is_named(recorded, tmp_path):
    model = keras.Sequential([keras.Input((2,), dtype="int32", name="ids"), layers.Embedding(4, 2)])
    lines = refusal(recorded, model, npz(tmp_path, ids=np.full((2, 2), 7))).splitlines()
    assert lines[0] == "model.keras: the original can't run on these inputs"
    assert "indices[0,0] = 7 is not in [0, 4)" in lines[1]


# originals that prove nothing


def zero(model):
    for weight in model.weights:
        weight.assign(weight * 0)
    return model


def test_a_dead_model_is_called_dead(recorded, tmp_path):
    data = np.random.default_rng(0).standard_normal((6, 3)).astype(np.float32)
    (output,) = recorded(zero(dense()), npz(tmp_path, x=data)).outputs
    assert output.unproven == (
        "the original's answer does not move with the inputs (by 0, within 0 to 0); "
        "natural inputs leave it constant too: the model is dead, or saturated"
    )


def test_data_that_leaves_a_live_model_constant_is_told_from_a_dead_one(recorded, tmp_path):
    model = dense(layers.ReLU(name="out"))
    model.layers[0].set_weights([np.eye(3, 4), np.zeros(4)])
    data = -np.random.default_rng(0).uniform(1, 2, (6, 3)).astype(np.float32)
    (output,) = recorded(model, npz(tmp_path, x=data)).outputs
    assert output.unproven == (
        "the original's answer does not move with the inputs (by 0, within 0 to 0); "
        "natural inputs do move it: give data that does"
    )


def test_mobilenet_without_weights_proves_nothing(recorded):
    """In small: a softmax over many classes of next to nothing."""
    keras.utils.set_random_seed(0)
    tiny = keras.initializers.RandomNormal(stddev=1e-9)
    model = keras.Sequential([keras.Input((3,)), layers.Dense(1000, "softmax", kernel_initializer=tiny)])
    assert recorded(model).outputs[0].unproven.startswith("the original's answer does not move")


@pytest.mark.parametrize(("data", "reason"), [
    (np.ones((1, 3)), "there is only one sample: give two or more that differ"),
    (np.ones((5, 3)), "all 5 samples are equal: give samples that differ"),
    (np.full((5, 3), np.nan), "the original gives no finite value"),
])  # fmt: skip
def test_inputs_that_prove_nothing(recorded, tmp_path, data, reason):
    assert recorded(dense(), npz(tmp_path, x=data.astype(np.float32))).outputs[0].unproven == reason
