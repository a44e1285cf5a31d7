"""Batches put together and taken apart again."""

from __future__ import annotations

import numpy as np
import pytest

from validation.rows import fit, join, per_sample, split

ONE = {"x": np.array([[1.0, 2.0]]), "n": np.array([7])}
TWO = {"x": np.array([[3.0, 4.0], [5.0, 6.0]]), "n": np.array([8, 9])}


def test_what_was_joined_is_split_again_in_its_order():
    joined = join([ONE, TWO])
    np.testing.assert_array_equal(joined["n"], [7, 8, 9])
    for part, given in zip(split(joined, [1, 2]), (ONE, TWO), strict=True):
        assert part.keys() == given.keys()
        for name in given:
            np.testing.assert_array_equal(part[name], given[name])


def test_without_sizes_a_batch_stays_whole():
    (whole,) = split(TWO, [])
    np.testing.assert_array_equal(whole["x"], TWO["x"])


def test_one_batch_alone_needs_no_batch_dimension():
    assert join([{"scale": np.float32(3.0)}]) == {"scale": np.float32(3.0)}


@pytest.mark.parametrize(
    ("other", "fits"),
    [
        (TWO, True),
        ({"x": np.zeros((2, 3)), "n": TWO["n"]}, False),
        ({"x": TWO["x"], "n": np.zeros((2, 1))}, False),
    ],
    ids=["another-number", "a-longer-row", "another-rank"],
)
def test_only_batches_of_like_samples_fit(other, fits):
    assert fit(ONE, other) is fits


@pytest.mark.parametrize(
    ("outputs", "alone"),
    [
        ({"y": np.zeros((3, 4)), "z": np.zeros(3)}, True),
        ({"y": np.zeros((3, 4)), "z": np.zeros((1, 3))}, False),
        ({"y": np.zeros(())}, False),
    ],
    ids=["rows", "one-for-all", "a-scalar"],
)
def test_outputs_that_have_a_row_for_each_sample(outputs, alone):
    assert per_sample(outputs, 3) is alone
