"""The layer that creates an error is named, in every format, and told from those that pass it on."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.validation.localize_helpers import make_model
from validation.runtimes.tfjs_node import DIST

if TYPE_CHECKING:
    from onnx import GraphProto

FORMATS = ("onnx", "tflite", "tfjs")
FUSED = {
    "onnx": ("stem", "norm"),
    "tflite": ("stem", "norm", "relu"),
    "tfjs": ("stem", "norm", "relu"),
}
"""What each format makes one op of."""


@pytest.fixture(scope="module")
def cnn(tmp_path_factory):
    import keras

    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3), name="image"),
            layers.Conv2D(4, 3, use_bias=False, name="stem"),
            layers.BatchNormalization(name="norm"),
            layers.ReLU(name="relu"),
            layers.Conv2D(4, 3, strides=2, padding="same", activation="tanh", name="second"),
            layers.GlobalAveragePooling2D(name="squeeze"),
            layers.Dense(5, activation="softmax", name="classes"),
        ]
    )
    return make_model(model, tmp_path_factory.mktemp("cnn"), *FORMATS)


def one_weight(values: np.ndarray) -> None:
    """The fault: 0.1 % of one weight."""
    values.flat[np.argmax(np.abs(values))] *= np.float32(1.001)


@pytest.mark.parametrize("format", FORMATS)
def test_nobody_is_guilty_in_a_correct_file(cnn, format):
    found = cnn.localize(cnn.exports[format])
    assert found.guilty == ()
    assert found.reproducer == ""
    assert found.truth == "float64 twin of the original's graph"
    assert re.fullmatch(
        r"no layer alone is wrong; the greatest error is that of [\w +]+, [\d.]+ times its own noise",
        found.summary,
    )
    assert [name for row in found.layers for name in row.layers] == [
        "stem", "norm", "relu", "second", "squeeze", "classes",
    ]  # fmt: skip


@pytest.mark.parametrize("format", FORMATS)
def test_one_weight_off_by_a_thousandth_is_found_in_its_layer(cnn, format):
    found = cnn.localize(cnn.changed(format, "stem", 4, one_weight))
    assert found.guilty == FUSED[format]
    assert re.fullmatch(
        rf"{re.escape(' + '.join(FUSED[format]))} creates the error: [\d.e+]+ times its own noise",
        found.summary,
    )
    inherited = [row for row in found.layers if not row.guilty]
    assert all(row.inherited > 10 * row.alone for row in inherited if row.layers != ("classes",))


@pytest.mark.parametrize("format", FORMATS)
def test_the_last_layer_is_found_too(cnn, format):
    found = cnn.localize(cnn.changed(format, "classes", 2, one_weight))
    assert found.guilty == ("classes",)


@pytest.mark.parametrize("format", FORMATS)
def test_failing_case_fails_in_a_bare_process_and_passes_when_cured(cnn, format):
    found = cnn.localize(cnn.changed(format, "stem", 4, one_weight))
    directory = Path(found.reproducer)
    broken = run_bare(directory)
    assert broken.returncode == 1, broken.stdout + broken.stderr
    assert re.search(r"^greatest difference [\d.e-]+ at .*$", broken.stdout, re.MULTILINE)
    assert re.search(r"^rounding explains [\d.e-]+ and [\d.e-]+$", broken.stdout, re.MULTILINE)
    cure(directory)
    cured = run_bare(directory)
    assert cured.returncode == 0, cured.stdout + cured.stderr


def run_bare(directory: Path) -> subprocess.CompletedProcess[str]:
    """The script, in another directory and without edgeproof on the path."""
    [script] = directory.glob("reproduce.*")
    if script.suffix == ".cjs":
        modules = DIST.parent / "node_modules"
        if shutil.which("node") is None or not modules.is_dir():
            pytest.skip("needs Node and the packages of `make setup`")
        command, environment = ["node", str(script)], {"NODE_PATH": str(modules)}
    else:
        command, environment = [sys.executable, "-I", str(script)], {}
    path = {"PATH": str(Path(shutil.which(command[0]) or sys.executable).parent)}
    return subprocess.run(
        command, cwd="/", env=path | environment, capture_output=True, text=True, check=False
    )


def cure(directory: Path) -> None:
    """Lets the layers off: what they give is what is expected."""
    [script] = directory.glob("reproduce.*")
    text = script.read_text()
    text = re.sub(r'"limit": [^,]+, "rmsLimit": [^}]+', '"limit": 1, "rmsLimit": 1', text)
    script.write_text(
        re.sub(r"difference.max\(\) <= \S+ and rms <= \S+", "difference.max() <= 1 and rms <= 1", text)
    )


def test_a_changed_stride_is_told_by_the_shape(cnn):
    def restride(graph: GraphProto) -> None:
        conv = [node for node in graph.node if node.op_type == "Conv"][1]
        [strides] = [row for row in conv.attribute if row.name == "strides"]
        strides.ints[:] = [1, 1]

    found = cnn.localize(cnn.rewritten(restride))
    assert found.guilty == ("second",)
    assert found.summary == "second creates the error: shape [8, 5, 5, 4] instead of [8, 3, 3, 4]"


def test_layers_that_the_optimiser_joins_wrongly_are_named_together(tmp_path, monkeypatch):
    """Pad_Fusion of ONNX Runtime folds a zero padding into MaxPool, which pads with minus infinity."""
    import keras

    monkeypatch.setattr("converters.onnx_model.padding.protect_padding", lambda *_: [])
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((6, 6, 2), name="image"),
            layers.Conv2D(2, 1, use_bias=False, kernel_initializer="ones", name="stem"),
            layers.ZeroPadding2D(1, name="pad"),
            layers.MaxPooling2D(3, strides=2, name="pool"),
            layers.Flatten(name="flat"),
            layers.Dense(3, name="scores"),
        ]
    )
    samples = -np.random.default_rng(0).uniform(1, 2, (8, 6, 6, 2)).astype("f4")
    made = make_model(model, tmp_path, "onnx", samples=samples)
    found = made.localize(made.exports["onnx"])
    assert found.guilty == ("pad", "pool")
    assert found.summary == (
        "pad + pool creates the error: right when the tensor between them is looked at: "
        "the runtime joins them wrongly"
    )
    assert made.localize(made.exports["onnx"], "onnxruntime-unoptimized").guilty == ()
    assert run_bare(Path(found.reproducer)).returncode == 1


def test_the_sample_that_is_most_wrong_next_to_its_noise_is_looked_at(tmp_path):
    """The first samples show nothing: the faulty layer is saturated, and 1e-52 is 0 in any float32."""
    import keras

    layers = keras.layers
    x = keras.Input((4,), name="x")
    tower = layers.Dense(4, activation="tanh", kernel_initializer="identity", name="tower")(x)
    odds = layers.Dense(1, activation="sigmoid", kernel_initializer="ones", name="odds")(x)
    samples = np.concatenate([np.full((8, 4), -30, "f4"), np.full((8, 4), 0.1, "f4")])
    made = make_model(keras.Model(x, [tower, odds]), tmp_path, "onnx", samples=samples)
    found = made.localize(made.changed("onnx", "tower", 2, one_weight))
    assert (found.sample, found.guilty) == (8, ("tower",))


def test_an_op_put_behind_a_layer_belongs_to_that_layer(cnn):
    """As the one before it, it bears the name of what the layer hands on."""
    from onnx import helper, numpy_helper

    def clip(graph: GraphProto) -> None:
        place, node = next((i, n) for i, n in enumerate(graph.node) if n.op_type == "Tanh")
        given = node.output[0]
        node.output[0] = f"{given}/before"
        graph.node.insert(place + 1, helper.make_node("Clip", [node.output[0], "", "most"], [given]))
        graph.initializer.append(numpy_helper.from_array(np.array(0.1, "f4"), "most"))

    assert cnn.localize(cnn.rewritten(clip)).guilty == ("second",)
