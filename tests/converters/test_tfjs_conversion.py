from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from converters import to_tfjs
from converters.errors import EdgeproofError
from converters.frozen import ConversionOptions
from converters.target import ExportTarget
from tests.converters.exporting import answers, export, of_keras, op_model, relative_error
from validation.runtimes import runtime

KINDS = (
    "lstm",
    "lstm_unrolled",
    "gru",
    "attention",
    "grouped",
    "depthwise_groups",
    "dilated_groups",
    "scalar_bias",
)
BACKENDS = ("tfjs-node-cpu", "tfjs-node-wasm")
needs_node = pytest.mark.skipif(
    runtime("tfjs-node-cpu").missing() is not None, reason=str(runtime("tfjs-node-cpu").missing())
)


@pytest.fixture(scope="module")
def keras():
    import keras

    return keras


@pytest.fixture
def alike(keras):
    """Two inputs and three outputs that share shape and dtype, and differ in value."""
    keras.utils.set_random_seed(2)
    right, left = keras.Input((4,), name="right"), keras.Input((4,), name="left")
    third = keras.layers.Dense(4, name="third")(right)
    first = keras.layers.Subtract(name="first")([right, left])
    second = keras.layers.Dense(4, "tanh", name="second")(first)
    return keras.Model([right, left], [third, first, second])


def feed_for(model):
    rng = np.random.default_rng(0)
    return {
        tensor.name: rng.uniform(-2, 2, [3 if size is None else size for size in tensor.shape]).astype("f4")
        for tensor in model.inputs
    }


def derived(base, precision, directory):
    artifact = to_tfjs.derive(
        base, ExportTarget("tfjs", precision), directory / precision, ConversionOptions()
    )
    to_tfjs.confirm(artifact)
    return artifact


@needs_node
def test_names_are_the_keras_models_and_mean_the_same_values(alike, tmp_path):
    artifact = export(alike, "tfjs", tmp_path)
    assert artifact.signature.input_names == ("right", "left")
    assert artifact.signature.output_names == ("third", "first", "second")
    signature = json.loads(artifact.entry_path.read_text())["signature"]
    assert {name: row["name"] for name, row in signature["outputs"].items()} == dict(artifact.output_names)
    feed = feed_for(alike)
    want = of_keras(alike, feed)
    for name in BACKENDS:
        got = answers(artifact, name, feed)
        assert all(relative_error(got[key], want[key]) < 1e-6 for key in want)


@needs_node
@pytest.mark.parametrize("kind", KINDS)
def test_what_tfjs_gets_wrong_by_itself_is_right(kind, keras, tmp_path):
    keras.utils.set_random_seed(3)
    layers = keras.layers
    x = keras.Input((6, 6, 4) if "group" in kind or kind == "scalar_bias" else (5, 4), name="x")
    y = {
        "lstm": lambda: layers.LSTM(3, return_sequences=True, name="y")(x),
        "lstm_unrolled": lambda: layers.LSTM(3, unroll=True, name="y")(x),
        "gru": lambda: layers.GRU(3, name="y")(x),
        "attention": lambda: layers.MultiHeadAttention(2, 3, name="y")(x, x, use_causal_mask=True),
        "grouped": lambda: layers.Conv2D(6, 3, groups=2, name="y")(x),
        "depthwise_groups": lambda: layers.Conv2D(8, 3, groups=4, strides=2, name="y")(x),
        "scalar_bias": lambda: layers.ReLU(6.0, name="y")(layers.Conv2D(3, 1, use_bias=False)(x) + 3.0),
        "dilated_groups": lambda: layers.Conv2D(8, 3, groups=4, dilation_rate=2, name="y")(x),
    }[kind]()
    model = keras.Model(x, y)
    artifact = export(model, "tfjs", tmp_path)
    feed = feed_for(model)
    want = of_keras(model, feed)["y"]
    for name in BACKENDS:
        assert relative_error(answers(artifact, name, feed)["y"], want) < 2e-6


def test_an_op_that_tfjs_lacks_is_an_error_that_names_the_layer(keras, tmp_path):
    import tensorflow as tf

    with pytest.raises(EdgeproofError) as caught:
        export(op_model(keras, tf.math.bessel_i0e, (3,)), "tfjs", tmp_path)
    assert str(caught.value) == (
        "tfjs:float32: ops that TF.js doesn't have\n"
        "  got:  BesselI0e in layer op\n"
        "  want: ops on the list of tensorflowjs 4.22.0\n"
        "  fix:  replace the layer named here by one of common ops, or leave this target out"
    )


def test_an_integer_beyond_int32_is_refused(keras, tmp_path):
    model = op_model(keras, lambda x: keras.ops.add(x, np.array([2**40, 1])), (2,), dtype="int64")
    with pytest.raises(EdgeproofError) as caught:
        export(model, "tfjs", tmp_path)
    assert caught.value.what == "tfjs:float32: an integer is too large"
    assert caught.value.got.endswith(": int64 values beyond int32")


