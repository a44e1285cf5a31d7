"""Whether a session answers the same again: after other calls, in another order, and to a sample alone.

    A B C … ─► B A: an answer that changed means that state leaks from call to call
            ─► rows of A, each alone: one that changed means that a sample depends on its batch

A slow session is asked for one sample only, which serves both and the latency; when that one differs, the
first call is run again to tell the two apart.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from validation.compare import differences
from validation.dtypes import dtype_name, epsilon, is_float
from validation.fitting import Call

KEPT = 2
"""Calls that are remembered with their answers: one more than a change of order needs, and with the samples
that run alone less than as many again as a session of three calls had."""

ALONE = 2
"""Samples of the first call that are run alone: its first and its last."""

AGAIN_ULPS = 8
"""Epsilons of the greatest value: threads may add up in another order."""

ALONE_ULPS = 1000
"""Other kernels serve other batch sizes; see `validation.agreement.AGREEMENT_ULPS`."""

Answers = dict[str, np.ndarray]
Run = Callable[[Call], Answers]


class Steadiness:
    """Remembers a session's first calls, and runs them again.

    Args:
        run: runs a call.
        single: a file of any batch size: samples can be run alone.
        per_sample: outputs whose first dimension counts the samples, and that don't depend on the rest
            of the batch in the original.
    """

    def __init__(self, run: Run, *, single: bool, per_sample: Sequence[str]) -> None:
        self._run, self._single, self._per_sample = run, single, frozenset(per_sample)
        self._kept: list[tuple[Call, Answers]] = []

    def remember(self, call: Call, answers: Answers) -> None:
        """A call of the first pass."""
        if len(self._kept) < KEPT:
            self._kept.append((call, answers))

    def find_fault(self, slow: bool) -> str:
        """Runs them again; what is wrong in a sentence, or ""."""
        if not self._kept:
            return ""
        if not slow:
            return self._again(self._kept[::-1]) or self._alone(ALONE)
        if not self._can_be_alone:
            return self._again(self._kept[:1])
        fault = self._alone(1)
        return (fault and self._again(self._kept[:1])) or fault

    @property
    def _can_be_alone(self) -> bool:
        return self._single and bool(self._per_sample) and self._kept[0][0].samples > 1

    def sample(self) -> dict[str, np.ndarray]:
        """A single sample, or as many as the file wants at once."""
        call = self._kept[0][0]
        return _row(call, 0).inputs if self._single else call.inputs

    def _again(self, calls: Sequence[tuple[Call, Answers]]) -> str:
        for call, before in calls:
            worst = _worst(before, self._run(call), AGAIN_ULPS, dict.fromkeys(before, 0.0))
            if worst:
                which = f"the batch at sample {call.first_sample}" if call.first_sample else "the first batch"
                return f"state leaks between invocations: {which} run again gives another {worst}"
        return ""

    def _alone(self, count: int) -> str:
        if not self._can_be_alone:
            return ""
        call, together = self._kept[0]
        for row in sorted({0, call.samples - 1})[:count]:
            alone = self._run(_row(call, row))
            names = [name for name in together if name in self._per_sample]
            before = {name: together[name][row : row + 1] for name in names}
            slack = {name: 2 * _greatest(call.expected[name], together[name]) for name in names}
            worst = _worst(before, alone, ALONE_ULPS, slack)
            if worst:
                number = call.first_sample + row
                return f"a sample depends on its batch: sample {number} alone gives another {worst}"
        return ""


def _row(call: Call, row: int) -> Call:
    return replace(
        call,
        inputs={name: array[row : row + 1] for name, array in call.inputs.items()},
        expected={name: array[row : row + 1] for name, array in call.expected.items()},
        first_sample=call.first_sample + row,
        samples=1,
        filled=1,
    )


def _worst(before: Answers, after: Answers, ulps: float, slack: dict[str, float]) -> str:
    """The first output that differs by more than roundings and its slack, and by how much; or ""."""
    for name, first in before.items():
        again = after[name]
        difference = differences(first, again) if first.shape == again.shape else np.array(np.inf)
        if difference.size and difference.max() > ulps * _rounding(first) + slack[name]:
            return f"{name}, off by {difference.max():.3g}"
    return ""


def _greatest(expected: np.ndarray, actual: np.ndarray) -> float:
    """The error that the file shows anyway; 0 where it isn't a number."""
    difference = differences(expected, actual)
    return float(np.max(difference[np.isfinite(difference)], initial=0.0))


def _rounding(values: np.ndarray) -> float:
    """A float32 epsilon of the greatest value; 0 for all but floats."""
    if not is_float(dtype_name(values)):
        return 0.0
    finite = np.abs(values[np.isfinite(values)].astype(np.float64))
    return epsilon("float32") * float(np.max(finite, initial=0.0))
