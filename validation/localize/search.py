"""Finds the layers that create an error, and tells them from those that pass it on.

A tensor of the file that bears a layer's name may mean something else (a convolution without the batch
norm that was folded into it). Such a tensor is no match, and its difference no error.

1. The file is cut at every matched tensor, each stretch fed the original's values.
2. The wrong ones are left out, and the longer stretches are run. One that is right now was wrong only for
   what a false match before it was given. Where the original, given a wrong tensor's values, comes to the
   same results as the file, that tensor means what its name says.
3. Those that don't stay out; tensors found by their values come in; this result counts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from validation.localize.experiment import Experiment, Finding
from validation.localize.matching import SAME, Match, match_by_name, match_by_value
from validation.localize.measuring import FACTOR, difference

EXPLAINED = 0.1
"""Share of an error that may be left when its cause is taken into account."""


def find_guilty(
    experiment: Experiment, values: Mapping[str, np.ndarray], seen: Mapping[str, np.ndarray]
) -> list[Finding]:
    """What each layer does alone, in the order of computation.

    Args:
        values: the original's, by tensor.
        seen: the file's as it ran, by key; empty where it didn't run.
    """
    file = experiment.bench.file
    searched = [] if any(t.quantization for t in file.tensors.values()) else [*seen]
    named = match_by_name(experiment.original, file, values, seen)
    matches = _with_values(experiment, named, values, {key: seen[key] for key in searched})
    findings, alone = experiment.alone(matches, values)
    ends = set(file.outputs.values())
    wrong = [finding.match for finding in findings if finding.wrong and finding.match.key not in ends]
    if not wrong:
        return findings
    left = [match for match in matches if match not in wrong]
    judged, got = experiment.alone(left, values, wrong, [*seen])
    longer, again = judged[: len(left)], judged[len(left) :]
    doubted = [finding.match for finding in again if finding.wrong]
    false = [match for match in doubted if not _means_it(experiment, match, longer, values, got)]
    kept = [match for match in named if match not in false]
    known = {**got, **alone}  # fed the original's values, a layer behind a wrong one has the right ones
    final = _with_values(
        experiment, kept, values, {key: known[key] for key in searched if key in known}, false
    )
    return findings if final == matches else experiment.alone(final, values)[0]


def _means_it(
    experiment: Experiment,
    match: Match,
    longer: Sequence[Finding],
    values: Mapping[str, np.ndarray],
    got: Mapping[str, np.ndarray],
) -> bool:
    """Whether a wrong tensor of the file stands where the original's does.

    If so, the original goes on from that tensor's values as the file does, to the same wrong results.
    """
    if match.key not in got:
        return True
    found = match.from_file(got[match.key])
    file, stop = experiment.bench.file, {finding.match.key for finding in longer}
    after = [f for f in longer if any(match.key in op.outputs for op in file.cone([f.match.key], stop)[0])]
    given = experiment.given_at([f.match for f in longer], values)
    given[match.boundary.tensor] = found
    try:
        continued = experiment.true.run(given, [f.match.boundary.tensor for f in after])
    except Exception:  # from another shape the original can't go on: TensorFlow raises many kinds
        return any(finding.match.key not in got for finding in after)
    return all(_same(f, continued[f.match.boundary.tensor], got) for f in after)


def _same(finding: Finding, continued: np.ndarray, got: Mapping[str, np.ndarray]) -> bool:
    """Whether the file's result is what the original came to, next to how wrong both are.

    Of another shape, or of integers, it can't be said how many times over a result is wrong.
    """
    if finding.match.key not in got:
        return False
    found = finding.match.from_file(got[finding.match.key])
    if found.shape != continued.shape:
        return False
    error = difference(continued, found)
    if math.isinf(finding.whole) and math.isfinite(error.relative):
        return error.relative <= SAME
    return finding.floor.ratio(error) <= max(FACTOR, EXPLAINED * finding.whole)


def _with_values(
    experiment: Experiment,
    matches: Sequence[Match],
    values: Mapping[str, np.ndarray],
    seen: Mapping[str, np.ndarray],
    false: Sequence[Match] = (),
) -> list[Match]:
    """The matches, and those that values tell, but for false ones."""
    known = {match.boundary.tensor for match in matches}
    missing = [b for b in experiment.original.boundaries if b.tensor not in known]
    taken = {match.key for match in matches}
    untaken = {key: array for key, array in seen.items() if key not in taken}
    more = match_by_value(missing, experiment.bench.file, values, untaken, false)
    return sorted([*matches, *more], key=lambda match: match.boundary.rank)
