"""What 8-bit or half-precision weights and activations do to the original, measured on its twins."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any

from converters.signature import Signature
from validation.coarser import HALF
from validation.feed import Tensors
from validation.original import Original
from validation.truth.half import HalfTwin
from validation.truth.quantized import PRECISIONS, QuantizedTwin
from validation.truth.remade import NoTwinError
from validation.truth.twin import Twin

SIMULATED = {name: f"{name}, simulated" for name in PRECISIONS}
"""From a precision to the name that its noise goes by."""

_MEASURED_BY: Mapping[str, tuple[str, ...]] = {"int8": tuple(SIMULATED.values()), HALF: (HALF,)}
"""From what is to be measured to the twins that tell it."""

_TWINS: Mapping[str, Callable[[Any, Signature], Twin]] = {
    **{name: partial(QuantizedTwin, precision=precision) for precision, name in SIMULATED.items()},
    HALF: HalfTwin,
}


class Simulation:
    """Rounding twins of an original, each built when it is asked for; those that can't be are left out.

    Args:
        original: opened.
    """

    def __init__(self, original: Original) -> None:
        self._original = original
        self._twins: dict[str, Twin | None] = {}

    def answers(self, tensors: Tensors, precisions: Collection[str]) -> Mapping[str, Tensors]:
        """Outputs by name, by the name of their noise; none where a twin can't run on this batch.

        Args:
            tensors: inputs.
            precisions: what is to be measured, of `coarser.MEASURED`.
        """
        found: dict[str, Tensors] = {}
        for name in (name for each in precisions for name in _MEASURED_BY.get(each, ())):
            twin = self._twin(name)
            try:
                found |= {name: twin.run(tensors)} if twin else {}
            except NoTwinError:
                continue
        return found

    def _twin(self, name: str) -> Twin | None:
        if name not in self._twins:
            try:
                self._twins[name] = _TWINS[name](self._original.traced, self._original.signature)
            except NoTwinError:
                self._twins[name] = None
        return self._twins[name]
