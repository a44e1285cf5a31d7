"""Wrong weights in 8-bit files, from the converters' exports to the verdict."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.detection.tflite_file import TfliteFile
from bench.detection.workshop import Workshop, prepare_model
from converters.artifact import Artifact, record_files
from converters.target import parse_targets
from tests.validation.weight_files import Change, change_tfjs, change_tflite
from tests.zoo_case import Case
from validation.foreign import adopt
from validation.judge import judge
from validation.limit import Limit
from validation.localize import localize
from validation.verdict import Verdict
from validation.weights.check import find_wrong

pytestmark = pytest.mark.heavy

TARGETS = ("tflite:int8", "tflite:int8_io", "tflite:dynamic_int8", "tfjs:uint8")
RUNTIMES = {"tflite": "litert-reference", "tfjs": "tfjs-node-cpu"}


def _model() -> Any:
    import keras

    keras.utils.clear_session()
    keras.utils.set_random_seed(0)
    layers = keras.layers
    x = keras.Input((10, 10, 3), name="x")
    y = layers.Conv2D(24, 3, use_bias=False, name="stem")(x)
    y = layers.ReLU(name="relu")(layers.BatchNormalization(name="norm")(y))
    y = layers.DepthwiseConv2D(3, name="depthwise")(y)
    y = layers.Conv2DTranspose(16, 3, activation="relu", name="up")(y)
    y = layers.Dense(32, "relu", name="hidden")(layers.GlobalAveragePooling2D(name="mean")(y))
    model = keras.Model(x, layers.Dense(5, name="logits")(y))
    random = np.random.default_rng(0)
    norm = model.get_layer("norm")
    norm.gamma.assign(np.where(np.arange(24) == 2, 0, random.uniform(0.5, 2, 24)))
    norm.moving_variance.assign(random.uniform(0.2, 2, 24))
    return model


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    work = tmp_path_factory.mktemp("weights")
    return prepare_model(_model(), Case("weights", _model), TARGETS, work, samples=16, seed=0)


def artifact(made: Workshop, target: str) -> Artifact:
    return made.artifacts[parse_targets([target])[0]]


def changed(made: Workshop, target: str, layer: str, change: Change, out: Path) -> Artifact:
    """The export with the codes of a layer's weight changed; channels last, zero at 0."""
    given = artifact(made, target)
    shutil.copytree(given.directory, out)
    {"tflite": change_tflite, "tfjs": change_tfjs}[given.target.format](out, layer, change)
    return replace(given, directory=out, files=record_files(out))


def judged(made: Workshop, file: Artifact) -> Verdict:
    runtime = RUNTIMES[file.target.format]
    return judge(artifact=file, runtime_name=runtime, reference=made.reference, label="the file")


def zeroed(codes: np.ndarray) -> None:
    codes[..., 3] = 0


def swapped(codes: np.ndarray) -> None:
    codes[..., [3, 4]] = codes[..., [4, 3]]


def clipped(codes: np.ndarray) -> None:
    greatest = int(0.8 * np.abs(codes).max())
    codes[...] = codes.clip(-greatest, greatest)


@pytest.mark.parametrize("target", TARGETS)
def test_a_correct_export_passes_though_a_channel_is_switched_off(made: Workshop, target: str):
    verdict = judged(made, artifact(made, target))
    assert (verdict.verdict, verdict.weights) == ("pass", ())


@pytest.mark.parametrize("change", [zeroed, swapped, clipped])
@pytest.mark.parametrize("layer", ["stem", "depthwise", "up", "hidden"])
@pytest.mark.parametrize("target", TARGETS)
def test_wrong_channels_of_a_layer_are_told(
    made: Workshop, tmp_path: Path, target: str, layer: str, change: Change
):
    file = changed(made, target, layer, change, tmp_path / "changed")
    (found,) = find_wrong(file, made.reference)
    assert found.layer == layer
    if change is not clipped:
        assert found.channel in (3, 4)
        assert found.wrong == (1 if change is zeroed else 2)


@pytest.mark.parametrize("target", ["tflite:dynamic_int8", "tfjs:uint8"])
def test_a_wrong_channel_is_a_failure_of_the_file_and_names_its_layer(
    made: Workshop, tmp_path: Path, target: str
):
    file = changed(made, target, "hidden", zeroed, tmp_path / "changed")
    verdict = judged(made, file)
    (found,) = verdict.weights
    assert (verdict.verdict, verdict.blame) == ("fail", "file")
    assert (
        f"weights of hidden: channel 3 of 32 is {found.ratio:.3g} times as far off as rounding to 8 bits "
        in (verdict.reason)
    )
    where = localize(
        artifact=file,
        runtime_name=verdict.runtime,
        reference=made.reference,
        graph=made.graph,
        out=tmp_path / "case",
    )
    assert where.guilty == ("hidden",)


def test_a_right_weight_that_no_op_takes_excuses_nothing(made: Workshop, tmp_path: Path):
    given = artifact(made, "tflite:dynamic_int8")
    file = TfliteFile(given, made.layers)
    op = next(op for op in file.ops() if op.kind == "FULLY_CONNECTED")
    values = file.constant(op, 1).copy()
    values[3] = 0
    file.replace(op, 1, values)
    file.write(tmp_path)
    (found,) = find_wrong(replace(given, directory=tmp_path, files=record_files(tmp_path)), made.reference)
    assert (found.layer, found.channel, found.wrong) == ("hidden", 3, 1)


def test_files_of_others_are_held_to_it_too(made: Workshop, tmp_path: Path):
    file = changed(made, "tflite:dynamic_int8", "up", zeroed, tmp_path / "changed")
    adopted = adopt(path=file.entry_path, signature=made.reference.signature, reference=made.reference)
    assert [found.layer for found in judged(made, adopted).weights] == ["up"]


def test_limits_of_the_user_take_its_place(made: Workshop, tmp_path: Path):
    file = changed(made, "tflite:dynamic_int8", "hidden", zeroed, tmp_path / "changed")
    loose = replace(made.reference, limits={"logits": Limit(rtol=0.0, atol=1e6)})
    verdict = judge(artifact=file, runtime_name="litert-reference", reference=loose, label="the file")
    assert (verdict.verdict, verdict.weights) == ("pass", ())
