"""Which inputs count: a difference inside the domain fails, one outside is reported.

| known | numbers that count |
|---|---|
| the recipe's range | those inside it |
| data | what the data span, with a margin |
| neither | floats up to 1e4 in magnitude; integers that the original accepts |

A quantized export is held to the range that it was calibrated on: that is a fact of the artifact, see
`validation.trial`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from converters.errors import EdgeproofError
from converters.signature import Signature, TensorSpec
from validation.dtypes import is_float, numpy_dtype

Range = tuple[float, float]
"""Least and greatest value, both included."""

FLOAT_LIMIT = 1e4
"""Greatest magnitude of floats that count where neither data nor recipe tell: pixels, counts, decibels,
prices and logits lie below, and squares of it are far from overflow in float32."""

MARGIN = 0.1
"""Share of the data's span that still counts on each side of it."""


@dataclass(frozen=True, slots=True)
class Domain:
    """What the user says of the inputs; everything may be left out.

    Attributes:
        ranges: of single inputs, by Keras name.
        range: of all other numeric inputs.
        nan: NaN counts.
        inf: the infinities count.
        denormals: floats nearer to zero than the least normal one count. Most engines flush them to
            zero, TensorFlow's own threads included.
        margin: by which the span of data is widened on each side, as a share of that span.
    """

    ranges: Mapping[str, Range] = field(default_factory=dict)
    range: Range | None = None
    nan: bool = False
    inf: bool = False
    denormals: bool = False
    margin: float = MARGIN

    def limits(self, spec: TensorSpec, seen: Range | None = None, accepted: Range | None = None) -> Range:
        """Least and greatest value of an input that count.

        Args:
            spec: a numeric input.
            seen: what the data span; None without data.
            accepted: integers that the original answers to; None where it takes all of the dtype.
        """
        told = self.told(spec)
        if told is None and seen is not None:
            told = _widened(seen, self.margin)
        if told is None and is_float(spec.dtype):
            told = -FLOAT_LIMIT, FLOAT_LIMIT
        least, greatest = accepted or _whole(spec)
        return (least, greatest) if told is None else (max(told[0], least), min(told[1], greatest))

    def told(self, spec: TensorSpec) -> Range | None:
        """What there is a word of."""
        return self.ranges.get(spec.name) or self.range or spec.value_range

    def check(self, signature: Signature) -> None:
        """Confirms that the domain is one of this model.

        Raises:
            EdgeproofError: a range is empty, or an input that it names doesn't exist or isn't numeric.
        """
        numeric = [spec.name for spec in signature.inputs if spec.dtype not in ("bool", "string")]
        unknown = [name for name in self.ranges if name not in numeric]
        if unknown:
            raise EdgeproofError(
                "domain: ranges of inputs that the model does not have",
                got=", ".join(unknown),
                want="numeric inputs: " + (", ".join(numeric) or "there are none"),
                fix="name the inputs as the model does",
            )
        named = {f"range of {name}": limits for name, limits in self.ranges.items()}
        for name, limits in (named | ({"range": self.range} if self.range else {})).items():
            if not (np.isfinite(limits).all() and limits[0] < limits[1]):
                raise EdgeproofError(
                    f"domain: the {name} is empty",
                    got=str(list(limits)),
                    want="two finite numbers, the lesser first",
                    fix="write it as [least, greatest]",
                )


def _whole(spec: TensorSpec) -> Range:
    """The finite numbers of a dtype."""
    dtype = numpy_dtype(spec.dtype)
    if is_float(spec.dtype):
        import ml_dtypes

        greatest = float(ml_dtypes.finfo(dtype).max)
        return -greatest, greatest
    info = np.iinfo(dtype)
    return int(info.min), int(info.max)


def _widened(seen: Range, margin: float) -> Range:
    """With a margin that doesn't cross zero: what is never negative (a pixel, a count, an index) stays so."""
    low, high = seen
    more = margin * (high - low)
    return (low - more if low < 0 else max(low - more, 0)), (high + more if high > 0 else min(high + more, 0))
