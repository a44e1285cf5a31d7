"""Sessions that don't answer the same again: each fault has its own sentence, and slow ones few calls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from validation.fitting import Call
from validation.steadiness import ALONE, KEPT, Steadiness

Answer = Callable[["Engine", np.ndarray], np.ndarray]


@dataclass
class Engine:
    """Doubles, unless the test wants something else."""

    answer: Answer
    calls: list[list[float]] = field(default_factory=list)

    def run(self, call: Call) -> dict[str, np.ndarray]:
        x = call.inputs["x"]
        self.calls.append(x[:, 0].tolist())
        return {"y": self.answer(self, x).astype(np.float32)}


def call(first: int, count: int) -> Call:
    x = np.arange(first, first + count, dtype=np.float32)[:, None] + 1
    return Call(
        inputs={"x": x},
        expected={"y": 2 * x},
        noise={},
        first_sample=first,
        samples=count,
        filled=count,
    )


CALLS = [call(0, 4), call(4, 4), call(8, 2)]


def fault(
    answer: Answer,
    *,
    slow: bool = False,
    single: bool = True,
    calls: Sequence[Call] = CALLS,
    doubles: bool = False,
) -> tuple[str, list[list[float]]]:
    """The sentence, and what was run again.

    The original gives what the session gave first, unless it `doubles`.
    """
    engine = Engine(answer)
    steadiness = Steadiness(engine.run, single=single, per_sample=["y"])
    for each in calls:
        given = engine.run(each)
        steadiness.remember(each if doubles else replace(each, expected=given), given)
    return steadiness.find_fault(slow), engine.calls[len(calls) :]


def double(_: Engine, x: np.ndarray) -> np.ndarray:
    return 2 * x


def test_a_steady_session_is_run_in_another_order_and_sample_by_sample():
    found, again = fault(double)
    assert found == ""
    assert again == [[5, 6, 7, 8], [1, 2, 3, 4], [1], [4]]


def test_no_more_calls_are_remembered_than_needed():
    found, again = fault(double, calls=[call(4 * number, 4) for number in range(9)])
    assert (found, len(again)) == ("", KEPT + ALONE)


def state_from_the_call_before(engine: Engine, x: np.ndarray) -> np.ndarray:
    """The first answer is right, like LiteRT's `UNIDIRECTIONAL_SEQUENCE_LSTM`."""
    before = engine.calls[-2][0] if len(engine.calls) > 1 else 0
    return 2 * x + before


def counter(engine: Engine, x: np.ndarray) -> np.ndarray:
    return 2 * x + (len(engine.calls) > 3)


def mean_over_the_batch(_: Engine, x: np.ndarray) -> np.ndarray:
    return 2 * (x - x.mean(0) * (len(x) > 1))


def last_row_only(_: Engine, x: np.ndarray) -> np.ndarray:
    """Wrong in the last row of a batch, so that the first one alone tells nothing."""
    answer = 2 * x
    answer[-1] += len(x) - 1
    return answer


def another_shape_alone(_: Engine, x: np.ndarray) -> np.ndarray:
    return 2 * x if len(x) > 1 else x[0]


def nothing_but_nan_alone(_: Engine, x: np.ndarray) -> np.ndarray:
    return 2 * x if len(x) > 1 else np.full_like(x, np.nan)


LEAKS = "state leaks between invocations: the batch at sample {} run again gives another y, off by {}"
DEPENDS = "a sample depends on its batch: sample {} alone gives another y, off by {}"
FAULTS = {
    "state-of-the-call-before": (state_from_the_call_before, LEAKS.format(4, 8)),
    "state-that-counts": (counter, LEAKS.format(4, 1)),
    "mean-over-the-batch": (mean_over_the_batch, DEPENDS.format(0, 5)),
    "shape": (another_shape_alone, DEPENDS.format(0, "inf")),
    "nan": (nothing_but_nan_alone, DEPENDS.format(0, "inf")),
    "last-row": (last_row_only, DEPENDS.format(3, 3)),
}


@pytest.mark.parametrize(("answer", "sentence"), FAULTS.values(), ids=FAULTS.keys())
def test_each_fault_has_its_sentence(answer, sentence):
    assert fault(answer)[0] == sentence


def test_an_error_that_shows_anyway_is_no_effect_of_the_batch():
    """A coarse export is off by as much in a batch as alone."""

    def coarse(_: Engine, x: np.ndarray) -> np.ndarray:
        return 2 * x + 0.01 * len(x)

    assert fault(coarse, doubles=True)[0] == ""
    assert fault(coarse)[0] == DEPENDS.format(0, 0.03)


def test_roundings_are_no_state():
    def rounding(engine: Engine, x: np.ndarray) -> np.ndarray:
        return 2 * x * np.float32(1 + 1e-7 * (len(engine.calls) % 2))

    assert fault(rounding)[0] == ""


def test_a_slow_session_is_asked_for_one_sample():
    assert fault(double, slow=True) == ("", [[1]])


def test_a_slow_session_whose_sample_differs_is_asked_once_more_to_tell_why():
    assert fault(mean_over_the_batch, slow=True) == (DEPENDS.format(0, 5), [[1], [1, 2, 3, 4]])
    sentence = "state leaks between invocations: the first batch run again gives another y, off by 1"
    assert fault(state_from_the_call_before, slow=True) == (sentence, [[1], [1, 2, 3, 4]])


def test_a_file_of_one_batch_size_is_asked_for_its_first_call():
    assert fault(double, slow=True, single=False) == ("", [[1, 2, 3, 4]])
    assert fault(double, single=False) == ("", [[5, 6, 7, 8], [1, 2, 3, 4]])


def test_nothing_that_ran_is_nothing_to_run_again():
    assert fault(double, calls=[]) == ("", [])
