"""A translation that knows which tensors depend on a model's inputs; all others are constant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from validation.truth.remade import Values
from validation.truth.translate import Translation


class LiveTranslation(Translation):
    """Rounds what enters; what is rounded on the way is its subclasses' matter.

    Args:
        inputs: how many placeholders of the outermost graph are inputs of the model.
    """

    def __init__(self, inputs: int) -> None:
        super().__init__(None)
        self._inputs = inputs
        self._live: dict[Any, set[str]] = {}

    def run(self, graph: Any, given: Mapping[str, Any], outputs: Any) -> Values:
        if graph not in self._live:
            outermost = not self._live
            starts = graph.inputs[: self._inputs] if outermost else graph.inputs
            self._live[graph] = _reached(graph, [t for t in starts if t.dtype.name != "resource"])
            if outermost:
                names = {tensor.name for tensor in starts if tensor.dtype.is_floating}
                given = {name: self._entering(v) if name in names else v for name, v in given.items()}
        return super().run(graph, given, outputs)

    def _entering(self, value: Any) -> Any:
        """What is made of a float input."""
        return value


def _reached(graph: Any, starts: list[Any]) -> set[str]:
    """Names of the tensors that depend on some of a graph's placeholders."""
    live = {tensor.name for tensor in starts}
    for op in graph.get_operations():
        if any(tensor.name in live for tensor in op.inputs):
            live |= {tensor.name for tensor in op.outputs}
    return live
