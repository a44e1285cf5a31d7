"""Int8 weights and activations, from the float32 flatbuffer and samples of its inputs.

TensorFlow's own quantizer works on a finished flatbuffer too. On a small CNN it came to 31.8 dB
SQNR where ai-edge-quantizer 0.10 came to 30.2, in a third of the time, and it leaves inputs and
outputs float where that is asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from converters.artifact import Artifact
from converters.errors import EdgeproofError, ExitStatus
from converters.tflite import model_file
from converters.tflite.calibration import samples
from converters.tflite.ranges import fit_ranges

INT8_STEPS = 255

FLOAT_OPS = frozenset({"MATRIX_DIAG", "MATRIX_SET_DIAG", "ONE_HOT", "SCATTER_ND"})
"""Ops that are left in float32, since their int8 kernels know nothing of scales and zero points.

TensorFlow's quantizer (2.21) gives the two values of a ONE_HOT scales of their own, and the kernel copies
their bytes: a 0 comes out as half of the 1. The parts of a MATRIX_SET_DIAG have other scales than the whole.
SCATTER_ND and MATRIX_DIAG put bytes of 0 where nothing else is, which only by chance is the zero point.
"""


def quantize_all(
    base: Artifact, precision: str, calibration: Sequence[Path]
) -> tuple[model_file.Model, list[str]]:
    """Quantizes weights and activations; for "int8_io" inputs and outputs as well.

    An int8 softmax has the fixed scale 1/256, so that 1,000 classes all come out as 0. A softmax
    that is an output is therefore computed in float32 (52.7 dB instead of 0.0 on such a layer).

    Raises:
        EdgeproofError: there are no samples, or they aren't this model's inputs.
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
    ranges = calibrator.Calibrator(content).calibrate(lambda: samples(base.signature, calibration))
    measured = model_file.parse(ranges)
    notes = fit_ranges(measured)
    softmaxes = _output_softmaxes(measured)
    dtype = tf.int8 if precision == "int8_io" else tf.float32
    quantized = tflite_convert.mlir_quantize(
        model_file.pack(measured),
        input_data_type=dtype,
        output_data_type=dtype,
        denylisted_ops=set(FLOAT_OPS),
        denylisted_nodes=set(softmaxes.values()),
    )
    model = model_file.parse(quantized)
    if precision == "int8_io":
        _stretch(model, measured, softmaxes)
    notes += [f"softmax of output {name} is computed in float32" for name in softmaxes]
    return model, notes


def _output_softmaxes(model: model_file.Model) -> dict[str, str]:
    """From each output that a softmax makes to the name of its tensor."""
    tensors, made = model.subgraphs[0].tensors, _outputs_made_by(model, "SOFTMAX")
    return {name: tensors[index].name.decode() for name, index in made.items()}


def _outputs_made_by(model: model_file.Model, op_name: str) -> dict[str, int]:
    """From each output that an op of this name makes to the number of its tensor."""
    names = model_file.op_names(model)
    ops = [op for op in model.subgraphs[0].operators if names[op.opcodeIndex] == op_name]
    made = {int(op.outputs[0]) for op in ops}
    _, outputs = model_file.signature_tensors(model)
    return {name: index for name, index in outputs.items() if index in made}


def _stretch(model: model_file.Model, measured: model_file.Model, softmaxes: dict[str, str]) -> None:
    """Lets the int8 of a float softmax span what was measured, instead of [0, 1)."""
    tensors, ends = model.subgraphs[0].tensors, _outputs_made_by(model, "QUANTIZE")
    _, measured_ends = model_file.signature_tensors(measured)
    for name in softmaxes.keys() & ends.keys():
        peak = float(measured.subgraphs[0].tensors[measured_ends[name]].quantization.max[0])
        quantization = tensors[ends[name]].quantization
        quantization.scale, quantization.zeroPoint = [peak / INT8_STEPS], [-128]
