"""Tensors that look like a layer's and are not, 8-bit files, and what keeps an answer from being told."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import keras
import numpy as np
import pytest

from converters.convert import convert
from converters.frozen import ConversionOptions
from converters.target import ExportTarget
from tests.validation.localize_helpers import make_model
from tests.validation.test_localize_layers import cnn, one_weight, run_bare
from validation.feeds import FeedSpec, write_feeds
from validation.localize.scripts import TFJS_VERSION
from validation.runtimes.tfjs_node import DIST

if TYPE_CHECKING:
    from onnx import GraphProto

__all__ = ["cnn"]

layers = keras.layers


@pytest.fixture(scope="module")
def in_8_bits(cnn, tmp_path_factory):
    """The network with its int8 export in place of the one in float32."""
    calibration, out = (tmp_path_factory.mktemp(name) for name in ("calibration", "int8"))
    spec = FeedSpec(samples=64, directed=False, searched=0)
    options = ConversionOptions(calibration=write_feeds(spec, cnn.graph.signature, calibration))
    export = convert(cnn.graph, ExportTarget("tflite", "int8"), out / "export", options)
    return type(cnn)(cnn.graph, cnn.reference, {"tflite": export}, out)


def test_nobody_is_guilty_in_a_correct_file_of_8_bits(in_8_bits):
    found = in_8_bits.localize(in_8_bits.exports["tflite"])
    assert found.guilty == ()
    assert re.fullmatch(
        r"every layer is as good as its quantization allows; the most is lost in "
        r"[\w +]+ \([\d.]+ dB\)(, [\w +]+ \([\d.]+ dB\)){2}",
        found.summary,
    )


def test_a_bias_dropped_in_8_bits_is_no_rounding(in_8_bits):
    """Kernels add up in int32, exactly: were each term rounded, it would be less than eight times that."""

    def drop(values: np.ndarray) -> None:
        values[:] = 0

    found = in_8_bits.localize(in_8_bits.changed("tflite", "second", 1, drop))
    assert found.guilty[0] == "second"


def test_a_tensor_within_an_op_is_not_taken_for_its_result(tmp_path):
    """TFLite has softplus as ReLU(x) + log1p(exp(-|x|)): of great numbers, the ReLU is all but the whole."""
    model = keras.Sequential(
        [
            keras.Input((6,), name="x"),
            layers.Activation("softplus", name="softplus"),
            layers.Dense(4, name="scores"),
        ]
    )
    samples = np.random.default_rng(0).uniform(5, 80, (8, 6)).astype("f4")
    made = make_model(model, tmp_path, "tflite", samples=samples)
    found = made.localize(made.changed("tflite", "scores", 2, one_weight))
    assert found.guilty == ("scores",)
    assert [row.ops[-1] for row in found.layers] == ["ADD", "FULLY_CONNECTED"]


def test_indices_of_64_bits_are_fed_to_tfjs_as_it_has_them(tmp_path):
    x = keras.Input((3,), name="words", dtype="int64")
    y = layers.Flatten(name="flat")(layers.Embedding(9, 4, name="embed")(x))
    samples = np.random.default_rng(0).integers(0, 9, (32, 3))
    model = keras.Model(x, layers.Dense(2, name="scores")(y))
    made = make_model(model, tmp_path, "tfjs", samples=samples)
    found = made.localize(made.changed("tfjs", "embed", 2, one_weight))
    assert found.guilty == ("embed",)
    script = run_bare(Path(found.reproducer))
    assert script.returncode == 1
    assert script.stdout.startswith("greatest difference "), script.stdout


def test_the_layer_is_told_where_no_failing_case_can_be_written(cnn):
    artifact = cnn.changed("onnx", "stem", 4, one_weight)
    in_the_way = artifact.directory.with_name(f"{artifact.directory.name}-case")
    in_the_way.write_text("a file")
    found = cnn.localize(artifact)
    assert (found.guilty, found.reproducer) == (("stem", "norm"), "")
    assert found.notes == (f"no smaller failing case: [Errno 17] File exists: '{in_the_way}'",)
    assert in_the_way.read_text() == "a file"


def test_scripts_ask_for_the_version_of_tfjs_that_was_judged():
    pinned = json.loads((DIST.parent / "package.json").read_text())["devDependencies"]
    of_tfjs = {version for name, version in pinned.items() if name.startswith("@tensorflow/tfjs")}
    assert of_tfjs == {TFJS_VERSION}


def test_a_folded_norm_before_a_wrong_dilation_is_not_accused(tmp_path):
    """The convolution bears the name of what it was before the norm was folded in: no match of that.

    The pool behind it has another size than it should, which nothing from before the convolution explains.
    """
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3), name="image"),
            layers.Conv2D(4, 3, padding="same", use_bias=False, name="stem"),
            layers.BatchNormalization(name="norm"),
            layers.ReLU(name="relu"),
            layers.Conv2D(4, 3, dilation_rate=2, padding="same", activation="relu", name="dilated"),
            layers.MaxPooling2D(2, name="pool"),
            layers.GlobalAveragePooling2D(name="squeeze"),
            layers.Dense(3, name="scores"),
        ]
    )
    made = make_model(model, tmp_path, "onnx")

    def undilate(graph: GraphProto) -> None:
        node = [node for node in graph.node if node.op_type == "Conv"][1]
        [dilations] = [row for row in node.attribute if row.name == "dilations"]
        dilations.ints[:] = [2, 1]

    found = made.localize(made.rewritten(undilate))
    assert found.guilty == ("dilated",)
    assert found.summary == "dilated creates the error: shape [8, 8, 10, 4] instead of [8, 8, 8, 4]"


def test_noise_behind_a_layer_belongs_to_that_layer(cnn):
    """It takes the layer's result twice, and is another one on every call."""
    from onnx import helper

    def disturb(graph: GraphProto) -> None:
        place, node = next((i, n) for i, n in enumerate(graph.node) if n.op_type == "Tanh")
        given, before = node.output[0], f"{node.output[0]}/before"
        node.output[0], name, node.name = before, node.name, f"{node.name}/before"
        drawn = helper.make_node("RandomNormalLike", [before], ["noise"], mean=1.0, scale=0.05)
        graph.node.insert(place + 1, helper.make_node("Mul", [before, "noise"], [given], name=name))
        graph.node.insert(place + 1, drawn)

    found = cnn.localize(cnn.rewritten(disturb))
    assert found.guilty == ("second",)
    [row] = [row for row in found.layers if row.guilty]
    assert row.ops == ("Conv", "Tanh", "RandomNormalLike", "Mul")


