"""Faults of quantization: scales, zero points, ranges, and how weights are read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from bench.detection.fault import Hit, Scene, kind
from bench.detection.parsed import Op
from bench.detection.tfjs_file import TfjsFile
from bench.detection.tflite_file import TfliteFile
from bench.detection.weights import PLACES

STALE = 0.25
"""Calibrated on data of a quarter of the range, as on [0, 1] for what is in [0, 4]."""


def _activations(scene: Scene) -> Iterator[tuple[Op, Any]]:
    """(op, tensor) of each int8 tensor that a file computes."""
    if not isinstance(scene.file, TfliteFile):
        return
    for op in scene.ops():
        for number in op.raw.outputs:
            tensor = op.graph.tensors[number]
            if _is_quantized(tensor) and scene.file.layers_of(op):
                yield op, tensor


def _is_quantized(tensor: Any) -> bool:
    params = tensor.quantization
    return params is not None and params.scale is not None and len(params.scale) > 0


def _kernels(scene: Scene) -> Iterator[tuple[Op, Callable[[], Any], list[float]]]:
    """(op, own, scale) of each int8 weight; `own` gives its tensor to this op alone."""
    if not isinstance(scene.file, TfliteFile):
        return
    rows = PLACES["tflite"]
    for op in scene.ops(*rows):
        for place in rows[op.kind]:
            values = scene.file.constant(op, place.index)
            if values is not None and values.dtype == np.int8:
                scale = scene.file.tensor(op, place.index).quantization.scale
                yield op, partial(scene.file.own, op, place.index), list(map(float, scale))


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
    chosen = scene.pick(row for row in _kernels(scene) if len(row[2]) > 1)
    if chosen is None:
        return None
    op, own, scale = chosen
    own().quantization.scale = scale[:1] * len(scale)
    return scene.hit(op, "every channel with the first one's scale")


@kind("weight-scale-off", "the scale of one layer's weights off by one step of 127")
def weight_scale(scene: Scene) -> Hit | None:
    chosen = scene.pick(_kernels(scene))
    if chosen is None:
        return None
    op, own, scale = chosen
    own().quantization.scale = [s * (1 + 1 / 127) for s in scale]
    return scene.hit(op, "scale 1/127 more")


@kind("manifest-scale-off", "the scale of a TF.js weight off by one step of 255")
def manifest_scale(scene: Scene) -> Hit | None:
    return _manifest(scene, lambda q: {"scale": q["scale"] * (1 + 1 / 255)}, "scale 1/255 more")


@kind("manifest-minimum-off", "the minimum of a TF.js weight off by one step")
def manifest_minimum(scene: Scene) -> Hit | None:
    return _manifest(scene, lambda q: {"min": q["min"] + q["scale"]}, "minimum one step more")


def _manifest(
    scene: Scene, change: Callable[[Mapping[str, float]], dict[str, float]], what: str
) -> Hit | None:
    """Puts other numbers beside a weight's own in the manifest; see `TfjsFile.write`."""
    file = scene.file
    if not isinstance(file, TfjsFile):
        return None
    found = [
        (op, row)
        for op in scene.ops()
        for name in op.raw.get("input", ())
        if "scale" in (row := file.rows.get(name.partition(":")[0], {})).get("quantization", {})
        and file.layers_of(op)
    ]
    chosen = scene.pick(found)
    if chosen is None:
        return None
    op, row = chosen
    row["fault"] = change(row["quantization"])
    return scene.hit(op, what)
