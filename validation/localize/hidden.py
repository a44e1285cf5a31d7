"""Faults that hide when one looks: what a runtime's optimiser does across layers, and state that is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from converters.errors import EdgeproofError
from validation.localize.experiment import Experiment, Finding
from validation.localize.matching import Match


def find_hidden(
    experiment: Experiment, findings: Sequence[Finding], values: Mapping[str, np.ndarray]
) -> tuple[list[Finding], str]:
    """Looks again where every layer is right by itself.

    An optimiser joins ops of several layers, and leaves them alone when the tensor between them is an
    output. If the outputs of the export are wrong, and right when its tensors are looked at, then there is
    a tensor whose sight alone cures it: the layers on both sides of it are wrong together.

    Returns:
        The findings, with the guilty ones among them, and what was found, in a sentence; "" for nothing.
    """
    matches = [finding.match for finding in findings]
    again, _ = experiment.alone(matches, values, times=2)
    if any(finding.wrong for finding in again):
        return again, "right at first and wrong when it runs again: a state is kept between runs"
    ends = [match for match in matches if match.key in experiment.bench.file.outputs.values()]
    inner = [match for match in matches if match not in ends]
    if not _wrong(experiment, ends, [], values) or _wrong(experiment, ends, inner, values):
        return list(findings), ""
    between = _cure(experiment, ends, inner, values)
    joined, _ = experiment.alone([match for match in matches if match not in between], values)
    if not any(finding.wrong for finding in joined):
        return list(findings), "the outputs are wrong, and right as soon as the tensors inside are looked at"
    return joined, "right when the tensor between them is looked at: the runtime joins them wrongly"


def _cure(
    experiment: Experiment, ends: Sequence[Match], inner: Sequence[Match], values: Mapping[str, np.ndarray]
) -> list[Match]:
    """The fewest tensors that cure the outputs when they are looked at, by halving."""
    left = list(inner)
    while len(left) > 1:
        half = len(left) // 2
        for part in (left[:half], left[half:]):
            if not _wrong(experiment, ends, part, values):
                left = part
                break
        else:
            break
    return left


def _wrong(
    experiment: Experiment,
    ends: Sequence[Match],
    looked_at: Sequence[Match],
    values: Mapping[str, np.ndarray],
) -> bool:
    """Whether an output is wrong when some tensors are outputs as well."""
    try:
        found = experiment.together(ends, [match.key for match in looked_at], values)
    except EdgeproofError:
        return True
    return any(finding.wrong for finding in found)
