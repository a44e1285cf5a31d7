"""A TFLite flatbuffer as Python objects, and the few edits that every file needs."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from converters.artifact import Quantization
from converters.signature import TensorSpec

SIGNATURE_KEY = "serving_default"

Model = Any
"""A `ModelT` of the TFLite schema."""

_DTYPES = {
    "FLOAT32": "float32",
    "FLOAT16": "float16",
    "FLOAT64": "float64",
    "BFLOAT16": "bfloat16",
    "INT8": "int8",
    "INT16": "int16",
    "INT32": "int32",
    "INT64": "int64",
    "UINT8": "uint8",
    "UINT16": "uint16",
    "UINT32": "uint32",
    "UINT64": "uint64",
    "BOOL": "bool",
    "STRING": "string",
    "COMPLEX64": "complex64",
    "COMPLEX128": "complex128",
}


def parse(content: bytes) -> Model:
    """The object form of a flatbuffer."""
    from ai_edge_litert.tools import flatbuffer_utils

    return flatbuffer_utils.read_model_from_bytearray(bytearray(content))


def read(path: Path) -> Model:
    return parse(path.read_bytes())


def pack(model: Model) -> bytes:
    """The inverse of `parse`."""
    from ai_edge_litert.tools import flatbuffer_utils

    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def op_names(model: Model) -> list[str]:
    """Builtin name of each operator code, "CUSTOM:name" for a custom one."""
    from ai_edge_litert import schema_py_generated as schema

    names = {code: name for name, code in vars(schema.BuiltinOperator).items() if isinstance(code, int)}
    rows = []
    for code in model.operatorCodes:
        number = max(code.builtinCode, code.deprecatedBuiltinCode)
        custom = code.customCode.decode() if code.customCode else ""
        rows.append(f"CUSTOM:{custom}" if names[number] == "CUSTOM" else names[number])
    return rows


def dtype_of(tensor: Any) -> str:
    """NumPy name of a tensor's type; "INT4" and the like keep the schema's name."""
    from ai_edge_litert import schema_py_generated as schema

    names = {code: name for name, code in vars(schema.TensorType).items() if isinstance(code, int)}
    return _DTYPES.get(names[tensor.type], names[tensor.type])


def shape_of(tensor: Any) -> tuple[int | None, ...]:
    """Shape with None for what changes from call to call."""
    listed = tensor.shapeSignature if _length(tensor.shapeSignature) else tensor.shape
    return tuple(None if size < 0 else int(size) for size in (listed if listed is not None else ()))


def spec_of(tensor: Any, name: str) -> TensorSpec:
    """A tensor as an input or output."""
    return TensorSpec(name, shape_of(tensor), dtype_of(tensor))


def quantization_of(tensor: Any) -> Quantization | None:
    """Scale and zero point of a quantized input or output."""
    params = tensor.quantization
    if params is None or not _length(params.scale):
        return None
    return Quantization(float(params.scale[0]), int(params.zeroPoint[0]), dtype_of(tensor))


def array_of(model: Model, tensor: Any) -> np.ndarray | None:
    """A constant's values, None for what is computed; float16 and integers as they are stored."""
    data = model.buffers[tensor.buffer].data
    dtype = dtype_of(tensor)
    if not _length(data) or dtype not in np.sctypeDict:
        return None
    return np.frombuffer(np.asarray(data, np.uint8).tobytes(), dtype).reshape(tensor.shape)


def add_buffer(model: Model, values: np.ndarray) -> int:
    """Number of a new buffer that holds an array."""
    from ai_edge_litert import schema_py_generated as schema

    buffer = schema.BufferT()
    buffer.data = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
    model.buffers.append(buffer)
    return len(model.buffers) - 1


def set_signature(model: Model, inputs: Mapping[str, int], outputs: Mapping[str, int]) -> None:
    """Gives the main subgraph one signature, `serving_default`.

    Args:
        inputs: from the Keras name to the tensor's number in the subgraph; likewise `outputs`.
    """
    from ai_edge_litert import schema_py_generated as schema

    signature = schema.SignatureDefT()
    signature.signatureKey = SIGNATURE_KEY.encode()
    signature.subgraphIndex = 0
    signature.inputs = [_tensor_map(name, index) for name, index in inputs.items()]
    signature.outputs = [_tensor_map(name, index) for name, index in outputs.items()]
    model.signatureDefs = [signature]


def signature_tensors(model: Model) -> tuple[dict[str, int], dict[str, int]]:
    """What `set_signature` was given; empty without a signature."""
    for signature in model.signatureDefs or ():
        if signature.signatureKey == SIGNATURE_KEY.encode():
            maps = (signature.inputs, signature.outputs)
            inputs, outputs = ({entry.name.decode(): entry.tensorIndex for entry in m} for m in maps)
            return inputs, outputs
    return {}, {}


def share_equal_buffers(model: Model) -> None:
    """Stores equal constants once, as TensorFlow's own converter class does after conversion."""
    first: dict[bytes, int] = {}
    for subgraph in model.subgraphs:
        for tensor in subgraph.tensors:
            data = model.buffers[tensor.buffer].data
            if tensor.isVariable or not _length(data):
                continue
            digest = hashlib.sha256(np.ascontiguousarray(data, np.uint8).data).digest()
            tensor.buffer = first.setdefault(digest, tensor.buffer)
    used = {tensor.buffer for subgraph in model.subgraphs for tensor in subgraph.tensors}
    used |= {entry.buffer for entry in model.metadata or ()}
    for index, buffer in enumerate(model.buffers):
        if index not in used:
            buffer.data = None


def _tensor_map(name: str, index: int) -> Any:
    from ai_edge_litert import schema_py_generated as schema

    entry = schema.TensorMapT()
    entry.name, entry.tensorIndex = name.encode(), index
    return entry


def _length(values: Any) -> int:
    return 0 if values is None else len(values)
