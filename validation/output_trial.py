"""One output of an artifact in a trial: measured over all calls, and the call that first broke a limit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from validation.coarser import in_half
from validation.compare import OutputMeter
from validation.expected import Batch, OutputReference
from validation.feed import NATURAL
from validation.fitting import Call
from validation.limits import Tolerances, settle
from validation.task_meters import TaskMeter
from validation.tolerance import greatest_difference, passes
from validation.verdict import Comparison, OutputVerdict, Outside


@dataclass(frozen=True, slots=True)
class _Finding:
    """What broke a limit first.

    Attributes:
        by: origin of the sample, with its case.
        after: how many samples had been run by then, that one included.
    """

    by: str
    after: int


class OutputTrial:
    """Measures one output; memory does not grow with the number of samples.

    Args:
        output: of the original.
        tolerances: its limits.
        task_meters: for what is measured besides the distance of elements.
        by_user: the user set the limits.
        in_half: what it gave was in half precision once.
    """

    def __init__(
        self,
        output: OutputReference,
        tolerances: Tolerances,
        task_meters: Sequence[TaskMeter],
        *,
        by_user: bool,
        in_half: bool = False,
    ) -> None:
        self.output = output
        self._tolerances, self._task_meters, self._by_user = tolerances, task_meters, by_user
        self._in_half = in_half
        self._meter = self._new_meter()
        # Where elements count, too, the signal is that of everyday samples: one that was made to try the
        # original may rightly be off by more than these have signal, as its floors know.
        both = {"sqnr_db", "noise_ratio"} <= {tolerance.measure for tolerance in tolerances}
        self._everyday = self._new_meter() if both else None
        self._found: dict[str, _Finding] = {}

    def add(self, call: Call, actual: np.ndarray, batch: Batch, samples: int) -> None:
        """One call inside the domain; `samples` have been run before it."""
        name = self.output.spec.name
        meters = [self._meter]
        if self._everyday is not None and batch.origin in NATURAL:
            meters.append(self._everyday)
        for meter in meters:
            meter.add(call.expected[name], actual, call.first_sample, self._floor(call))
        for task in self._task_meters:
            task.add(call.expected[name], actual, call.first_sample, batch)
        comparison = self._comparison()
        for tolerance in self._tolerances:
            if passes(tolerance, comparison):
                self._found.pop(tolerance.measure, None)
            elif tolerance.measure not in self._found:
                inner = self._place(comparison, call)
                self._found[tolerance.measure] = _Finding(_kind(batch), samples + inner)

    def look(self, call: Call, actual: np.ndarray, batch: Batch) -> Outside | None:
        """One call outside the domain: its difference, where it is beyond the limits."""
        name = self.output.spec.name
        meter = self._new_meter()
        meter.add(call.expected[name], actual, call.first_sample, self._floor(call))
        comparison = meter.result()
        measured = [t for t in self._tolerances if getattr(comparison, t.measure) is not None]
        if all(passes(t, comparison) for t in measured):
            return None
        return Outside(
            output=name,
            case=batch.case,
            sample=comparison.worst_index[0] if comparison.worst_index else call.first_sample,
            max_abs=comparison.max_abs,
            expected=comparison.worst_expected,
            actual=comparison.worst_actual,
        )

    def verdict(self) -> OutputVerdict:
        """What the measurement comes to."""
        settled = settle(self._tolerances, self._comparison(), self.output, by_user=self._by_user)
        found = self._found.get(settled.tolerance.measure)
        if settled.passed or found is None:
            return settled
        return replace(settled, found_by=found.by, found_after=found.after)

    def _floor(self, call: Call) -> np.ndarray | None:
        """The noise floor, by element; None where none is known."""
        floor = call.noise.get(self.output.spec.name)
        return in_half(floor) if self._in_half and floor is not None else floor

    def _new_meter(self) -> OutputMeter:
        return OutputMeter(
            self.output.spec,
            limit=min(greatest_difference(t, self.output) for t in self._tolerances),
            noise_limit=min(
                (t.limit for t in self._tolerances if t.measure == "noise_ratio"), default=math.inf
            ),
            value_range=self.output.range,
            per_sample=self.output.per_sample,
        )

    def _comparison(self) -> Comparison:
        comparison = self._meter.result()
        if self._everyday is not None:
            comparison = replace(comparison, sqnr_db=self._everyday.result().sqnr_db)
        for task in self._task_meters:
            comparison = task.apply(comparison)
        return comparison

    def _place(self, comparison: Comparison, call: Call) -> int:
        """Number of the guilty sample within the call, from 1; of the last one where it isn't known."""
        worst = comparison.worst_index[0] - call.first_sample if comparison.worst_index else -1
        return worst + 1 if 0 <= worst < call.samples else call.samples


def _kind(batch: Batch) -> str:
    return f"{batch.origin}: {batch.case}" if batch.case else batch.origin
