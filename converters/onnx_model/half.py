"""Half precision: float16 weights and arithmetic behind float32 inputs and outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from onnx import ModelProto

LARGEST = float(np.finfo(np.float16).max)
SMALLEST = float(np.finfo(np.float16).smallest_subnormal)


def halve(model: ModelProto) -> tuple[ModelProto, list[str]]:
    """The model in float16, and what the narrower range did to its constants.

    Args:
        model: float32; consumed.

    Returns:
        The model, inputs and outputs unchanged, and notes.
    """
    from onnxconverter_common import float16

    notes = _losses(model)
    model = float16.convert_float_to_float16(
        model, min_positive_val=SMALLEST, max_finite_val=LARGEST, keep_io_types=True
    )
    return model, notes


def _losses(model: ModelProto) -> list[str]:
    from onnx.numpy_helper import to_array

    notes = []
    for tensor in model.graph.initializer:
        if tensor.data_type != tensor.FLOAT:
            continue
        values = np.abs(to_array(tensor))
        over = int(np.count_nonzero(np.isfinite(values) & (values > LARGEST)))
        under = int(np.count_nonzero((values > 0) & (values < SMALLEST)))
        if over:
            notes.append(f"{tensor.name}: {over} of {values.size} value(s) exceed float16 and become 65504")
        if under:
            notes.append(
                f"{tensor.name}: {under} of {values.size} value(s) are below float16 and become 6e-8"
            )
    return notes