def test_the_packages_that_tensorflowjs_does_not_need_leave_no_stand_ins(alike, tmp_path):
    export(alike, "tfjs", tmp_path)
    assert not {"jax", "flax", "tensorflow_hub", "tensorflow_decision_forests"} & set(sys.modules)


def test_stand_ins_do_not_meet_keras_in_a_fresh_process():
    """Keras looks for `jax.monitoring` where it finds a module of that name."""
    code = "from converters.tfjs_model.vendor import weight_files; print(weight_files()[1].__name__)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.stdout == "tensorflowjs.read_weights\n", run.stderr


def test_an_unused_input_stays_in_the_file(keras, tmp_path):
    used, unused = keras.Input((3,), name="used"), keras.Input((2,), name="unused")
    artifact = export(keras.Model([used, unused], keras.layers.Dense(2)(used)), "tfjs", tmp_path)
    nodes = json.loads(artifact.entry_path.read_text())["modelTopology"]["node"]
    assert {node["name"] for node in nodes if node["op"] == "Placeholder"} == {"used", "unused"}


@needs_node
@pytest.mark.parametrize(("precision", "limit"), [("float16", 5e-3), ("uint16", 1e-3), ("uint8", 5e-2)])
def test_narrow_weights_are_in_the_manifest_and_cost_little(precision, limit, alike, tmp_path):
    artifact = derived(export(alike, "tfjs", tmp_path), precision, tmp_path)
    [group] = json.loads(artifact.entry_path.read_text())["weightsManifest"]
    stored = {row.get("quantization", row)["dtype"] for row in group["weights"] if len(row["shape"]) == 2}
    assert stored == {precision}
    feed = feed_for(alike)
    got, want = answers(artifact, "tfjs-node-cpu", feed), of_keras(alike, feed)
    assert relative_error(got["third"], want["third"]) < limit
    assert relative_error(got["first"], want["first"]) < 1e-6


def test_weights_that_float16_cannot_hold_stay_float32(keras, tmp_path):
    inputs = keras.Input((2,), name="x")
    layers = [keras.layers.Dense(2, name=name, use_bias=False) for name in ("large", "tiny")]
    model = keras.Model(inputs, [layer(inputs) for layer in layers])
    layers[0].set_weights([np.array([[1e5, 1], [1, 1]], "f4")])
    layers[1].set_weights([np.array([[1e-9, 1], [1, 1]], "f4")])
    notes = [
        note.partition(": ")[2]
        for note in derived(export(model, "tfjs", tmp_path), "float16", tmp_path).notes
    ]
    assert sorted(notes) == [
        "1 of 4 value(s) are below float16 and become 0",
        "kept in float32, since 1e+05 exceeds float16",
    ]


def test_a_model_without_weights_is_refused(keras, tmp_path):
    inputs = keras.Input((2,), name="x")
    base = export(keras.Model(inputs, keras.layers.ReLU()(inputs)), "tfjs", tmp_path)
    with pytest.raises(EdgeproofError) as caught:
        derived(base, "uint8", tmp_path)
    assert str(caught.value) == (
        "tfjs:uint8: there is no weight to store in fewer bits\n"
        "  got:  0 constant(s), none a float32 tensor of more than one element\n"
        "  want: a model with float32 weights\n"
        "  fix:  take tfjs:float32"
    )


def faults(artifact) -> str:
    with pytest.raises(EdgeproofError) as caught:
        to_tfjs.confirm(artifact)
    assert caught.value.what == f"{artifact.target}: the files are not what they claim to be"
    return caught.value.got


def test_confirm_finds_shards_names_precision_and_numbers_that_are_wrong(alike, tmp_path):
    artifact = export(alike, "tfjs", tmp_path)
    claimed = replace(artifact, target=ExportTarget("tfjs", "uint8"))
    assert faults(claimed) == "no weight is uint8"
    names = {**artifact.output_names, "first": artifact.output_names["second"]}
    assert faults(replace(artifact, output_names=names)).startswith("output first: is tensor first:0, not ")
    shard = tmp_path / "tfjs" / "group1-shard1of1.bin"
    data = shard.read_bytes()
    shard.write_bytes(np.full(len(data) // 4, np.nan, "<f4").tobytes())
    assert faults(artifact).endswith(" holds NaN or infinity")
    shard.write_bytes(data[:-4])
    assert faults(artifact) == f"the shards have {len(data) - 4} bytes, the manifest's weights {len(data)}"
    shard.unlink()
    assert faults(artifact) == "group1-shard1of1.bin is missing"


def test_weights_are_cut_into_shards_of_4_mb(keras, tmp_path):
    inputs = keras.Input((1024,), name="x")
    artifact = export(keras.Model(inputs, keras.layers.Dense(1200, use_bias=False)(inputs)), "tfjs", tmp_path)
    sizes = [row.size_bytes for row in artifact.files if row.path.endswith(".bin")]
    assert sizes == [4 * 2**20, 1024 * 1200 * 4 - 4 * 2**20]
