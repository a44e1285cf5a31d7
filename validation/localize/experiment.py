"""Runs the layers of an export alone, fed the original's values, and says which of them are wrong."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from validation.dtypes import dtype_name, epsilon, is_float
from validation.localize.bench import Bench
from validation.localize.channels import enough_known
from validation.localize.matching import Match
from validation.localize.measuring import FACTOR, Error, Floor, difference, floor_of
from validation.localize.original_graph import OriginalGraph
from validation.localize.runs import Nudge, OriginalRun, TwinRun
from validation.runtime import UNIT_ROUNDOFF

NUDGES = 3
"""How often inputs and weights are moved by one ulp, and roundings simulated."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What the layers before a matched tensor do when they are fed the original's values.

    Attributes:
        truth: what the original gives when it is fed the same.
        error: against that.
        floor: how wrong they may be.
        fault: why they could not be run; "" where they could.
    """

    match: Match
    truth: np.ndarray
    error: Error
    floor: Floor
    fault: str = ""

    @property
    def whole(self) -> float:
        """How many times its noise all channels together are wrong."""
        return self.floor.ratio(self.error)

    @property
    def ratio(self) -> float:
        """The same, of the worst channel where that is more."""
        return max(self.whole, self.floor.worst_channel(self.error)[1])

    @property
    def wrong(self) -> bool:
        return self.ratio > FACTOR

    @property
    def channel(self) -> int | None:
        """The worst channel, where only channels are wrong that are nothing beside others."""
        return self.floor.worst_channel(self.error)[0] if self.wrong and self.whole <= FACTOR else None

    @property
    def judged_by(self) -> Floor:
        """The floor of that channel; of all of them where there is none."""
        return self.floor if self.channel is None else self.floor.of(self.channel)

    @property
    def told(self) -> Error:
        """The error of that channel; of all of them where there is none."""
        return self.error if self.channel is None else self.error.of(self.channel, self.truth)


@dataclass(frozen=True)
class Experiment:
    """The export and the original side by side, on the same inputs.

    Attributes:
        bench: the export.
        original: structure of the original's graph.
        actual: the original in its own arithmetic.
        twin: the original in float64; None where there is none.
        inputs: in the file's dtypes, by key.
        given: the same as the original takes them, by tensor.
        rounding: what the export's precision does to a weight; None where it keeps them.
        arithmetic: greatest error of one result of the export, relative to itself.
    """

    bench: Bench
    original: OriginalGraph
    actual: OriginalRun
    twin: TwinRun | None
    inputs: Mapping[str, np.ndarray]
    given: Mapping[str, np.ndarray]
    rounding: Callable[[np.random.Generator], Nudge] | None = None
    arithmetic: float = UNIT_ROUNDOFF["float32"]

    @property
    def by_channel(self) -> bool:
        """Channels have a noise of their own in float32 alone: elsewhere great ones make small ones coarse.

        Steps of a kernel or of a tensor are those of its greatest values, and half precision has
        no small numbers.
        """
        return self.rounding is None and self.arithmetic == UNIT_ROUNDOFF["float32"]

    @property
    def true(self) -> OriginalRun | TwinRun:
        """What the layers are held against."""
        return self.twin or self.actual

    def given_at(self, matches: Sequence[Match], values: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The original's inputs, and its values at matched tensors, rounded as the file is fed them."""
        tensors = {m.boundary.tensor: m.from_file(m.to_file(values[m.boundary.tensor])) for m in matches}
        return {**self.given, **tensors}

    def values(self) -> dict[str, np.ndarray]:
        """The original's own values at every boundary."""
        return self.true.run(self.given, [boundary.tensor for boundary in self.original.boundaries])

    def alone(
        self,
        matches: Sequence[Match],
        values: Mapping[str, np.ndarray],
        watched: Sequence[Match] = (),
        others: Sequence[str] = (),
        times: int = 1,
    ) -> tuple[list[Finding], dict[str, np.ndarray]]:
        """Each stretch between matched tensors, fed the original's values.

        Args:
            matches: where the file is cut.
            values: the original's, by tensor.
            watched: further matches; the file goes on with its own values there.
            others: keys of further tensors to be looked at.
            times: how often the file runs; the last answer counts.

        Returns:
            The findings, in the order of the matches and of those watched, and what the file gave by key.
        """
        feeds, judged = self.feeds(matches, values), [*matches, *watched]
        keys = [*(match.key for match in judged), *(key for key in others if key not in feeds)]
        got, failed = self.bench.run_each(feeds, keys, times)
        return self._findings(judged, self.given_at(matches, values), got, failed), got

    def together(
        self, ends: Sequence[Match], others: Sequence[str], values: Mapping[str, np.ndarray]
    ) -> list[Finding]:
        """The outputs of one run of the whole, with further tensors looked at.

        Raises:
            EdgeproofError: the runtime doesn't run it so.
        """
        got = self.bench.run(self.inputs, [*(match.key for match in ends), *others])
        return self._findings(ends, self.given, got, {})

    def feeds(self, matches: Sequence[Match], values: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """What the file takes where it is cut, inputs included, by key."""
        used = [match for match in matches if match.key in self.bench.file.used]
        return {**self.inputs, **{m.key: m.to_file(values[m.boundary.tensor]) for m in used}}

    def _findings(
        self,
        matches: Sequence[Match],
        given: Mapping[str, np.ndarray],
        got: Mapping[str, np.ndarray],
        failed: Mapping[str, str],
    ) -> list[Finding]:
        wanted = [match.boundary.tensor for match in matches]
        plain = self.actual.run(given, wanted)
        truth = plain if self.twin is None else _in_range(self.twin.run(given, wanted), plain)
        answers = 1 + NUDGES * (1 if self.twin is None else 2)
        told = {tensor: self.by_channel and enough_known(truth[tensor], answers) for tensor in wanted}
        errors: dict[str, list[Error]] = {tensor: [] for tensor in wanted}
        for answer in itertools.chain([plain], self._nudged(given, wanted)):
            for tensor, so_far in errors.items():
                so_far.append(difference(truth[tensor], answer[tensor], by_channel=told[tensor]))
        findings = []
        for match in matches:
            tensor = match.boundary.tensor
            floor = floor_of(truth[tensor], errors[tensor], match.dtype, match.step)
            error = Error(np.inf, np.inf, np.inf, failed.get(match.key, ""))
            if match.key in got:
                found = match.from_file(got[match.key])
                error = difference(truth[tensor], found, by_channel=told[tensor])
            findings.append(Finding(match, truth[tensor], error, floor, error.fault))
        return findings

    def _nudged(
        self, given: Mapping[str, np.ndarray], wanted: Sequence[str]
    ) -> Iterator[dict[str, np.ndarray]]:
        """What the original says when nothing that matters is changed."""
        for seed in range(NUDGES):
            random = np.random.default_rng(seed)
            ulp = _ulp(random)
            moved = {key: ulp(array) if _moves(array) else array for key, array in given.items()}
            rounded = self.rounding(random) if self.rounding is not None else ulp
            yield self.actual.run(moved, wanted, rounded)
            if self.twin is not None:
                yield self.twin.rounded(given, wanted, seed, self.arithmetic)


def _in_range(exact: Mapping[str, np.ndarray], plain: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The twin's values, and the original's own where these are infinite or NaN, as its arithmetic has it."""
    return {
        tensor: np.where(np.isfinite(plain[tensor]), values, plain[tensor]) if _moves(values) else values
        for tensor, values in exact.items()
    }


def _moves(array: np.ndarray) -> bool:
    return is_float(dtype_name(array))


def _ulp(random: np.random.Generator) -> Nudge:
    """One float32 ulp up or down: 0.75 epsilons are 0.75 to 1.5 of a number's ulps, and round to one."""

    def nudge(value: np.ndarray) -> np.ndarray:
        with np.errstate(over="ignore", invalid="ignore"):
            step = 0.75 * epsilon("float32") * random.choice((-1.0, 1.0), value.shape)
            return (value.astype(np.float64) * (1 + step)).astype(np.float32)

    return nudge
