"""Which inputs count: the recipe's word, the data's span with a margin, or what the signature allows."""

from __future__ import annotations

import numpy as np
import pytest

from converters.errors import EdgeproofError
from converters.signature import Signature, TensorSpec
from validation.directed.inputs import Seen, describe_input
from validation.domain import Domain

FLOAT = TensorSpec("x", (None, 3), "float32")
HALF = TensorSpec("x", (None, 3), "float16")
IDS = TensorSpec("ids", (None, 4), "int32")
BYTES = TensorSpec("pixels", (None, 4), "uint8")
RANGED = TensorSpec("x", (None, 3), "float32", (0.0, 255.0))

LIMITS = {
    "float-without-a-word": (Domain(), FLOAT, {}, (-1e4, 1e4)),
    "integers-of-the-dtype": (Domain(), BYTES, {}, (0, 255)),
    "integers-that-the-original-accepts": (Domain(), IDS, {"accepted": (-1, 10)}, (-1, 10)),
    "data-with-a-margin": (Domain(), FLOAT, {"seen": (-1.0, 3.0)}, (-1.4, 3.4)),
    "margin-of-the-user": (Domain(margin=0.5), FLOAT, {"seen": (-1.0, 3.0)}, (-3.0, 5.0)),
    "what-is-never-negative-stays-so": (Domain(), FLOAT, {"seen": (0.0, 1.0)}, (0.0, 1.1)),
    "nor-does-a-margin-cross-zero": (Domain(), FLOAT, {"seen": (0.05, 1.05)}, (0.0, 1.15)),
    "from-below-either": (Domain(), FLOAT, {"seen": (-1.0, -0.05)}, (-1.095, 0.0)),
    "data-within-what-is-accepted": (Domain(), IDS, {"seen": (0, 990), "accepted": (-1, 1000)}, (0, 1000)),
    "range-for-all": (Domain(range=(0, 1)), FLOAT, {"seen": (0.2, 0.8)}, (0, 1)),
    "range-of-one-before-that": (Domain({"x": (-5, 5)}, range=(0, 1)), FLOAT, {}, (-5, 5)),
    "range-of-another": (Domain({"y": (-5, 5)}), FLOAT, {}, (-1e4, 1e4)),
    "range-that-widens": (Domain(range=(-1e6, 1e6)), FLOAT, {}, (-1e6, 1e6)),
    "data-of-great-numbers": (Domain(), FLOAT, {"seen": (0.0, 2e6)}, (0.0, 2.2e6)),
    "no-more-than-the-dtype-holds": (Domain(range=(0, 1e5)), HALF, {}, (0, 65504)),
    "range-beyond-the-dtype": (Domain(range=(-9, 300)), BYTES, {}, (0, 255)),
    "range-that-the-model-tells": (Domain(), RANGED, {}, (0.0, 255.0)),
}


@pytest.mark.parametrize(("domain", "spec", "known", "limits"), LIMITS.values(), ids=LIMITS.keys())
def test_limits(domain, spec, known, limits):
    assert domain.limits(spec, **known) == pytest.approx(limits)


FAULTS = {
    "unknown-input": (
        Domain({"z": (0, 1)}),
        "domain: ranges of inputs that the model does not have\n"
        "  got:  z\n"
        "  want: numeric inputs: x, ids\n"
        "  fix:  name the inputs as the model does",
    ),
    "text-has-no-range": (
        Domain({"words": (0, 1)}),
        "domain: ranges of inputs that the model does not have\n"
        "  got:  words\n"
        "  want: numeric inputs: x, ids\n"
        "  fix:  name the inputs as the model does",
    ),
    "empty-range": (
        Domain(range=(1, 1)),
        "domain: the range is empty\n"
        "  got:  [1, 1]\n"
        "  want: two finite numbers, the lesser first\n"
        "  fix:  write it as [least, greatest]",
    ),
    "endless-range-of-one-input": (
        Domain({"x": (0, float("inf"))}),
        "domain: the range of x is empty\n"
        "  got:  [0, inf]\n"
        "  want: two finite numbers, the lesser first\n"
        "  fix:  write it as [least, greatest]",
    ),
}


@pytest.mark.parametrize(("domain", "message"), FAULTS.values(), ids=FAULTS.keys())
def test_what_is_no_domain_of_this_model(domain, message):
    signature = Signature((FLOAT, IDS, TensorSpec("words", (None,), "string")), ())
    with pytest.raises(EdgeproofError) as caught:
        domain.check(signature)
    assert str(caught.value) == message


def test_what_occurs_in_the_data():
    seen = Seen()
    seen.add(
        {"x": np.array([[1.0, np.nan, -2.0]], np.float32), "ids": np.array([[3, 9]]), "b": np.array([[True]])}
    )
    assert (seen.nan, seen.inf) == (True, False)
    seen.add({"x": np.array([[np.inf]]), "ids": np.array([[-4, 0]]), "words": np.array([[b"a"]], object)})
    assert (seen.ranges, seen.inf) == ({"x": (-2.0, 1.0), "ids": (-4, 9)}, True)


USUAL = {
    "normal-numbers": (FLOAT, {}, (-3.0, 3.0)),
    "data": (FLOAT, {"seen": (0.0, 2.0)}, (0.0, 2.0)),
    "small-integers": (IDS, {}, (0, 9)),
    "rows-of-the-shortest-table": (IDS, {"tables": (5, 100), "accepted": (-5, 5)}, (0, 4)),
    "range-of-the-model": (RANGED, {}, (0.0, 255.0)),
}


@pytest.mark.parametrize(("spec", "known", "span"), USUAL.values(), ids=USUAL.keys())
def test_what_usually_occurs(spec, known, span):
    assert describe_input(spec, Domain(), **known).span == pytest.approx(span)
