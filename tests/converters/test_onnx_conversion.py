from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from converters import passes, to_onnx, to_tfjs
from converters.errors import EdgeproofError
from converters.freeze import load_graph_def
from converters.frozen import RECORD_NAME, ConversionOptions, FrozenGraph
from converters.serial import loads
from converters.target import ExportTarget
from tests.converters.exporting import answers, export, freeze_keras, of_keras, op_model, relative_error

ROOT = Path(__file__).resolve().parents[2]
HALF = ExportTarget("onnx", "float16")
RUNTIMES = ("onnxruntime-cpu", "onnxruntime-unoptimized")


@pytest.fixture(scope="module")
def keras():
    import keras

    return keras


@pytest.fixture
def images(keras):
    """Two inputs, two outputs that share shape and dtype, names in no alphabetical order."""
    keras.utils.set_random_seed(1)
    right, left = keras.Input((6, 6, 2), name="right"), keras.Input((4,), name="left")
    x = keras.layers.Conv2D(3, 3, name="conv")(right)
    x = keras.layers.Flatten()(x)
    second = keras.layers.Dense(4, name="second")(x)
    first = keras.layers.Add(name="first")([second, left])
    return keras.Model([right, left], [second, first])


def feed_for(model, rng=None):
    rng = rng or np.random.default_rng(0)
    return {
        tensor.name: rng.uniform(-2, 2, [3 if size is None else size for size in tensor.shape]).astype("f4")
        for tensor in model.inputs
    }


def test_names_order_shapes_and_layout_are_those_of_the_keras_model(images, tmp_path):
    artifact = export(images, "onnx", tmp_path)
    assert str(artifact.signature) == (
        "(right: float32[?, 6, 6, 2], left: float32[?, 4]) -> (second: float32[?, 4], first: float32[?, 4])"
    )
    feed = feed_for(images)
    want = of_keras(images, feed)
    for name in RUNTIMES:
        got = answers(artifact, name, feed)
        assert list(got) == ["second", "first"]
        assert all(relative_error(got[key], want[key]) < 1e-6 for key in want)


def test_default_opset_is_18_and_another_can_be_chosen(images, tmp_path):
    import onnx

    for opset, want in ((None, 18), (15, 15)):
        artifact = export(images, "onnx", tmp_path / str(opset), opset=opset)
        assert [row.version for row in onnx.load(artifact.entry_path).opset_import] == [want]


def test_an_opset_that_tf2onnx_does_not_write_is_refused(images, tmp_path):
    with pytest.raises(EdgeproofError) as caught:
        export(images, "onnx", tmp_path, opset=23)
    assert str(caught.value) == (
        "onnx: no such opset here\n  got:  23\n  want: 13 to 18\n  fix:  leave the opset out to get 18"
    )


def test_an_op_that_tf2onnx_stumbles_over_is_an_error_that_names_the_layer(keras, tmp_path, monkeypatch):
    import tensorflow as tf

    spectrum = op_model(keras, lambda x: tf.abs(tf.signal.stft(x, 8, 4)), (32,))
    monkeypatch.setitem(passes.PASSES, "onnx", ())  # complex_parts leaves none of these
    with pytest.raises(EdgeproofError) as caught:
        export(spectrum, "onnx", tmp_path)
    assert caught.value.what == "onnx:float32: tf2onnx can't translate the graph"
    assert re.fullmatch(
        r"layer op \(\S*/Abs\): ValueError: make_sure failure: "
        r"ComplexAbs expected the first dimension to be 2 but shape is \[-1, -1, -1, -1\]",
        caught.value.got,
    )


def test_an_op_without_translation_is_an_error_that_names_the_layer(keras, tmp_path):
    import tensorflow as tf

    model = op_model(keras, tf.math.digamma, (3,))
    with pytest.raises(EdgeproofError) as caught:
        export(model, "onnx", tmp_path)
    assert str(caught.value) == (
        "onnx:float32: ops that ONNX doesn't have\n"
        "  got:  Digamma in layer op\n"
        "  want: ops that tf2onnx 1.17.0 translates\n"
        "  fix:  replace the layer named here by one of common ops, or leave this target out"
    )


def test_a_grouped_convolution_is_one_conv_with_groups(keras, tmp_path):
    import onnx

    inputs = keras.Input((5, 5, 6), name="x")
    model = keras.Model(inputs, keras.layers.Conv2D(9, 3, groups=3, name="conv")(inputs))
    artifact = export(model, "onnx", tmp_path)
    convs = [node for node in onnx.load(artifact.entry_path).graph.node if node.op_type == "Conv"]
    assert [[a.i for a in node.attribute if a.name == "group"] for node in convs] == [[3]]
    feed = feed_for(model)
    for name in RUNTIMES:
        assert relative_error(answers(artifact, name, feed)["conv"], of_keras(model, feed)["conv"]) < 1e-6


