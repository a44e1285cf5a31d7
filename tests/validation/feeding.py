"""Streams of inputs for tests: two small signatures, and how to read and refuse them."""

from __future__ import annotations

import numpy as np
import pytest

from converters.errors import EdgeproofError
from converters.signature import Signature, TensorSpec
from validation.feeds import FeedSpec, open_feeds

X = TensorSpec("x", (None, 3), "float32")
IDS = TensorSpec("ids", (None, 4), "int32")
ONE = Signature((X,), ())
TWO = Signature((X, IDS), ())


def rows(count: int, width: int = 3) -> np.ndarray:
    return np.arange(count * width, dtype=np.float32).reshape(count, width)


def read(spec: FeedSpec, signature: Signature = ONE) -> list:
    return list(open_feeds(spec, signature))


def refusal(spec: FeedSpec, signature: Signature = ONE) -> str:
    with pytest.raises(EdgeproofError) as caught:
        read(spec, signature)
    return str(caught.value)
