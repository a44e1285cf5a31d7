"""Faults of quantization: scales, zero points, ranges, and how weights are read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from bench.detection.fault import Hit, Scene, kind
from bench.detection.weights import PLACES

STALE = 0.25
"""Calibrated on data of a quarter of the range, as on [0, 1] for what is in [0, 4]."""


def _activations(scene: Scene) -> Iterator[tuple[Any, Any]]:
    """(op, tensor) of each int8 tensor that a file computes."""
    file: Any = scene.file
    if file.format != "tflite":
        return
    for op in scene.ops():
        for number in op.raw.outputs:
            tensor = op.graph.tensors[number]
            if _is_quantized(tensor) and file.layers_of(op):
                yield op, tensor


def _is_quantized(tensor: Any) -> bool:
    params = tensor.quantization
    return params is not None and params.scale is not None and len(params.scale) > 0


def _kernels(scene: Scene) -> Iterator[tuple[Any, int, Any]]:
    """(op, index, tensor) of each int8 weight."""
    file: Any = scene.file
    if file.format != "tflite":
        return
    rows = PLACES["tflite"]
    for op in scene.ops(*rows):
        for place in rows[op.kind]:
            values = file.constant(op, place.index)
            if values is not None and values.dtype == np.int8:
                yield op, place.index, file.tensor(op, place.index)


@kind("scale-off", "the scale of an activation off by one step of 127")
def scale(scene: Scene) -> Hit | None:
    chosen = scene.pick(_activations(scene))
    if chosen is None:
        return None
    op, tensor = chosen
    tensor.quantization.scale = [float(s) * (1 + 1 / 127) for s in tensor.quantization.scale]
    return scene.hit(op, "scale 1/127 more")


@kind("zero-point-off", "the zero point of an activation off by one")
def zero_point(scene: Scene) -> Hit | None:
    chosen = scene.pick(row for row in _activations(scene) if row[1].quantization.zeroPoint[0] < 127)
    if chosen is None:
        return None
    op, tensor = chosen
    tensor.quantization.zeroPoint = [int(z) + 1 for z in tensor.quantization.zeroPoint]
    return scene.hit(op, "zero point + 1")


@kind("calibration-stale", "an activation calibrated on a quarter of its range")
def stale(scene: Scene) -> Hit | None:
    chosen = scene.pick(_activations(scene))
    if chosen is None:
        return None
    op, tensor = chosen
    tensor.quantization.scale = [float(s) * STALE for s in tensor.quantization.scale]
    return scene.hit(op, "a quarter of the scale")


@kind("per-channel-as-per-tensor", "per-channel weights read with the first channel's scale")
def per_tensor(scene: Scene) -> Hit | None:
    found = [row for row in _kernels(scene) if len(row[2].quantization.scale) > 1]
    chosen = scene.pick(found)
    if chosen is None:
        return None
    op, index, _ = chosen
    tensor = scene.file.own(op, index)  # type: ignore[attr-defined]
    first = float(tensor.quantization.scale[0])
    tensor.quantization.scale = [first] * len(tensor.quantization.scale)
    return scene.hit(op, "every channel with the first one's scale")


@kind("weight-scale-off", "the scale of one layer's weights off by one step of 127")
def weight_scale(scene: Scene) -> Hit | None:
    chosen = scene.pick(_kernels(scene))
    if chosen is None:
        return None
    op, index, _ = chosen
    tensor = scene.file.own(op, index)  # type: ignore[attr-defined]
    tensor.quantization.scale = [float(s) * (1 + 1 / 127) for s in tensor.quantization.scale]
    return scene.hit(op, "scale 1/127 more")


@kind("manifest-scale-off", "the scale of a TF.js weight off by one step of 255")
def manifest_scale(scene: Scene) -> Hit | None:
    return _manifest(scene, lambda q: {"scale": q["scale"] * (1 + 1 / 255)}, "scale 1/255 more")


@kind("manifest-minimum-off", "the minimum of a TF.js weight off by one step")
def manifest_minimum(scene: Scene) -> Hit | None:
    return _manifest(scene, lambda q: {"min": q["min"] + q["scale"]}, "minimum one step more")


def _manifest(scene: Scene, change: Any, what: str) -> Hit | None:
    file: Any = scene.file
    if file.format != "tfjs":
        return None
    found = [
        (op, row)
        for op in scene.ops()
        for name in op.raw.get("input", ())
        if "quantization" in (row := file.rows.get(name.partition(":")[0], {}))
        and file.layers_of(op)
        and "scale" in row["quantization"]
    ]
    chosen = scene.pick(found)
    if chosen is None:
        return None
    op, row = chosen
    row["fault"] = change(row["quantization"])
    return scene.hit(op, what)