def test_layers_behind_one_that_does_not_run_are_not_accused(cnn):
    """What they are fed has the file's dtype, though no run has shown it."""

    def group(graph: GraphProto) -> None:
        conv = [node for node in graph.node if node.op_type == "Conv"][1]
        [groups] = [row for row in conv.attribute if row.name == "group"]
        groups.i = 3

    found = cnn.localize(cnn.rewritten(group))
    assert found.guilty == ("second",)
    assert found.summary.startswith("second creates the error: [ONNXRuntimeError] : 1 : FAIL : ")
    assert "so do" not in found.summary


def test_casts_behind_a_fused_layer_belong_to_that_layer(cnn):
    """The layer that the norm is folded into is found by its values: the same before the casts."""
    from onnx import TensorProto, helper

    def halve(graph: GraphProto) -> None:
        place, node = next((i, n) for i, n in enumerate(graph.node) if n.op_type == "Conv")
        given = node.output[0]
        node.output[0], name, node.name = f"{given}/before", node.name, f"{node.name}/before"
        for source, target, to, named in (
            (f"{given}/half", given, TensorProto.FLOAT, name),
            (f"{given}/before", f"{given}/half", TensorProto.FLOAT16, f"{name}/half"),
        ):
            graph.node.insert(place + 1, helper.make_node("Cast", [source], [target], name=named, to=to))

    found = cnn.localize(cnn.rewritten(halve))
    assert found.guilty == ("stem", "norm")
    [row] = [row for row in found.layers if row.guilty]
    assert row.ops == ("Transpose", "Conv", "Cast", "Cast")


def test_a_layer_that_overflows_as_the_original_does_is_not_accused(tmp_path):
    """Of exp(89) the float64 twin has a number, and float32 has none."""
    x = keras.Input((4,), name="x")
    grown = layers.Activation("exponential", name="grown")(x)
    model = keras.Model(x, [grown, layers.Dense(3, name="scores")(x)])
    samples = np.random.default_rng(0).uniform(-3, 3, (8, 4)).astype("f4")
    samples[:, 0] = 89
    made = make_model(model, tmp_path, "onnx", samples=samples)
    assert made.localize(made.exports["onnx"]).guilty == ()
    assert made.localize(made.changed("onnx", "scores", 2, one_weight)).guilty == ("scores",)
