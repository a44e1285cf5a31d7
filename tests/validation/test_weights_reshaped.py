"""Weights that a file holds in other pieces than the original multiplies by."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.detection.workshop import Workshop, prepare_model
from converters.artifact import Artifact, record_files
from converters.target import parse_targets
from tests.validation.weight_files import change_tfjs, change_tflite
from tests.zoo_case import Case
from validation.judge import judge
from validation.weights.check import find_wrong

pytestmark = pytest.mark.heavy

TARGETS = ("tflite:int8", "tflite:dynamic_int8", "tfjs:uint8")


def _model() -> Any:
    import keras

    keras.utils.clear_session()
    keras.utils.set_random_seed(0)
    layers = keras.layers
    x = keras.Input((3, 6, 6, 4), name="x")
    y = layers.ConvLSTM2D(8, 3, name="film")(x)
    y = layers.Conv2D(16, 3, groups=4, name="grouped")(y)
    y = layers.ReLU(name="relu")(layers.BatchNormalization(name="norm")(y))
    y = layers.GRU(12, reset_after=False, name="gru")(layers.Reshape((4, 16), name="steps")(y))
    model = keras.Model(x, layers.Dense(5, name="logits")(y))
    random = np.random.default_rng(0)
    norm = model.get_layer("norm")
    norm.gamma.assign(random.uniform(0.5, 2, 16))
    norm.moving_variance.assign(random.uniform(0.02, 0.2, 16))
    return model


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    work = tmp_path_factory.mktemp("reshaped")
    return prepare_model(_model(), Case("reshaped", _model), TARGETS, work, samples=16, seed=0)


def copied(made: Workshop, target: str, out: Path) -> Artifact:
    given = made.artifacts[parse_targets([target])[0]]
    shutil.copytree(given.directory, out)
    return replace(given, directory=out)


def found(file: Artifact, made: Workshop) -> list[tuple[str, int, int, int]]:
    wrong = find_wrong(replace(file, files=record_files(file.directory)), made.reference)
    return [(each.layer, each.channel, each.channels, each.wrong) for each in wrong]


@pytest.mark.parametrize("target", TARGETS)
def test_correct_exports_pass(made: Workshop, target: str):
    file = made.artifacts[parse_targets([target])[0]]
    runtime = {"tflite": "litert-reference", "tfjs": "tfjs-node-cpu"}[file.target.format]
    verdict = judge(artifact=file, runtime_name=runtime, reference=made.reference, label="it")
    assert (verdict.verdict, verdict.weights) == ("pass", ())


def zeroed(channel: int):
    def change(codes: np.ndarray) -> None:
        codes[..., channel] = 0

    return change


@pytest.mark.parametrize(
    ("place", "wrong"),
    [
        (("film", "/split/", 9), ("film", 9, 32, 1)),
        (("film", "/split_1/", 31), ("film", 31, 32, 1)),
        (("gru", "cell_1/ReadVariableOp", 30), ("gru", 30, 36, 1)),
        (("grouped", "folded-0", 1), ("grouped", 1, 16, 1)),
        (("grouped", "folded-2", 3), ("grouped", 11, 16, 1)),
    ],
)
def test_a_zeroed_channel_is_told_where_tfjs_keeps_it_in_other_pieces(
    made: Workshop, tmp_path: Path, place: tuple[str, str, int], wrong: tuple[str, int, int, int]
):
    layer, within, channel = place
    file = copied(made, "tfjs:uint8", tmp_path / "changed")
    change_tfjs(file.directory, layer, zeroed(channel), within)
    assert found(file, made) == [wrong]


@pytest.mark.parametrize("target", ["tflite:int8", "tflite:dynamic_int8"])
def test_a_zeroed_channel_of_grouped_convolutions_names_their_layer(
    made: Workshop, tmp_path: Path, target: str
):
    file = copied(made, target, tmp_path / "changed")
    change_tflite(file.directory, "grouped", zeroed(11))
    assert found(file, made) == [("grouped", 11, 16, 1)]
