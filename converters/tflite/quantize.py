"""The other precisions of a float32 flatbuffer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from converters.artifact import Artifact
from converters.tflite import model_file
from converters.tflite.half import halve_weights
from converters.tflite.static_int8 import quantize_all


def quantize(
    base: Artifact, precision: str, calibration: Sequence[Path]
) -> tuple[model_file.Model, list[str]]:
    """The model in another precision, and notes on what happened.

    Args:
        base: the float32 artifact.
        precision: "float16", "dynamic_int8", "int8" or "int8_io".
        calibration: `.npz` files of inputs by Keras name; for the last two.
    """
    if precision == "float16":
        model = model_file.read(base.entry_path)
        notes = halve_weights(model)
        model_file.share_equal_buffers(model)
        return model, notes
    if precision == "dynamic_int8":
        return model_file.parse(_dynamic(base)), []
    return quantize_all(base, precision, calibration)


def _dynamic(base: Artifact) -> bytes:
    """Int8 weights, one scale a channel; activations are quantized while running."""
    from ai_edge_quantizer import quantizer, recipe

    tool = quantizer.Quantizer(bytearray(base.entry_path.read_bytes()))
    tool.load_quantization_recipe(recipe.dynamic_wi8_afp32())
    return bytes(tool.quantize().quantized_model)
