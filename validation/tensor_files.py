"""Named tensors in `.npz` files: written whole and reproducibly, read whole or row by row.

NumPy's own `savez` takes names as keyword arguments, so that an input called `file` fails, stamps the
time into the archive, and pickles strings. The files written here are plain `.npz` all the same.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable
from pathlib import Path

import ml_dtypes
import numpy as np

from converters.errors import EdgeproofError
from converters.signature import TensorSpec
from validation.dtypes import as_bytes
from validation.feed import Tensors

_EPOCH = (1980, 1, 1, 0, 0, 0)


def write_tensors(path: Path, tensors: Tensors) -> None:
    """One `.npz`, one member for each tensor; the same tensors give the same bytes.

    Strings become NumPy's fixed-width bytes; bfloat16 becomes two opaque bytes an element.

    Raises:
        EdgeproofError: a string ends in a NUL, which NumPy's fixed-width bytes would drop.
    """
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for name, tensor in tensors.items():
            member = zipfile.ZipInfo(f"{name}.npy", _EPOCH)
            with archive.open(member, "w", force_zip64=True) as stream:
                np.lib.format.write_array(stream, _storable(name, tensor), allow_pickle=False)


def read_tensors(path: Path, specs: Iterable[TensorSpec]) -> dict[str, np.ndarray]:
    """What `write_tensors` wrote, in the order of the specs; opaque bytes and text in their dtypes.

    Raises:
        KeyError: a tensor is missing.
    """
    with zipfile.ZipFile(path) as archive:
        return {spec.name: _restore(_read_member(archive, spec.name), spec) for spec in specs}


def _storable(name: str, tensor: np.ndarray) -> np.ndarray:
    if tensor.dtype == ml_dtypes.bfloat16:
        return tensor.view("V2")
    if tensor.dtype != object:
        return tensor
    packed = tensor.astype("S")
    if packed.size and not np.array_equal(packed.astype(object), tensor):
        raise EdgeproofError(
            f"{name}: a string that ends in a NUL byte can't be kept",
            got="at least one string with a NUL at its end",
            want="strings without it",
            fix="strip the padding from the strings in the data, or in the model",
        )
    return packed


def _restore(tensor: np.ndarray, spec: TensorSpec) -> np.ndarray:
    if spec.dtype == "bfloat16" and tensor.dtype.kind == "V":
        return tensor.view(ml_dtypes.bfloat16)
    return as_bytes(tensor) if spec.dtype == "string" else tensor


def _read_member(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    return np.lib.format.read_array(io.BytesIO(archive.read(f"{name}.npy")), allow_pickle=False)
