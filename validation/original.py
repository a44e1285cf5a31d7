"""The original model, run eagerly and as a graph, with its weights as they are or nudged."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from converters.errors import EdgeproofError
from converters.exceptions import summary
from converters.source import SourceModel
from validation.dtypes import FLOATS, array_of, epsilon
from validation.feed import Tensors

T = TypeVar("T")

Nudge = Callable[[np.ndarray], np.ndarray]
"""From a weight to the weight that is tried in its place."""


class Original:
    """A source model, opened; true float32, never TF32.

    Args:
        source: opened with `converters.sources.open_source`.
    """

    def __init__(self, source: SourceModel) -> None:
        import tensorflow as tf

        from converters.sources import open_source

        tf.config.experimental.enable_tensor_float_32_execution(False)
        self._tf = tf
        self._name = source.path.name
        self._kept: dict[Callable[[Original], Any], Any] = {}
        self._model = open_source(source)
        self.signature = source.signature
        specs = {spec.name: tf.TensorSpec(spec.shape, spec.dtype) for spec in self.signature.inputs}
        self._graph = tf.function(self._model.function, input_signature=[specs])

    def eager(self, tensors: Tensors) -> dict[str, np.ndarray]:
        """Outputs by Keras name, op by op."""
        return self._run(self._model.function, tensors)

    def graph(self, tensors: Tensors) -> dict[str, np.ndarray]:
        """Outputs by Keras name, from the traced function."""
        return self._run(self._graph, tensors)

    @property
    def traced(self) -> Any:
        """The `tf.function` from inputs by name to outputs by name: to look at its ops, and for gradients."""
        return self._graph

    @property
    def layers(self) -> Mapping[str, str]:
        """From each Keras layer's name to its class; empty for a SavedModel."""
        return self._model.layers

    def kept(self, kind: Callable[[Original], T]) -> T:
        """What is made of the original at a cost, made once."""
        if kind not in self._kept:
            self._kept[kind] = kind(self)
        return self._kept[kind]

    @cached_property
    def arithmetic(self) -> str:
        """Coarsest float dtype of any value that the graph computes."""
        try:
            definition = self._graph.get_concrete_function().graph.as_graph_def()
        except Exception as error:
            raise self._cannot_run(error) from error
        nodes = [*definition.node, *(n for f in definition.library.function for n in f.node_def)]
        kinds = {a.type for n in nodes for key, a in n.attr.items() if key in ("T", "dtype", "DstT")}
        names = [self._tf.as_dtype(kind).name for kind in kinds if kind]
        return max((name for name in names if name in FLOATS), key=epsilon, default="float32")

    @contextmanager
    def nudged(self, nudge: Nudge) -> Iterator[bool]:
        """Every float weight replaced by its nudge inside the block; says whether there is any."""
        variables = [v for v in getattr(self._model.trackable, "variables", ()) if _is_float(v)]
        kept = [variable.numpy() for variable in variables]
        try:
            for variable, value in zip(variables, kept, strict=True):
                variable.assign(nudge(value))
            yield bool(variables)
        finally:
            for variable, value in zip(variables, kept, strict=True):
                variable.assign(value)

    def _run(self, function: Callable[[Any], Mapping[str, Any]], tensors: Tensors) -> dict[str, np.ndarray]:
        tf = self._tf
        feed = {s.name: tf.constant(tensors[s.name], dtype=s.dtype) for s in self.signature.inputs}
        try:
            outputs = function(feed)
        except Exception as error:
            raise self._cannot_run(error) from error
        return {s.name: array_of(outputs[s.name]) for s in self.signature.outputs}

    def _cannot_run(self, error: Exception) -> EdgeproofError:
        return EdgeproofError(
            f"{self._name}: the original can't run on these inputs",
            got=summary(error),
            want="an answer for every batch, eagerly and as a graph",
            fix="give data that the model takes (indices inside their tables, lengths that its strides "
            "allow), or narrow the range of the natural inputs",
        )


def _is_float(variable: Any) -> bool:
    return getattr(variable.dtype, "name", variable.dtype) in FLOATS
