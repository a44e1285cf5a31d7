"""The float64 twin of a traced model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from converters.exceptions import summary
from converters.signature import Signature
from validation.dtypes import array_of
from validation.feed import Tensors
from validation.truth.remade import NoTwinError, raised
from validation.truth.rounding import Rounding
from validation.truth.translate import Translation

__all__ = ["NoTwinError", "Twin", "build_twin"]


class Twin:
    """A model in float64; made by `build_twin`.

    Args:
        traced: `tf.function` from inputs by name to outputs by name.
        signature: of the original.
    """

    def __init__(self, traced: Any, signature: Signature) -> None:
        import tensorflow as tf

        self._tf, self._signature = tf, signature
        self._concrete = traced.get_concrete_function()
        specs = {spec.name: tf.TensorSpec(spec.shape, spec.dtype) for spec in signature.inputs}
        scalars = tf.TensorSpec((), tf.int64), tf.TensorSpec((), tf.float64)
        self._exact = tf.function(self._translate, input_signature=[specs], autograph=False)
        self._rounded = tf.function(self._simulate, input_signature=[specs, *scalars], autograph=False)

    def trace(self) -> None:
        """Builds the float64 graph.

        Raises:
            NoTwinError: an op can't be taken to float64.
        """
        self._exact.get_concrete_function()

    def run(self, tensors: Tensors) -> dict[str, np.ndarray]:
        """Outputs by name, floats in float64."""
        return self._call(self._exact, self._feed(tensors))

    def rounded(self, tensors: Tensors, *, seed: int, amplitude: float) -> dict[str, np.ndarray]:
        """As `run`, with every op's result moved by up to `amplitude` unit roundoffs of its dtype."""
        tf = self._tf
        scalars = tf.constant(seed, tf.int64), tf.constant(amplitude, tf.float64)
        return self._call(self._rounded, self._feed(tensors), *scalars)

    def _call(self, function: Any, *inputs: Any) -> dict[str, np.ndarray]:
        try:
            with _unoptimized():
                outputs = function(*inputs)
        except self._tf.errors.OpError as error:
            raise NoTwinError(f"it can't be run: {summary(error)}") from error
        return {spec.name: array_of(outputs[spec.name]) for spec in self._signature.outputs}

    def _feed(self, tensors: Tensors) -> dict[str, Any]:
        return {s.name: self._tf.constant(tensors[s.name], dtype=s.dtype) for s in self._signature.inputs}

    def _simulate(self, inputs: Mapping[str, Any], seed: Any, amplitude: Any) -> dict[str, Any]:
        return self._translate(inputs, Rounding(seed, amplitude))

    def _translate(self, inputs: Mapping[str, Any], rounding: Rounding | None = None) -> dict[str, Any]:
        """The translated graph, added to the one that is being traced."""
        graph = self._concrete.graph
        names = sorted(inputs)
        given = {
            placeholder.name: self._taken(inputs[name])
            for name, placeholder in zip(names, graph.inputs[: len(names)], strict=True)
        }
        given |= {inner.name: self._taken(outer) for outer, inner in graph.captures}
        outputs: Mapping[str, Any] = graph.structured_outputs
        wanted: Sequence[str] = self._signature.output_names
        values = self._translation(rounding).run(graph, given, [outputs[name] for name in wanted])
        return dict(zip(wanted, values, strict=True))

    def _translation(self, rounding: Rounding | None) -> Translation:
        return Translation(rounding)

    def _taken(self, value: Any) -> Any:
        """What is made of an input or a captured value."""
        return raised(value)


@contextmanager
def _unoptimized() -> Iterator[None]:
    """No graph optimiser inside the block: a twin runs as it is written.

    TensorFlow 2.21's remapper fuses grouped convolutions, which then have no kernel.
    """
    import tensorflow as tf

    before = tf.config.optimizer.get_experimental_options().get("disable_meta_optimizer", False)
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    try:
        yield
    finally:
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": before})


def build_twin(traced: Any, signature: Signature) -> Twin:
    """The float64 twin of a traced model.

    Args:
        traced: `validation.original.Original.traced`.
        signature: of the original.

    Raises:
        NoTwinError: an op can't be taken to float64; says which.
    """
    twin = Twin(traced, signature)
    twin.trace()
    return twin
