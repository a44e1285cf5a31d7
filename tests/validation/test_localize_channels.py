"""A layer that is wrong in a small channel is named, however great its other channels are."""

from __future__ import annotations

import re
from pathlib import Path

import keras
import numpy as np
import pytest

from tests.validation.localize_helpers import make_model
from tests.validation.test_localize_layers import FORMATS, run_bare
from validation.localize.channels import enough_known
from validation.localize.measuring import difference, floor_of

layers = keras.layers

SCALES = (1e4, 1.0, 1e-3)


@pytest.fixture(scope="module")
def scaled(tmp_path_factory):
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((4, 4, 2), name="image"),
            layers.Conv2D(3, 1, use_bias=False, name="scales"),
            layers.LeakyReLU(0.2, name="leaky"),
            layers.AveragePooling2D(2, name="pool"),
        ]
    )
    kernel = np.random.default_rng(0).uniform(0.5, 1.5, (1, 1, 2, 3)) * SCALES
    model.get_layer("scales").kernel.assign(kernel)
    return make_model(model, tmp_path_factory.mktemp("scaled"), *FORMATS)


def small_weights(values: np.ndarray) -> None:
    """The fault: a thousandth of the smallest channel, which is nothing beside the greatest."""
    values[np.abs(values) < 0.1] *= np.float32(1.001)


@pytest.mark.parametrize("format", FORMATS)
def test_nobody_is_guilty_where_channels_differ_in_size(scaled, format):
    found = scaled.localize(scaled.exports[format])
    assert found.guilty == ()
    assert {row.channel for row in found.layers} == {None}


@pytest.mark.parametrize("format", FORMATS)
def test_a_fault_in_a_small_channel_names_the_layer_and_the_channel(scaled, format):
    found = scaled.localize(scaled.changed(format, "scales", 4, small_weights))
    assert found.guilty[0] == "scales"
    assert re.fullmatch(
        r"scales.* creates the error: [\d.e+]+ times its own noise in channel 2", found.summary
    )
    [row] = [row for row in found.layers if row.guilty]
    assert row.channel == 2
    assert (row.alone, row.inherited) == pytest.approx((1e-3, 1e-3), rel=1e-3)
    assert max(abs(row.low), abs(row.high)) < 0.1
    script = run_bare(Path(found.reproducer))
    assert script.returncode == 1, script.stdout + script.stderr
    assert numbers("root mean square difference", script.stdout) == pytest.approx([1.6e-6], rel=0.1)
    assert max(numbers("rounding explains", script.stdout)) < 1e-8  # of all channels together it is 1e-2


def numbers(words: str, text: str) -> list[float]:
    """Those that stand in the line that begins with these words."""
    [line] = re.findall(rf"^{words} (.*)$", text, re.MULTILINE)
    return [float(number) for number in line.split(" and ")]


def floor_and_error(truth: np.ndarray, noise: np.ndarray, off: np.ndarray) -> tuple[float, float]:
    """How many times over an array is off, all channels together and the worst of them."""
    answers = [difference(truth, truth + sign * noise, by_channel=True) for sign in (1, -1, 1, -1, 1)]
    floor = floor_of(truth, answers, "float32", 0.0)
    error = difference(truth, truth + off, by_channel=True)
    return floor.ratio(error), floor.worst_channel(error)[1]


def test_a_channel_is_held_to_its_own_noise():
    truth = np.ones((8, 2)) * (1e4, 1e-3)
    together, worst = floor_and_error(truth, truth * 1e-6, np.ones((8, 2)) * (0, 1e-7))
    assert together == pytest.approx(1e-5, rel=1e-6)
    assert worst == pytest.approx(100, rel=1e-3)


@pytest.mark.parametrize(
    ("noise", "times"), [(1e-6, 2.5), (1e-7, 25.0)], ids=["all of it", "four times its own"]
)
def test_a_channel_that_was_lucky_is_granted_the_noise_of_others_of_its_size(noise, times):
    truth = np.ones((8, 2)) * (1.0, 1.5)
    _, worst = floor_and_error(truth, np.ones((8, 2)) * (4e-6, noise), np.ones((8, 2)) * (0, 1e-5))
    assert worst == pytest.approx(times, rel=1e-3)


def test_a_channel_of_zeros_is_judged_with_the_others_only():
    """A threshold hides what moves below it, in the original and in what it was nudged to."""
    truth = np.ones((8, 2)) * (1.0, 0.0)
    together, worst = floor_and_error(truth, truth * 1e-6, np.ones((8, 2)) * (0, 1e-6))
    assert (together, worst) == (pytest.approx(1, rel=1e-3), 0)


def test_what_is_less_than_a_normal_number_may_be_taken_for_zero():
    truth = np.ones((8, 2)) * (1.0, 1e-38)
    _, worst = floor_and_error(truth, truth * 1e-6, -truth * (0, 1))
    assert worst == pytest.approx(1e-38 / 2.0**-126)


@pytest.mark.parametrize(
    ("shape", "dtype", "enough"),
    [((3, 5), "f4", True), ((2, 5), "f4", False), ((9,), "f4", False), ((9, 1), "f4", False),
     ((9, 5), "i4", False)],
    ids=["enough", "too-few", "no-channels", "one-channel", "integers"],
)  # fmt: skip
def test_a_channel_is_judged_where_enough_of_it_is_known(shape, dtype, enough):
    assert enough_known(np.ones(shape, dtype), answers=7) is enough
