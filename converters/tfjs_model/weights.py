"""Weights in TF.js' layout: made fit for it, quantized, and read back.

The layout itself (a manifest, and one group of bytes cut into shards) is written and read by
tensorflowjs' own `write_weights` and `read_weights`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

SHARD_BYTES = 4 * 2**20
"""Largest file that all large browsers keep in their cache (tensorflowjs' own default)."""

LARGEST_FLOAT16 = float(np.finfo(np.float16).max)
SMALLEST_FLOAT16 = float(np.finfo(np.float16).smallest_subnormal)

_NARROWED = {"float16": "float32", "float64": "float32", "int64": "int32", "uint32": "int32"}
"""Dtypes that TF.js doesn't have, and what it computes in instead."""

Entries = list[dict[str, Any]]
"""Weights as tensorflowjs hands them around: {"name": str, "data": ndarray}."""


def narrow(entries: Entries) -> list[str]:
    """Converts dtypes that TF.js doesn't have, in place.

    Raises:
        OverflowError: an integer doesn't fit into int32; the message names the constant.
    """
    notes = []
    for entry in entries:
        data = entry["data"]
        wanted = _NARROWED.get(data.dtype.name)
        if data.dtype.name in ("int8", "int16", "uint16"):
            wanted = "int32"
        if wanted is None:
            continue
        if wanted == "int32" and data.size and not _fits_int32(data):
            raise OverflowError(f"{entry['name']}: {data.dtype} values beyond int32")
        if data.dtype == np.float64:
            notes.append(f"{entry['name']}: float64 rounded to float32, the only float that TF.js has")
        entry["data"] = data.astype(wanted)
    return notes


def quantizable(entries: Entries, precision: str) -> tuple[list[str], list[str]]:
    """Names of the weights to store in a narrower dtype, and notes on those that must not be.

    Scalars stay float32: they are epsilons, scales and masks, cost nothing, and a rounded
    epsilon or an overflowing mask ruins a layer.

    Args:
        entries: float32 weights and others.
        precision: "float16", "uint16" or "uint8".
    """
    chosen, notes = [], []
    for entry in entries:
        data = entry["data"]
        if data.dtype != np.float32 or data.size <= 1:
            continue
        largest = float(np.abs(data).max())
        if not np.isfinite(largest):
            notes.append(f"{entry['name']}: kept in float32, since it holds infinities")
        elif precision == "float16" and largest > LARGEST_FLOAT16:
            notes.append(f"{entry['name']}: kept in float32, since {largest:.3g} exceeds float16")
        else:
            chosen.append(entry["name"])
            notes += _underflow(entry["name"], data) if precision == "float16" else []
    return chosen, notes


def write(entries: Entries, out: Path, quantized: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    """Writes the shards and returns the manifest.

    Args:
        entries: float32, int32, bool, uint8, complex64 or string.
        out: an existing directory.
        quantized: from a narrower dtype to the names of the weights to store in it.
    """
    from converters.tfjs_model.vendor import weight_files

    writer, _ = weight_files()
    return writer.write_weights(
        [entries],
        str(out),
        shard_size_bytes=SHARD_BYTES,
        write_manifest=False,
        quantization_dtype_map={dtype: list(names) for dtype, names in quantized.items()} or None,
    )


def read(manifest: Sequence[Mapping[str, Any]], directory: Path) -> Entries:
    """The weights of a manifest, dequantized as TF.js dequantizes them."""
    from converters.tfjs_model.vendor import weight_files

    _, reader = weight_files()
    return reader.read_weights(list(manifest), str(directory), flatten=True)


def stored_bytes(group: Mapping[str, Any]) -> int | None:
    """Bytes that a group's weights take; None where strings make that unknowable."""
    total = 0
    for row in group["weights"]:
        if row["dtype"] == "string":
            return None
        dtype = row.get("quantization", row)["dtype"]
        total += int(np.prod(row["shape"], dtype=np.int64)) * np.dtype(dtype).itemsize
    return total


def _fits_int32(data: np.ndarray) -> bool:
    bounds = np.iinfo(np.int32)
    return bool(data.min() >= bounds.min and data.max() <= bounds.max)


def _underflow(name: str, data: np.ndarray) -> list[str]:
    lost = int(np.count_nonzero((data != 0) & (np.abs(data) < SMALLEST_FLOAT16 / 2)))
    return [f"{name}: {lost} of {data.size} value(s) are below float16 and become 0"] if lost else []
