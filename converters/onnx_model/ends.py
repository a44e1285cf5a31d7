"""Inputs and outputs of an ONNX model, made to say what the Keras model says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from converters.signature import Signature, TensorSpec

if TYPE_CHECKING:
    from onnx import ModelProto, ValueInfoProto


def complete_ends(model: ModelProto, signature: Signature, names: Mapping[str, str]) -> list[str]:
    """Completes shapes from the Keras signature, in place, and adds inputs that nothing uses.

    Dynamic dimensions lose tf2onnx's names for them ("unk__7"), which are counters.

    Args:
        model: whose inputs have the Keras names.
        signature: of the Keras model.
        names: from each output's Keras name to its name in the file.

    Returns:
        Where the file contradicts the signature; nothing when all is well.
    """
    import numpy as np
    from onnx.helper import make_tensor_value_info, np_dtype_to_tensor_dtype

    values = {value.name: value for value in (*model.graph.input, *model.graph.output)}
    faults = []
    for spec in signature.inputs:
        if spec.name not in values:
            kind = np_dtype_to_tensor_dtype(np.dtype(spec.dtype))
            model.graph.input.append(make_tensor_value_info(spec.name, kind, spec.shape))
        else:
            faults += _complete(values[spec.name], spec)
    for spec in signature.outputs:
        faults += _complete(values[names[spec.name]], spec)
    return faults


def _complete(value: ValueInfoProto, spec: TensorSpec) -> list[str]:
    shape = value.type.tensor_type.shape
    known = [dim.dim_value if dim.HasField("dim_value") else None for dim in shape.dim]
    if value.type.tensor_type.HasField("shape") and len(known) != len(spec.shape):
        return [f"{spec.name}: rank {len(known)} in the file, {len(spec.shape)} in the model"]
    known = known or [None] * len(spec.shape)
    clash = [(a, b) for a, b in zip(known, spec.shape, strict=True) if None not in (a, b) and a != b]
    if clash:
        return [f"{spec.name}: {spec.shape} in the model, {tuple(known)} in the file"]
    del shape.dim[:]
    shape.SetInParent()
    for in_file, in_model in zip(known, spec.shape, strict=True):
        size = in_file if in_file is not None else in_model
        dim = shape.dim.add()
        if size is not None:
            dim.dim_value = size
    return []
