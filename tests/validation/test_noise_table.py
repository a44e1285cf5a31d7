"""What batches with simulated roundings teach about those without."""

from __future__ import annotations

import numpy as np
import pytest

from validation.noise_table import NoiseTable


def table(*batches: tuple[np.ndarray, np.ndarray], channels: bool = True) -> NoiseTable:
    made = NoiseTable(channels)
    for floor, truth in batches:
        made.add(floor, truth)
    return made


def test_an_element_takes_the_floor_of_its_channel_and_octave():
    truth = np.array([[1.5, 12.0], [3.0, 1.0]])
    batch = np.array([[1.0, 2.0], [3.0, 4.0]]), truth
    assert table(batch, batch).floor(np.array([[-1.1, 9.0], [2.0, -1.9]])) == pytest.approx(
        np.array([[1.0, 2.0], [3.0, 4.0]])
    )


def test_the_greatest_of_all_batches_counts():
    truth = np.full((1, 1), 1.5)
    taught = table(
        (np.full((1, 1), 2.0), truth), (np.full((1, 1), 5.0), truth), (np.full((1, 1), 3.0), truth)
    )
    assert taught.floor(truth) == pytest.approx(5.0)


def test_a_rare_large_floor_is_not_handed_on():
    floor = np.ones((1000, 1))
    floor[7] = 100.0
    assert table((floor, np.full((1000, 1), 1.5))).floor(np.full((1, 1), 1.5)) == pytest.approx(1.0)


def test_a_greater_octave_than_any_grows_and_a_lesser_one_does_not_shrink():
    taught = table((np.full((1, 1), 2.0), np.full((1, 1), 1.5)))
    assert taught.floor(np.array([[6.0], [0.1]])) == pytest.approx(np.array([[8.0], [2.0]]))


def test_a_zero_takes_the_floor_of_the_least_octave_beside_it():
    taught = table((np.array([[1.0], [2.0]]), np.array([[1.5], [24.0]])))
    assert taught.floor(np.array([[0.0], [1.5]])) == pytest.approx(np.array([[1.0], [1.0]]))


def test_nothing_is_known_of_a_channel_that_was_never_seen():
    taught = table((np.ones((1, 1)), np.ones((1, 1))))
    assert taught.floor(np.ones((1, 2))) is None
    assert NoiseTable(True).floor(np.ones((1, 1))) is None


def test_without_channels_all_elements_are_of_one_kind():
    taught = table((np.ones((1, 3)), np.ones((1, 3))), channels=False)
    assert taught.floor(np.full((2, 9), 1.2)) == pytest.approx(1.0)


def test_an_octave_between_two_takes_the_noisier():
    """A probability of nearly 1 has less noise than one of a fifth, which was not seen."""
    table = NoiseTable(channels=False)
    table.add(np.array([1e-7, 4e-7]), np.array([0.99, 0.1]))
    np.testing.assert_allclose(table.floor(np.array([0.2])), [8e-7])


def test_an_octave_above_rises_as_it_does_in_other_channels():
    """Two channels of probabilities: one of nearly 1 has no more noise than the other channel's."""
    taught = table(
        (np.array([[1e-9, 1e-9], [5e-8, 5e-8]]), np.array([[0.01, 0.01], [0.4, 0.02]])),
        (np.array([[6e-8, 1e-9]]), np.array([[0.9, 0.01]])),
    )
    assert taught.floor(np.array([[0.9, 0.9]])) == pytest.approx(np.array([[6e-8, 6e-8]]))


def test_an_octave_above_never_sinks_below_its_neighbour():
    taught = table((np.array([[1e-9, 3e-7]]), np.array([[8.0, 4.0]])))
    assert taught.floor(np.array([[8.0, 8.0]]))[0, 1] == pytest.approx(3e-7)


def test_other_channels_say_four_times_what_a_neighbour_lets_expect_at_most():
    taught = table((np.array([[5.0, 1e-9]]), np.array([[8.0, 2.0]])))
    assert taught.floor(np.array([[8.0, 8.0]]))[0, 1] == pytest.approx(4 * 4 * 1e-9)


def test_a_single_element_is_no_proof_that_its_octave_has_little_noise():
    """Three of four channels are alike; the last had one lucky element, or two that agree."""
    truth = np.full((1, 4), 1.5)
    taught = table((np.array([[1e-7, 1e-7, 1e-7, 3e-8]]), truth))
    assert taught.floor(truth)[0, 3] == pytest.approx(1e-7)
    very_lucky = table((np.array([[1e-7, 1e-7, 1e-7, 1e-9]]), truth))
    assert very_lucky.floor(truth)[0, 3] == pytest.approx(4e-9)
    twice = table((np.array([[1e-7, 1e-7, 1e-7, 1e-9]] * 2), np.repeat(truth, 2, 0)))
    assert twice.floor(truth)[0, 3] == pytest.approx(1e-9)


def test_a_great_channel_is_not_held_to_the_noise_of_a_small_one():
    taught = table((np.array([[1e-3, 1e-8]]), np.array([[1000.0, 0.1]])))
    assert taught.floor(np.array([[0.1, 0.1]])) == pytest.approx(np.array([[1e-3, 1e-8]]))
