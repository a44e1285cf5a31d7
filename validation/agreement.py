"""The original must agree with itself before anything is held against it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from converters.errors import EdgeproofError
from converters.signature import TensorSpec
from validation.compare import differences, find_mismatch
from validation.dtypes import epsilon, is_float
from validation.feed import Tensors

AGREEMENT_ULPS = 1000
"""The original may differ from itself by this many epsilons of its coarsest arithmetic, relative to the
greatest value: 1.2e-4 in float32. MobileNetV2 was measured at about 1e-5; a fault is far above."""

TWICE = (
    "gives different answers to the same batch",
    "an answer that depends on nothing but the inputs",
    "take random layers out of inference, and make recurrent layers stateless",
)
EAGER_AGAINST_GRAPH = (
    "gives different answers eagerly and as a graph",
    "the same answer both ways",
    "look for Python code in `call` that depends on values, or on state outside of variables",
)


def check_agreement(
    first: Tensors,
    second: Tensors,
    specs: Sequence[TensorSpec],
    arithmetic: str,
    meaning: tuple[str, str, str],
) -> None:
    """Two answers of the original to the same batch are equal within `AGREEMENT_ULPS`.

    Args:
        first: outputs by name.
        second: likewise.
        specs: of the outputs.
        arithmetic: coarsest float dtype that the model computes with.
        meaning: what it means when they differ, what is wanted, and what to do.

    Raises:
        EdgeproofError: they differ; names the output and the numbers.
    """
    what, want, fix = meaning
    fault = find_mismatch(first, second, specs)
    if fault:
        raise EdgeproofError(f"the original {what}", got=fault, want=want, fix=fix)
    for spec in specs:
        limit = agreement_limit(first[spec.name], spec, arithmetic)
        difference = differences(first[spec.name], second[spec.name])
        if difference.size and difference.max() > limit:
            place = np.unravel_index(int(difference.argmax()), difference.shape)
            index = [int(i) for i in place]
            raise EdgeproofError(
                f"the original {what}",
                got=f"output {spec.name} differs by {difference.max():.3g} at {index}: "
                f"{first[spec.name][place]} and {second[spec.name][place]}",
                want=f"{want}, within {limit:.3g}",
                fix=fix,
            )


def agreement_limit(values: np.ndarray, spec: TensorSpec, arithmetic: str) -> float:
    """Greatest difference that is rounding; 0 for all but floats."""
    if not is_float(spec.dtype):
        return 0.0
    finite = np.abs(values[np.isfinite(values)].astype(np.float64))
    eps = max(epsilon("float32"), epsilon(arithmetic))
    return AGREEMENT_ULPS * eps * float(np.max(finite, initial=0.0))
