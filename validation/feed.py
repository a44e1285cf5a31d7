"""One batch of named inputs, and where it came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

Tensors: TypeAlias = Mapping[str, np.ndarray]
"""Arrays by Keras name."""


@dataclass(frozen=True, slots=True)
class Feed:
    """One batch.

    Attributes:
        tensors: every input of the signature, under its Keras name, in its dtype.
        origin: "data", "seeded" or "directed".
        first_sample: number of this batch's first sample in the whole stream.
    """

    tensors: Tensors
    origin: str
    first_sample: int
