"""Frames between Python and the JavaScript programs; `js/src/wire.ts` is the other end and says the layout.

TF.js has float32, int32, bool, complex64 and string, nothing else. An input of another dtype is cast
here, and only where no value changes beyond the rounding to float32:

    float16, float64, bfloat16                 float32   a finite value that becomes infinite is refused
    int8, int16, uint8, uint16                 int32
    int64, uint32, uint64                      int32     a value outside int32 is refused

Results stay as TF.js gives them; `validation/casts.py` says which of these dtypes stand for which.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from converters.errors import EdgeproofError, ExitStatus
from converters.signature import TensorSpec
from validation.casts import DoesNotFitError, to_file
from validation.dtypes import as_bytes, dtype_name, is_integer

_TFJS = ("float32", "int32", "bool", "complex64", "string")
_OTHERS = ("float16", "float64", "int8", "int16", "int64", "uint8", "uint16", "uint32", "uint64")
_LITTLE = {name: np.dtype(name).newbyteorder("<") for name in (*_TFJS, *_OTHERS) if name != "string"}


def encode_frame(header: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> Iterable[bytes]:
    """The pieces of one frame.

    Args:
        header: JSON values.
        tensors: of any dtype but bfloat16.
    """
    bodies = {name: _encode_body(array) for name, array in tensors.items()}
    rows = [
        {
            "name": name,
            "dtype": dtype_name(array),
            "shape": list(array.shape),
            "bytes": len(bodies[name]),
        }
        for name, array in tensors.items()
    ]
    text = json.dumps({**header, "tensors": rows}).encode()
    return [struct.pack("<I", len(text)) + text, *bodies.values()]


def decode_frame(read: Callable[[int], bytes]) -> tuple[dict[str, Any], dict[str, np.ndarray]] | None:
    """Header and tensors of the next frame, or None when the stream has ended.

    Args:
        read: gives exactly so many bytes, fewer only at the end of the stream.
    """
    prefix = read(4)
    if len(prefix) < 4:
        return None
    (length,) = struct.unpack("<I", prefix)
    text = read(length)
    if len(text) < length:
        return None
    header = json.loads(text)
    rows = header.pop("tensors")
    bodies = [read(row["bytes"]) for row in rows]
    if any(len(body) != row["bytes"] for body, row in zip(bodies, rows, strict=True)):
        return None
    return header, {row["name"]: _decode_body(row, body) for row, body in zip(rows, bodies, strict=True)}


def _encode_body(array: np.ndarray) -> bytes:
    name = dtype_name(array)
    if name != "string":
        return np.ascontiguousarray(array, dtype=_LITTLE[name]).tobytes()
    return b"".join(struct.pack("<I", len(item)) + item for item in as_bytes(array).reshape(-1))


def _decode_body(row: Mapping[str, Any], body: bytes) -> np.ndarray:
    if row["dtype"] != "string":
        return np.frombuffer(body, dtype=_LITTLE[row["dtype"]]).reshape(row["shape"])
    items, at = [], 0
    while at < len(body):
        end = at + 4 + struct.unpack_from("<I", body, at)[0]
        items.append(body[at + 4 : end])
        at = end
    array = np.empty(len(items), dtype=object)
    array[:] = items
    return array.reshape(row["shape"])


def to_wire(spec: TensorSpec, array: np.ndarray, where: str) -> np.ndarray:
    """An input in the dtype that TF.js has for it.

    Raises:
        EdgeproofError: a value would not survive.
    """
    if spec.dtype in _TFJS:
        return array
    wire = "int32" if is_integer(spec.dtype) else "float32"
    try:
        return to_file(array, replace(spec, dtype=wire), None)
    except DoesNotFitError as error:
        raise EdgeproofError(
            f"{where}: a value of the input does not survive",
            got=str(error),
            want=f"values that {wire} can hold, since TF.js has no {spec.dtype}",
            fix="keep to such values, or give this input a dtype that TF.js has",
            status=ExitStatus.VERDICT_FAILED,
        ) from error
