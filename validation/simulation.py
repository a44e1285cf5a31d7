"""What 8-bit weights and activations do to the original, measured on its quantized twins."""

from __future__ import annotations

from collections.abc import Mapping

from validation.feed import Tensors
from validation.original import Original
from validation.truth.quantized import PRECISIONS, QuantizedTwin
from validation.truth.remade import NoTwinError

SIMULATED = {name: f"{name}, simulated" for name in PRECISIONS}
"""From a precision to the name that its noise goes by."""


class Simulation:
    """Quantized twins of an original; those that can't be built are left out.

    Args:
        original: opened.
    """

    def __init__(self, original: Original) -> None:
        self._twins: dict[str, QuantizedTwin] = {}
        for precision in PRECISIONS:
            try:
                self._twins[precision] = QuantizedTwin(original.traced, original.signature, precision)
            except NoTwinError:
                continue

    def answers(self, tensors: Tensors) -> Mapping[str, Tensors]:
        """Outputs by name, by precision; none where a twin can't run on this batch."""
        found = {}
        for precision, twin in self._twins.items():
            try:
                found[SIMULATED[precision]] = twin.run(tensors)
            except NoTwinError:
                continue
        return found
