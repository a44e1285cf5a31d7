"""One batch of named inputs, and where it came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np

Tensors: TypeAlias = Mapping[str, np.ndarray]
"""Arrays by Keras name."""

Origin: TypeAlias = Literal["data", "natural", "directed", "searched"]

NATURAL = frozenset({"data", "natural"})
"""Origins of samples that stand for those of everyday. Searched ones are pushed to where classes meet, and
directed ones lie at the ends of what the dtype holds."""


@dataclass(frozen=True, slots=True)
class Feed:
    """One batch.

    Attributes:
        tensors: every input of the signature, under its Keras name, in its dtype.
        origin: "data" (the user's), "natural" (like them, or like what the signature takes), "directed"
            (boundary values) or "searched" (by gradient steps).
        first_sample: number of this batch's first sample in the whole stream.
        inside: of the domain, where a difference fails; one outside is reported only. A batch is wholly
            inside or wholly outside.
        case: what a directed or searched batch tries, in words: "negative integers", "NaN".
        labels: right classes of the samples by output name, where the data have such.
        answer: the original's, as a graph, where it was asked whether it has one.
    """

    tensors: Tensors
    origin: Origin
    first_sample: int
    inside: bool = True
    case: str = ""
    labels: Tensors = field(default_factory=dict)
    answer: Tensors | None = None
