"""Samples made to try the original that half precision can't do justice to, whoever exports it.

An input of 1e-9 is 0 in half precision, and where 0 masks a step the answer is another. The original with
half precision simulated tells: a sample that is moved further than those of everyday is shown, not judged.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from converters.signature import TensorSpec
from validation.coarser import HALF, in_half
from validation.compare import differences
from validation.dtypes import is_float
from validation.feed import Tensors
from validation.feed_layout import Layout
from validation.noise import MeasuredNoise, measure
from validation.original import Original
from validation.rows import join, split
from validation.simulation import Simulation
from validation.truth.answers import Answer

OTHER_INPUTS = 2.0
"""Times what half precision does to everyday samples. A limit grants twice that, and as much again for other
roundings of the same size: see `tolerance.COARSER`."""


def find_losses(
    original: Original,
    batches: Sequence[Tensors],
    answers: Sequence[Answer],
    layout: Layout,
    usual: MeasuredNoise,
) -> list[bool]:
    """Which batches half precision moves much further than everyday samples.

    Args:
        original: opened.
        batches: inputs; where there are several, no sample depends on another.
        answers: to each.
        layout: of the inputs.
        usual: what half precision does to everyday samples; nothing is lost where that is not known.
    """
    specs = [spec for spec in original.signature.outputs if spec.dtype != "string"]
    halves = original.kept(Simulation).answers(join(batches), (HALF,))
    if HALF not in halves:
        return [False] * len(batches)
    sizes = [layout.count(batch) for batch in batches] if batches[1:] else []
    return [
        any(_loses(spec, answer, half, usual) for spec in specs)
        for answer, half in zip(answers, split(halves[HALF], sizes), strict=True)
    ]


def _loses(spec: TensorSpec, answer: Answer, half: Tensors, usual: MeasuredNoise) -> bool:
    name = spec.name
    expected, floor = answer.expected[name], answer.noise[name]
    if not is_float(spec.dtype):
        return bool((differences(expected, half[name]) > floor).any())
    found = measure((spec,), {name: expected}, half, {name: in_half(floor)})[name]
    known = usual.of(name).get(HALF)
    return (
        known is not None and bool(np.isfinite(known.ratio)) and not found.ratio <= OTHER_INPUTS * known.ratio
    )
