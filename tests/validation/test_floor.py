"""The noise floor of each element, from a few runs' errors."""

from __future__ import annotations

import math

import numpy as np
import pytest

from converters.signature import TensorSpec
from validation.compare import OutputMeter
from validation.floor import noise_floor, pool
from validation.noise_meter import NoiseMeter

ROUNDOFF, LEAST = 2.0**-24, 2.0**-126


def floor(errors, truth, *, channels: bool = True) -> np.ndarray:
    return noise_floor(errors, truth, roundoff=ROUNDOFF, least=LEAST, channels=channels)


def gaussian(*shape: int, scale: float = 1e-7) -> np.ndarray:
    return np.abs(np.random.default_rng(0).standard_normal(shape)) * scale


TRUTH = np.random.default_rng(1).uniform(1, 2, (200, 4)) * 1e-3
"""Of one octave, but for a few; so small that unit roundoffs of it don't count."""


def test_an_element_that_was_lucky_has_the_floor_of_the_others():
    errors = gaussian(2, 200, 4)
    errors[:, 7, 2] = 0.0
    found = floor(errors, TRUTH)
    assert found[7, 2] == pytest.approx(2e-7, rel=0.2)
    assert np.median(found) == pytest.approx(2e-7, rel=0.2)


def test_a_big_channel_does_not_excuse_a_small_one():
    errors = gaussian(2, 200, 4)
    errors[..., 3] *= 1000
    found = floor(errors, TRUTH)
    assert found[:, :3].max() < 5e-7
    assert found[:, 3].min() > 1e-4


def test_great_values_do_not_excuse_small_ones_where_errors_grow_with_them():
    truth = 2.0 ** np.random.default_rng(2).uniform(-20, 0, (400, 1))
    errors = gaussian(2, 400, 1, scale=1e-3) * truth
    found = floor(errors, truth)
    assert (found < 0.02 * truth).all()
    assert np.median(found / truth) == pytest.approx(2.5e-3, rel=0.4)


def test_a_flipped_rounding_is_granted_to_its_element_alone():
    errors = gaussian(2, 200, 4)
    errors[0, 7, 2] = 1.0
    found = floor(errors, TRUTH)
    assert found[7, 2] == 1.0
    assert np.delete(found.ravel(), 7 * 4 + 2).max() < 5e-7


def test_a_zero_has_the_floor_of_the_least_elements_of_its_channel():
    truth, errors = TRUTH.copy(), gaussian(2, 200, 4)
    errors[..., 1] *= 100
    truth[::2], errors[:, ::2] = 0.0, 0.0
    found = floor(errors, truth)
    assert found[0, 0] == pytest.approx(2e-7, rel=0.3)
    assert found[0, 1] == pytest.approx(2e-5, rel=0.3)


def test_a_channel_of_zeros_has_no_excuse():
    truth, errors = TRUTH.copy(), gaussian(2, 200, 4)
    truth[:, 1], errors[..., 1] = 0.0, 0.0
    assert pool(errors, truth, channels=True)[0][0, 1] > 0, "it is not told from a channel that is cut off"
    truth[:], errors[:] = 0.0, 0.0
    assert (floor(errors, truth) == LEAST).all()


def test_two_unit_roundoffs_of_the_element_are_always_granted():
    truth = np.array([[1000.0, 1.0, 2.0**-140]])
    np.testing.assert_allclose(floor(np.zeros((2, 1, 3)), truth), [[1000 * 2.0**-23, 2.0**-23, LEAST]])


def test_few_elements_are_pooled_over_channels_and_runs_enough_bound_that():
    truth = np.array([[1e-6, 1e-3]])
    errors = np.array([1.0, 0.5, 0.8, 0.2, 1.1, 0.9]).reshape(6, 1, 1) * np.array([[1e-9, 1e-5]])
    assert floor(errors, truth)[0, 0] < 5e-9
    assert floor(errors[:2], truth)[0, 0] == pytest.approx(1e-5)


def test_numbers_that_are_none_take_no_part():
    truth = TRUTH.copy()
    truth[3, 0], truth[4, 1] = np.nan, np.inf
    assert np.isfinite(floor(gaussian(2, 200, 4), truth)).all()


# differences in units of the floor

Y = TensorSpec("y", (None, 2), "float32")


