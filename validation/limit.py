"""A limit that the user sets for one output, in place of the derived one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields

from converters.errors import EdgeproofError


@dataclass(frozen=True, slots=True)
class Limit:
    """What one output must keep; of several measures, all of them.

    Attributes:
        rtol: with `atol`: |actual - expected| <= atol + rtol |expected| for every element.
        atol: in the output's units.
        sqnr_db: least signal to quantization noise ratio.
        agreement: least share of samples whose class is the original's; of integers, equal elements.
        accuracy: least share of the original's accuracy that is left; needs labels.
    """

    rtol: float | None = None
    atol: float | None = None
    sqnr_db: float | None = None
    agreement: float | None = None
    accuracy: float | None = None

    def check(self, output: str, place: str = "") -> None:
        """Confirms that the limit makes sense.

        Args:
            output: that it is for.
            place: begins the message: "recipe.toml, line 3: ".

        Raises:
            EdgeproofError: it sets nothing, half of a pair, or a number that is no limit.
        """
        given = {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) is not None}
        what = f"{place}limit of {output}"
        if not given:
            raise EdgeproofError(what + ": nothing is limited", got="no measure", want=_WANT, fix=_FIX)
        if (self.rtol is None) != (self.atol is None):
            raise EdgeproofError(
                what + ": half of a pair",
                got="rtol alone" if self.atol is None else "atol alone",
                want="rtol and atol together: |actual - expected| <= atol + rtol |expected|",
                fix=f"add {'atol' if self.atol is None else 'rtol'}; 0 if there is to be none",
            )
        for name, value in given.items():
            low, high = _ALLOWED[name]
            if not low <= value <= high or not math.isfinite(value):
                raise EdgeproofError(
                    f"{what}: {name} is out of range",
                    got=str(value),
                    want=f"{low:g} to {high:g}" if math.isfinite(high) else f"{low:g} or more",
                    fix=f"correct {name}",
                )
        if self.rtol == self.atol == 0:
            raise EdgeproofError(
                what + ": rtol and atol are both 0",
                got="no difference at all allowed",
                want="at least one above 0, since runtimes round differently",
                fix="raise one of them, or leave the limit out to have it derived",
            )


_ALLOWED = {
    "rtol": (0.0, math.inf),
    "atol": (0.0, math.inf),
    "sqnr_db": (-math.inf, math.inf),
    "agreement": (0.0, 1.0),
    "accuracy": (0.0, 1.0),
}

_WANT = "rtol and atol together, or sqnr_db, agreement, accuracy"

_FIX = "see docs/recipe.md, or leave the limit out to have it derived"


def check_limits(limits: Mapping[str, Limit], outputs: tuple[str, ...]) -> None:
    """Confirms that every limit is for an output of the model, and makes sense.

    Raises:
        EdgeproofError: an output doesn't exist, or a limit makes no sense.
    """
    for name, limit in limits.items():
        if name not in outputs:
            raise EdgeproofError(
                f"limit of {name}: the model has no such output",
                got=name,
                want="some of " + ", ".join(outputs),
                fix="name the output as the model does",
            )
        limit.check(name)