@pytest.mark.parametrize(
    "added", [2.0, np.linspace(-1, 1, 4).reshape(4, 1, 1)], ids=["scalar", "along-height"]
)
def test_a_constant_that_is_no_bias_is_not_folded_into_the_convolution(keras, tmp_path, added):
    """A scalar made tf2onnx raise (MobileNetV3); one along the height became the bias of 4 filters."""
    inputs = keras.Input((4, 4, 2), name="x")
    x = keras.layers.Conv2D(4, 1, use_bias=False)(inputs)
    x = keras.layers.Lambda(lambda v: keras.ops.relu6(v + keras.ops.cast(added, "float32")))(x)
    model = keras.Model(inputs, keras.layers.Conv2D(3, 1, name="last")(x))
    feed = feed_for(model)
    artifact = export(model, "onnx", tmp_path)
    for name in RUNTIMES:
        assert relative_error(answers(artifact, name, feed)["last"], of_keras(model, feed)["last"]) < 1e-6


def test_a_square_on_a_map_of_one_pixel_keeps_its_channels_in_place(keras, tmp_path):
    """tf2onnx made a reshape of a transpose, from the shape that the square had before it was moved."""
    layers = [keras.layers.Conv2D(5, 1), keras.layers.LayerNormalization(name="y")]
    model = keras.Sequential([keras.Input((1, 1, 3), name="x"), *layers])
    feed = {"x": np.linspace(-1, 1, 6, dtype=np.float32).reshape(2, 1, 1, 3)}
    got = answers(export(model, "onnx", tmp_path), "onnxruntime-cpu", feed)["y"]
    assert relative_error(got, of_keras(model, feed)["y"]) < 1e-5


def test_a_failing_optimiser_pass_is_left_out(images, tmp_path, monkeypatch, caplog):
    """What tf2onnx does by itself, at the price of copies; here only where it is needed."""
    from tf2onnx.optimizer.reshape_optimizer import ReshapeOptimizer

    def fail(self, graph):
        raise ValueError("broken pass")

    monkeypatch.setattr(ReshapeOptimizer, "_optimize", fail)
    artifact = export(images, "onnx", tmp_path)
    feed = feed_for(images)
    got, want = answers(artifact, "onnxruntime-cpu", feed), of_keras(images, feed)
    assert all(relative_error(got[key], want[key]) < 1e-6 for key in want)
    assert "a tf2onnx pass failed; translating again with copies" in caplog.messages


def test_an_unused_input_stays_in_the_file(keras, tmp_path):
    used, unused = keras.Input((3,), name="used"), keras.Input((2,), name="unused")
    model = keras.Model([used, unused], keras.layers.Dense(2, name="y")(used))
    artifact = export(model, "onnx", tmp_path)
    assert artifact.signature.input_names == ("used", "unused")
    assert answers(artifact, "onnxruntime-cpu", feed_for(model))["y"].shape == (3, 2)


def test_confirm_finds_other_names_and_missing_numbers(images, tmp_path):
    import onnx
    from onnx.numpy_helper import from_array, to_array

    artifact = export(images, "onnx", tmp_path)
    renamed = replace(artifact, output_names={"second": "first", "first": "second"})
    with pytest.raises(EdgeproofError) as caught:
        to_onnx.confirm(renamed)
    assert caught.value.what == "onnx:float32: the file's signature isn't the recorded one"
    assert caught.value.got == (
        "outputs are (second: float32[?, 4], first: float32[?, 4]), "
        "not (first: float32[?, 4], second: float32[?, 4])"
    )
    model = onnx.load(artifact.entry_path)
    tensor = next(t for t in model.graph.initializer if len(t.dims) == 4)
    values = to_array(tensor).copy()
    values.flat[0] = np.nan
    tensor.CopyFrom(from_array(values, tensor.name))
    onnx.save(model, artifact.entry_path)
    with pytest.raises(EdgeproofError) as caught:
        to_onnx.confirm(artifact)
    assert caught.value.what == "onnx:float32: the file holds weights that are no numbers"
    assert caught.value.got == f"{tensor.name} holds NaN or infinity"


def test_confirm_runs_into_what_onnx_runtime_does_not_load(images, tmp_path):
    import onnx

    artifact = export(images, "onnx", tmp_path)
    model = onnx.load(artifact.entry_path)
    model.graph.node[0].op_type = "Nonsense"
    onnx.save(model, artifact.entry_path)
    with pytest.raises(EdgeproofError) as caught:
        to_onnx.confirm(artifact)
    assert caught.value.what == "onnx:float32: ONNX Runtime doesn't load the file"
    assert "Nonsense" in caught.value.got


