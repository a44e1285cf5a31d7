"""Between the dtypes of the original and those of a file: affine quantization, and documented casts.

A format that lacks a dtype holds its values in another one of the same kind: TF.js has int32 for every
integer and float32 for every float, half-precision ONNX may take float16. So these casts are done:
- float to float, as long as nothing finite becomes infinite,
- integer or bool to integer or bool, as long as every value stays what it is.
Anything else (an integer output that comes as float) is a difference, and fails.
"""

from __future__ import annotations

import numpy as np

from converters.artifact import Quantization
from converters.signature import TensorSpec
from validation.dtypes import dtype_name, is_float, numpy_dtype


class DoesNotFitError(Exception):
    """A value or dtype of the original that the file can't take, or the other way round; says which."""


def to_file(array: np.ndarray, spec: TensorSpec, quantization: Quantization | None) -> np.ndarray:
    """An input of the original in the dtype of the file's input.

    Args:
        array: in the original's dtype.
        spec: of the file's input.
        quantization: of that input.

    Raises:
        DoesNotFitError: the cast is not one of the documented ones, or loses a value.
    """
    if quantization is not None:
        return quantize(array, quantization)
    return _cast(array, spec)


def from_file(array: np.ndarray, spec: TensorSpec, quantization: Quantization | None) -> np.ndarray:
    """An output of the file in the dtype of the original's output; the inverse of `to_file`.

    Args:
        array: as the runtime gave it.
        spec: of the original's output.
        quantization: of the file's output.

    Raises:
        DoesNotFitError: the cast is not one of the documented ones, or loses a value.
    """
    if quantization is not None:
        return dequantize(array, quantization).astype(numpy_dtype(spec.dtype))
    return _cast(array, spec)


def quantize(array: np.ndarray, quantization: Quantization) -> np.ndarray:
    """The nearest steps, clipped to the dtype. Source: LiteRT 8-bit quantization specification."""
    limits = np.iinfo(quantization.dtype)
    steps = np.rint(array.astype(np.float64) / quantization.scale) + quantization.zero_point
    return np.clip(steps, limits.min, limits.max).astype(quantization.dtype)


def dequantize(array: np.ndarray, quantization: Quantization) -> np.ndarray:
    """float64: scale * (q - zero_point)."""
    return quantization.scale * (array.astype(np.float64) - quantization.zero_point)


def _cast(array: np.ndarray, spec: TensorSpec) -> np.ndarray:
    got, wanted = dtype_name(array), spec.dtype
    if got == wanted:
        return array
    if not _is_documented(got, wanted):
        raise DoesNotFitError(f"{spec.name} is {got}, want {wanted}")
    with np.errstate(over="ignore", invalid="ignore"):
        result = array.astype(numpy_dtype(wanted))
    # Integers are not compared by casting back: 2**32 - 1 would survive int32 that way.
    lost = np.isfinite(array) & ~np.isfinite(result) if is_float(wanted) else result != array
    if np.any(lost):
        raise DoesNotFitError(f"{spec.name} holds {array[lost].ravel()[0]}, which {wanted} can't hold")
    return result


def _is_documented(got: str, wanted: str) -> bool:
    if is_float(got) or is_float(wanted):
        return is_float(got) and is_float(wanted)
    return "string" not in (got, wanted)
