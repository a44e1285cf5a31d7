"""Holds data against the signature: names, ranks, shapes, lengths, dtypes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NoReturn

import numpy as np

from converters.errors import EdgeproofError
from converters.signature import TensorSpec
from validation.dtypes import as_bytes, dtype_name, is_float, is_integer, numpy_dtype
from validation.feed_layout import Layout

DTYPE_FIX = (
    "convert the data to the input's dtype; only casts that keep every value are done for you, "
    "and float64 to a narrower float, which rounds"
)


def check_names(names: Collection[str], layout: Layout, label: str) -> None:
    """Every input is there, and nothing else."""
    want = [spec.name for spec in layout.inputs]
    missing = [name for name in want if name not in names]
    extra = sorted(set(names) - set(want))
    if missing or extra:
        faults = [f"{', '.join(g)} {word}" for g, word in ((missing, "missing"), (extra, "extra")) if g]
        raise EdgeproofError(
            f"{label}: names are not the model's inputs",
            got=", ".join(sorted(names)) + f" ({'; '.join(faults)})",
            want=", ".join(want),
            fix="name each array after its input, and leave labels out",
        )


def conform(chunk: Mapping[str, Any], layout: Layout, label: str) -> dict[str, np.ndarray]:
    """A chunk of samples in the signature's order and dtypes.

    Args:
        chunk: any array-likes, samples along the first dimension, under the input names.
        label: what messages call the data.

    Raises:
        EdgeproofError: names, ranks, shapes, lengths or dtypes are not the model's.
    """
    check_names(chunk.keys(), layout, label)
    arrays = {spec.name: _array(chunk[spec.name], spec, label) for spec in layout.inputs}
    for spec in layout.inputs:
        check_shape(arrays[spec.name].shape, spec, layout, label)
    check_lengths({name: len(array) for name, array in arrays.items()}, label)
    return {spec.name: cast(arrays[spec.name], spec, label) for spec in layout.inputs}


def check_shape(shape: tuple[int, ...], spec: TensorSpec, layout: Layout, label: str) -> None:
    """The shape is the input's, samples along the first dimension."""
    want = layout.sample_shape(spec)
    fits = len(shape) == len(want) + 1 and all(
        w is None or w == g for g, w in zip(shape[1:], want, strict=True)
    )
    if not fits:
        wanted = TensorSpec(spec.name, (None, *want), spec.dtype)
        raise EdgeproofError(
            f"{label}: input {spec.name} has the wrong shape",
            got=str(list(shape)),
            want=f"{wanted}, with the samples along the first dimension",
            fix="reshape the data, or add the batch dimension if it lacks one",
        )


def check_lengths(lengths: Mapping[str, int], label: str) -> None:
    """Every input has the same number of samples."""
    if len(set(lengths.values())) > 1:
        raise EdgeproofError(
            f"{label}: inputs have different numbers of samples",
            got=", ".join(f"{name}: {length}" for name, length in lengths.items()),
            want="the same number for every input",
            fix="cut the data so that the samples belong together",
        )


def cast(array: np.ndarray, spec: TensorSpec, label: str) -> np.ndarray:
    """The array in the input's dtype.

    Casts that keep every value are done (integers that fit, float32 to float64, small integers to
    float), and so is rounding to a narrower float as long as nothing overflows. All else is an error.
    """
    got = dtype_name(array)
    if got == spec.dtype:
        return as_bytes(array) if got == "string" else array
    if "string" in (got, spec.dtype) or array.dtype.kind not in "biufV" or spec.dtype == "bool":
        _wrong_dtype(spec, label, got)
    wanted = numpy_dtype(spec.dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        result = array.astype(wanted)
    if is_float(got) and is_float(spec.dtype):
        lost = np.isinf(result) & ~np.isinf(array)
    elif got == "bool" or is_integer(got):
        lost = result.astype(object) != array.astype(object) if _may_lose(array, result) else np.False_
    else:
        _wrong_dtype(spec, label, got)
    if np.any(lost):
        first = array[lost].ravel()[0]
        _wrong_dtype(spec, label, f"{got} with {first}, which {spec.dtype} can't hold")
    return result


def _may_lose(array: np.ndarray, result: np.ndarray) -> bool:
    """Cheap answer for the usual case: the dtype holds every value of the other."""
    return not np.can_cast(array.dtype, result.dtype, "safe")


def _array(value: Any, spec: TensorSpec, label: str) -> np.ndarray:
    try:
        array = np.asarray(value)
    except Exception as error:
        raise EdgeproofError(
            f"{label}: input {spec.name} is not an array",
            got=f"{type(value).__name__} ({error})",
            want=f"an array for {spec}",
            fix="make the tensor dense, with every sample of one batch in the same shape",
        ) from error
    if array.dtype == object and not all(isinstance(item, (str, bytes)) for item in array.ravel()[:64]):
        _wrong_dtype(spec, label, f"object ({type(value).__name__})")
    if array.ndim == 0:
        check_shape(array.shape, spec, Layout((spec,), True, None), label)
    return array


def _wrong_dtype(spec: TensorSpec, label: str, got: str) -> NoReturn:
    what = f"{label}: input {spec.name} has the wrong dtype"
    raise EdgeproofError(what, got=got, want=spec.dtype, fix=DTYPE_FIX)
