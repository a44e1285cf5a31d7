"""The other precisions of a float32 flatbuffer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from converters.artifact import Artifact
from converters.errors import EdgeproofError, ExitStatus
from converters.tflite import model_file
from converters.tflite.half import halve_weights


def quantize(base: Artifact, precision: str, calibration: Sequence[Path]) -> tuple[bytes, list[str]]:
    """The bytes of a file in another precision, and notes on what happened.

    Args:
        base: the float32 artifact.
        precision: "float16", "dynamic_int8", "int8" or "int8_io".
        calibration: `.npz` files of inputs by Keras name; for the last two.
    """
    if precision == "float16":
        model = model_file.read(base.entry_path)
        notes = halve_weights(model)
        model_file.share_equal_buffers(model)
        return model_file.pack(model), notes
    if precision == "dynamic_int8":
        return _dynamic(base), []
    return _static(base, precision, calibration), []


def _dynamic(base: Artifact) -> bytes:
    """Int8 weights, one scale a channel; activations are quantized while running."""
    from ai_edge_quantizer import quantizer, recipe

    tool = quantizer.Quantizer(bytearray(base.entry_path.read_bytes()))
    tool.load_quantization_recipe(recipe.dynamic_wi8_afp32())
    return bytes(tool.quantize().quantized_model)


def _static(base: Artifact, precision: str, calibration: Sequence[Path]) -> bytes:
    """Int8 weights and activations.

    TensorFlow's own quantizer works on the finished flatbuffer as well. On a small CNN it came to
    31.8 dB SQNR where ai-edge-quantizer 0.10 came to 30.2, in a third of the time, and it leaves
    inputs and outputs float where that is asked.
    """
    import tensorflow as tf
    from tensorflow.lite.python import convert as tflite_convert
    from tensorflow.lite.python.optimize import calibrator

    if not calibration:
        raise EdgeproofError(
            f"tflite:{precision}: no data to calibrate on",
            got="no calibration files",
            want="a few hundred samples of what the model will see",
            fix="give the recipe a data section, or leave int8 out; tflite:dynamic_int8 needs no data",
            status=ExitStatus.CONVERSION_FAILED,
        )
    content = calibrator.add_intermediate_tensors(base.entry_path.read_bytes())
    ranges = calibrator.Calibrator(content).calibrate(lambda: _samples(base, calibration))
    dtype = tf.int8 if precision == "int8_io" else tf.float32
    return bytes(tflite_convert.mlir_quantize(ranges, input_data_type=dtype, output_data_type=dtype))


def _samples(base: Artifact, files: Sequence[Path]) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
    """One batch after the other, as the calibrator wants them."""
    for path in files:
        with np.load(path) as batch:
            given = set(batch.files)
            wanted = set(base.signature.input_names)
            if given != wanted:
                raise EdgeproofError(
                    f"{path}: not a batch of this model's inputs",
                    got=f"arrays {', '.join(sorted(given))}",
                    want=f"arrays {', '.join(sorted(wanted))}",
                    fix="write the calibration files from the same recipe as the model",
                )
            yield model_file.SIGNATURE_KEY, {name: batch[name] for name in base.signature.input_names}
