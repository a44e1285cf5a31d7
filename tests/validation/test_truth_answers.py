"""The truth and the floor of several batches at once: each has its own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from converters.signature import Signature, TensorSpec
from validation.noise import Given
from validation.truth.answers import Truth, one_after_the_other
from validation.truth.known import are_long

SPECS = {"x": tf.TensorSpec((None, 2), tf.float32)}
SHORT, LONG = tf.constant([1.5, -0.25, 100.0, 2.0**-40]), tf.constant([1.5, 0.1])


class Plain:
    """Stands for `validation.original.Original`: 1.1 x[0] + 1.1 x[1]."""

    arithmetic = "float32"
    signature = Signature((TensorSpec("x", (None, 2), "float32"),), (TensorSpec("y", (None, 1), "float32"),))

    def __init__(self) -> None:
        self.traced = tf.function(self._call, input_signature=[SPECS], autograph=False)

    def _call(self, tensors: Any) -> dict[str, Any]:
        x = tensors["x"] * 1.1
        return {"y": x[:, :1] + x[:, 1:]}

    def given(self, x: list[list[float]]) -> Given:
        feed = {"x": np.array(x, np.float32)}
        answer = {"y": self.traced({"x": tf.constant(feed["x"])})["y"].numpy()}
        return Given(feed, answer, answer)


CANCELLED = [[1e4, -1e4 + 1], [-2e4, 2e4 + 1], [3e4, -3e4 + 1]]
STRAIGHT = [[0.5, 0.5], [0.25, 0.75]]


@pytest.fixture
def plain() -> Plain:
    return Plain()


def test_batches_answered_together_keep_their_order_and_their_own_floors(plain):
    """All come to about 1: what cancelling costs one batch must not excuse the other."""
    batches = [plain.given(CANCELLED), plain.given(STRAIGHT)]
    for given, runs in ((batches, [3, 3]), (batches[::-1], [3, 3])):
        answers = Truth(plain).answers(given, runs=runs, seed=0)
        for answer, batch in zip(answers, given, strict=True):
            exact = 1.1 * batch.inputs["x"].astype(np.float64).sum(1, keepdims=True)
            np.testing.assert_allclose(answer.expected["y"], exact, rtol=1e-6)
            cancelled = np.abs(batch.inputs["x"]).max() > 2
            assert (answer.noise["y"] > 1e-4).all() if cancelled else (answer.noise["y"] < 1e-6).all()


def test_a_batch_without_runs_takes_what_the_others_taught(plain):
    taught, other = plain.given(STRAIGHT), plain.given([[0.3, 0.8], [0.9, 0.3]])
    answers = Truth(plain).answers([taught, other], runs=[3, 0], seed=0)
    greatest = answers[0].noise["y"].max()
    assert (answers[1].noise["y"] >= 2.0**-23).all()
    assert (answers[1].noise["y"] <= 4 * greatest).all()


def test_a_batch_that_nobody_taught_is_simulated_itself(plain):
    """The original happens to be right, and tells nothing of what cancelling costs."""
    batch = plain.given(CANCELLED)
    exact = {"y": (1.1 * batch.inputs["x"].astype(np.float64).sum(1, keepdims=True)).astype(np.float32)}
    lucky = Given(batch.inputs, exact, exact)
    (answer,) = Truth(plain).answers([lucky], runs=[0], seed=0)
    assert (answer.noise["y"] > 1e-5).all()


def test_parts_of_a_batch_are_put_one_after_the_other(plain):
    given = [plain.given(CANCELLED), plain.given(STRAIGHT)]
    answers = Truth(plain).answers(given, runs=[3, 3], seed=0)
    whole = one_after_the_other(answers)
    for kind in ("expected", "noise", "own"):
        first, second = (getattr(answer, kind)["y"] for answer in answers)
        np.testing.assert_array_equal(getattr(whole, kind)["y"], np.concatenate([first, second]))


@pytest.mark.parametrize(
    ("weight", "is_long"),
    [
        (lambda: tf.constant(SHORT.numpy()), False),
        (lambda: tf.constant(LONG.numpy()), True),
        (lambda: tf.identity(tf.reshape(tf.cast(LONG, tf.float64), (2, 1))), True),
        (lambda: tf.identity(tf.reshape(tf.cast(SHORT, tf.float64), (2, 2))), False),
        (lambda: LONG * 1.0, False),
    ],
    ids=["short", "long", "long-cast", "short-cast", "computed"],
)
def test_only_what_is_known_to_be_long_is_called_so(weight, is_long):
    assert _found(weight) is is_long


def test_of_a_plain_graph_nothing_computed_is_known():
    """Localization translates in such a one; only a function's graph has captures."""
    with tf.Graph().as_default():
        given = tf.compat.v1.placeholder(tf.float32, (2,))
        assert not are_long(given * 2)
        assert are_long(tf.constant(LONG))


@pytest.mark.parametrize("value", [SHORT, LONG], ids=["short", "long"])
def test_weights_are_read_as_they_are(value):
    variable = tf.Variable(value)
    assert _found(variable.read_value) is (value is LONG)
    variable.assign(tf.zeros_like(value))
    assert not _found(variable.read_value)


def test_nothing_is_known_of_an_input():
    found: list[bool] = []
    tf.function(lambda x: _note(x, found), input_signature=[SPECS["x"]]).get_concrete_function()
    assert found == [False]


def _found(weight: Any) -> bool:
    found: list[bool] = []
    tf.function(lambda: _note(weight(), found), autograph=False).get_concrete_function()
    return found[0]


def _note(tensor: Any, found: list[bool]) -> None:
    found.append(are_long(tensor))
