"""How samples stand in a signature's tensors: where the batch is, and what one sample looks like."""

from __future__ import annotations

from dataclasses import dataclass

from converters.errors import EdgeproofError
from converters.signature import Signature, TensorSpec
from validation.feed import Tensors


@dataclass(frozen=True, slots=True)
class Layout:
    """What a stream of samples must look like to feed a model.

    Attributes:
        inputs: of the signature.
        batched: the first dimension of every input is the batch. Where it is not (a scalar input,
            first dimensions that disagree), one sample is one whole call of the model.
        fixed_batch: the batch size, where the model allows only one.
    """

    inputs: tuple[TensorSpec, ...]
    batched: bool
    fixed_batch: int | None

    def sample_shape(self, spec: TensorSpec) -> tuple[int | None, ...]:
        """Shape of one sample of an input."""
        return spec.shape[1:] if self.batched else spec.shape

    def batch(self, wanted: int) -> int:
        """Samples in a feed when `wanted` were asked for."""
        return (self.fixed_batch or wanted) if self.batched else 1

    def count(self, tensors: Tensors) -> int:
        """Samples in a feed."""
        return len(tensors[self.inputs[0].name]) if self.batched else 1


def layout_of(signature: Signature) -> Layout:
    """The layout of a signature.

    Raises:
        EdgeproofError: the model has no input, so that nothing can move its outputs.
    """
    if not signature.inputs:
        raise EdgeproofError(
            "the model has no inputs",
            got=str(signature),
            want="at least one input that moves the outputs",
            fix="choose another signature of the model",
        )
    if any(not spec.shape for spec in signature.inputs):
        return Layout(signature.inputs, False, None)
    leading = {spec.shape[0] for spec in signature.inputs}
    if len(leading) > 1:
        return Layout(signature.inputs, False, None)
    return Layout(signature.inputs, True, leading.pop())