def hashes(frozen: Path, out: Path) -> dict[str, str]:
    """Of every file that ONNX and TF.js are written to; `out` doesn't exist yet."""
    record = (frozen / RECORD_NAME).read_text(encoding="utf-8")
    graph = replace(loads(record, FrozenGraph), directory=frozen)
    made = [m.convert(graph, out / m.__name__, ConversionOptions()) for m in (to_onnx, to_tfjs)]
    return {row.path: row.sha256 for artifact in made for row in artifact.files}


ELSEWHERE = """
import json, sys
from pathlib import Path
from tests.converters.test_onnx_conversion import hashes
print(json.dumps(hashes(*map(Path, sys.argv[1:]))))
"""


def test_bytes_do_not_depend_on_the_process(keras, tmp_path):
    """Loops, branches and equal nodes are what tf2onnx orders by hash seed and address."""
    inputs = keras.Input((5, 5, 2), name="x")
    x = keras.layers.Conv2D(4, 3, padding="same", activation="relu")(inputs)
    x = keras.layers.Reshape((5, 20))(x)
    x = keras.layers.Masking()(x)
    gru = keras.layers.GRU(3, return_sequences=True)(x)
    both = [keras.layers.Average()([gru, gru]), keras.layers.Add()([gru, gru])]
    model = keras.Model(inputs, keras.layers.Concatenate()(both))
    freeze_keras(model, tmp_path / "frozen")
    here = hashes(tmp_path / "frozen", tmp_path / "here")
    assert set(here) == {"model.onnx", "model.json", "group1-shard1of1.bin"}
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, tmp_path / "frozen", tmp_path / "elsewhere"],
        env={**os.environ, "PYTHONHASHSEED": "1"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout.splitlines()[-1]) == here


class TestFloat16:
    def test_inputs_and_outputs_stay_float32_and_the_error_is_that_of_half_precision(self, images, tmp_path):
        base = export(images, "onnx", tmp_path)
        artifact = to_onnx.derive(
            base, ExportTarget("onnx", "float16"), tmp_path / "half", ConversionOptions()
        )
        to_onnx.confirm(artifact)
        assert artifact.signature == base.signature
        feed = feed_for(images)
        got, want = answers(artifact, "onnxruntime-cpu", feed), of_keras(images, feed)
        assert all(1e-6 < relative_error(got[key], want[key]) < 5e-3 for key in want)

    def test_what_float16_does_to_large_and_tiny_weights_is_noted(self, keras, tmp_path):
        inputs = keras.Input((2,), name="x")
        layer = keras.layers.Dense(2, name="dense")
        model = keras.Model(inputs, layer(inputs))
        layer.set_weights([np.array([[1e5, 1], [1e-9, 1]], "f4"), np.zeros(2, "f4")])
        base = export(model, "onnx", tmp_path)
        artifact = to_onnx.derive(
            base, ExportTarget("onnx", "float16"), tmp_path / "half", ConversionOptions()
        )
        [over, under] = artifact.notes
        assert over.endswith(": 1 of 4 value(s) exceed float16, now 65504")
        assert under.endswith(": 1 of 4 value(s) are below float16, now 6e-8")

    def test_casts_inside_the_graph_go_to_float16_as_well(self, keras, tmp_path):
        """onnxconverter-common leaves them at float32, which ONNX Runtime refuses."""
        inputs = keras.Input((3,), name="x", dtype="uint8")
        model = keras.Model(inputs, keras.layers.Dense(2, name="y")(keras.layers.Rescaling(1 / 255)(inputs)))
        base = export(model, "onnx", tmp_path)
        artifact = to_onnx.derive(
            base, ExportTarget("onnx", "float16"), tmp_path / "half", ConversionOptions()
        )
        to_onnx.confirm(artifact)

    def test_a_model_without_weights_is_refused(self, keras, tmp_path):
        inputs = keras.Input((2,), name="x")
        base = export(keras.Model(inputs, keras.layers.ReLU()(inputs)), "onnx", tmp_path)
        with pytest.raises(EdgeproofError) as caught:
            to_onnx.derive(base, HALF, tmp_path / "half", ConversionOptions())
        assert str(caught.value) == (
            "onnx:float16: there is no weight to store in fewer bits\n"
            "  got:  no float32 constant of more than one element\n"
            "  want: a model with float32 weights\n"
            "  fix:  take onnx:float32"
        )


def test_translation_leaves_the_frozen_graph_alone(images, tmp_path):
    graph = freeze_keras(images, tmp_path / "frozen")
    before = load_graph_def(graph).SerializeToString(deterministic=True)
    to_onnx.convert(graph, tmp_path / "onnx", ConversionOptions())
    assert load_graph_def(graph).SerializeToString(deterministic=True) == before
