"""Exports of 8 bits whose weights are changed: codes with the channels last, and zero at 0."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

Change = Callable[[np.ndarray], None]


def change_tflite(out: Path, layer: str, change: Change) -> None:
    """Of each int8 weight of a layer."""
    from converters.tflite import model_file

    model = model_file.read(out / "model.tflite")
    for tensor in model.subgraphs[0].tensors:
        values = model_file.array_of(model, tensor)
        if f"/{layer}_" not in tensor.name.decode() or values is None or values.dtype != np.int8:
            continue
        last = 3 if layer == "depthwise" else 0
        codes = values.astype(int)
        change(np.moveaxis(codes, last, -1))
        model.buffers[tensor.buffer].data = np.frombuffer(codes.astype(np.int8).tobytes(), np.uint8)
    (out / "model.tflite").write_bytes(model_file.pack(model))


def change_tfjs(out: Path, layer: str, change: Change, within: str = "") -> None:
    """Of each uint8 weight of a layer whose name has `within` in it."""
    (group,) = json.loads((out / "model.json").read_text())["weightsManifest"]
    path, start = out / group["paths"][0], 0
    content = bytearray(path.read_bytes())
    for row in group["weights"]:
        kept = row.get("quantization", {"dtype": row["dtype"]})
        size = int(np.prod(row["shape"], dtype=int)) * np.dtype(kept["dtype"]).itemsize
        is_weight = f"/{layer}_" in row["name"] and len(row["shape"]) > 1 and kept["dtype"] == "uint8"
        if is_weight and within in row["name"]:
            codes = np.frombuffer(bytes(content[start : start + size]), np.uint8).astype(int)
            zero = round(-kept["min"] / kept["scale"])
            codes = codes.reshape(row["shape"]) - zero
            last = {"depthwise": 2, "up": 2}.get(layer, -1)
            change(np.moveaxis(codes, last, -1))
            content[start : start + size] = (codes + zero).clip(0, 255).astype(np.uint8).tobytes()
        start += size
    path.write_bytes(bytes(content))