def test_ratio_and_root_mean_square_of_the_worst_channel():
    meter = NoiseMeter(Y, 2.0)
    difference = np.tile([[1.0, 3.0], [1.0, -0.0]], (10, 1))
    ratio, beyond = meter.add(difference, np.full((20, 2), 0.5))
    assert ratio.max() == 6.0
    assert beyond.sum() == 10
    assert meter.greatest == 6.0
    assert meter.rms == pytest.approx(np.sqrt(18))


def test_a_channel_of_few_elements_says_nothing_alone():
    meter = NoiseMeter(Y, 2.0)
    meter.add(np.array([[1.0, 3.0]]), np.ones((1, 2)))
    assert meter.rms == pytest.approx(np.sqrt(5))


def test_nothing_is_no_difference_and_infinity_is_beyond_any_floor():
    meter = NoiseMeter(TensorSpec("y", (None,), "float32"), 2.0)
    ratio, beyond = meter.add(np.array([0.0, 1.0, np.inf]), np.array([0.0, 0.0, np.inf]))
    assert ratio.tolist() == [0.0, np.inf, np.inf]
    assert beyond.tolist() == [False, True, True]
    assert (meter.greatest, meter.rms) == (np.inf, np.inf)


def test_without_a_floor_there_is_no_ratio():
    meter = OutputMeter(Y)
    meter.add(np.zeros((1, 2)), np.zeros((1, 2), np.float32), 0)
    assert (meter.result().noise_ratio, meter.result().noise_ratio_rms) == (None, None)


def test_the_worst_element_is_the_one_that_is_worst_for_its_floor():
    meter = OutputMeter(Y, limit=np.inf, noise_limit=8.0)
    expected = np.array([[100.0, 1.0]])
    meter.add(expected, np.array([[100.1, 1.01]], np.float32), 0, np.array([[1.0, 1e-6]]))
    found = meter.result()
    assert found.worst_index == (0, 1)
    assert found.max_abs == pytest.approx(0.1, rel=1e-3)
    assert found.mismatched == 1


def test_an_integer_that_roundings_move_as_far_is_equal():
    meter = OutputMeter(TensorSpec("y", (None,), "int32"))
    expected, actual = np.array([3, 5, 7], np.int32), np.array([4, 5, 9], np.int32)
    meter.add(expected, actual, 0, np.array([1.0, 0.0, 1.0]))
    found = meter.result()
    assert found.mismatched == 1
    assert found.worst_index == (2,)


def test_a_few_lucky_elements_are_not_held_to_their_luck():
    """Four samples of eight channels, each of another octave; the last channel's errors are small by luck."""
    truth = np.repeat([[1.5], [24.0], [384.0], [6144.0]], 8, 1)
    errors = np.full((5, 4, 8), 1e-2)
    errors[..., 7] = 4e-3
    np.testing.assert_allclose(floor(errors, truth)[:, 7], 1e-2)
    errors[..., 7] = 1e-3
    np.testing.assert_allclose(floor(errors, truth)[:, 7], 4e-3, err_msg="4 times its own errors at most")
    errors[..., 7] = 0.0
    np.testing.assert_allclose(floor(errors, truth)[:, 7], 2 * ROUNDOFF * truth[:, 7], err_msg="it is exact")


@pytest.mark.parametrize(
    ("own", "granted"),
    [
        ([1.0, 1.1, 1.2, 1.3, 1.4], 4.0),
        ([1.0, 1.0, 1.2, 1.3, 1.4], 8.0),
        ([1.0, 1.0, 1.2, 1.2, 1.4], 100.0),
        ([0.0, 0.0, 1.2, 1.3, 1.4], 100.0),
    ],
    ids=["five-errors", "one-twice", "two-twice", "exact-twice"],
)
def test_errors_that_differ_tell_an_elements_scale(own: list[float], granted: float):
    """GroupNormalization of equal elements was held to five small errors, of which four differed."""
    truth, errors = np.full((64, 2), 1.5), np.full((5, 64, 2), 1e-2)
    errors[:, 0, 0] = np.multiply(own, 1e-4)
    rms = math.sqrt(sum(each**2 for each in own) / sum(each > 0 for each in own)) * 1e-4
    assert floor(errors, truth)[0, 0] == pytest.approx(min(granted * rms, 1e-2))


def test_a_channel_with_errors_enough_of_its_own_is_held_to_them():
    truth, errors = np.full((5, 2), 1.5), np.full((5, 5, 2), 1e-4)
    truth[4] = 24.0
    errors[..., 1] = 4e-5
    np.testing.assert_allclose(floor(errors, truth)[:, 1], [4e-5, 4e-5, 4e-5, 4e-5, 1e-4])
