"""Names, shapes and dtypes of a model's inputs and outputs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """One input or output.

    Attributes:
        name: the name that the Keras model gives it.
        shape: batch dimension included; None is a dynamic dimension; () is a scalar.
        dtype: NumPy name ("float32", "bool", …), "bfloat16" or "string".
        value_range: least and greatest value that occurs, if known.
    """

    name: str
    shape: tuple[int | None, ...]
    dtype: str
    value_range: tuple[float, float] | None = None

    def __str__(self) -> str:
        shape = ", ".join("?" if d is None else str(d) for d in self.shape)
        return f"{self.name}: {self.dtype}[{shape}]"


@dataclass(frozen=True, slots=True)
class Signature:
    """Inputs and outputs in the Keras model's own order."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]

    @property
    def input_names(self) -> tuple[str, ...]:
        return tuple(spec.name for spec in self.inputs)

    @property
    def output_names(self) -> tuple[str, ...]:
        return tuple(spec.name for spec in self.outputs)

    def __str__(self) -> str:
        left, right = (", ".join(map(str, specs)) for specs in (self.inputs, self.outputs))
        return f"({left}) -> ({right})"
