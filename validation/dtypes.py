"""NumPy dtypes by the names that signatures use, "bfloat16" and "string" included."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np

FLOATS = ("float16", "bfloat16", "float32", "float64")


def numpy_dtype(name: str) -> np.dtype:
    """The dtype that arrays of a `TensorSpec` have; strings are objects, each one `bytes`."""
    if name == "bfloat16":
        import ml_dtypes  # only here: engines in other environments read this file, and lack it

        return np.dtype(ml_dtypes.bfloat16)
    return np.dtype(object if name == "string" else name)


def dtype_name(array: np.ndarray) -> str:
    """The inverse of `numpy_dtype`: the name in signatures; every kind of text is "string"."""
    return "string" if array.dtype.kind in "OSU" else array.dtype.name


def is_float(name: str) -> bool:
    return name in FLOATS


def is_integer(name: str) -> bool:
    return name.startswith(("int", "uint"))


def epsilon(name: str) -> float:
    """Distance from 1.0 to the next greater number of a float dtype."""
    return 2.0**-7 if name == "bfloat16" else float(np.finfo(name).eps)


def largest(name: str) -> float:
    """Greatest finite number of a float dtype."""
    return (2.0 - 2.0**-7) * 2.0**127 if name == "bfloat16" else float(np.finfo(name).max)


def least_normal(name: str) -> float:
    """Least positive number of a float dtype that has all its bits; runtimes may take less for zero."""
    return 2.0**-126 if name == "bfloat16" else float(np.finfo(name).smallest_normal)


def as_bytes(array: np.ndarray) -> np.ndarray:
    """Text of any kind as an object array of `bytes` (UTF-8), the form in which strings travel."""
    flat = [item if isinstance(item, bytes) else str(item).encode() for item in array.ravel().tolist()]
    result = np.empty(len(flat), object)
    result[:] = flat
    return result.reshape(array.shape)


def array_of(tensor: Any) -> np.ndarray:
    """What a TensorFlow tensor holds; strings as bytes."""
    array = np.asarray(tensor.numpy())
    return as_bytes(array) if array.dtype.kind in "OSU" else array


def as_codes(array: np.ndarray) -> np.ndarray:
    """Text as float64, the same number for the same text, to see whether it changes."""
    codes = [zlib.crc32(item) for item in as_bytes(array).ravel().tolist()]
    return np.array(codes, np.float64).reshape(array.shape)
