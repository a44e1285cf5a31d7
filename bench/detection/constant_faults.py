"""Faults of the constants that an operation takes: a factor, a bound, an epsilon, paddings, axes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bench.detection.fault import Hit, Scene, kind
from bench.detection.parsed import Op


@kind("constant-changed", "a constant of arithmetic (a scale, a bound) changed by 1 %")
def constant(scene: Scene) -> Hit | None:
    return _scalar(scene, lambda v: abs(v) > 1e-2 and v not in (0.0, 1.0), lambda v: v * 1.01, "1 % more")


@kind("epsilon-changed", "the epsilon of a normalisation ten times as large")
def epsilon(scene: Scene) -> Hit | None:
    return _scalar(scene, lambda v: 0 < v < 5e-3, lambda v: 10 * v, "10 times")


def _scalar(
    scene: Scene,
    wanted: Callable[[float], bool],
    change: Callable[[np.ndarray], np.ndarray],
    what: str,
) -> Hit | None:
    """Changes one scalar float constant of an op that belongs to a layer."""
    found = []
    for op in scene.ops():
        for index in range(scene.file.inputs(op)):
            values = scene.file.constant(op, index)
            if values is None or values.dtype != np.float32 or values.size != 1:
                continue
            if wanted(float(values.reshape(-1)[0])) and scene.file.layers_of(op):
                found.append((op, index, values))
    chosen = scene.pick(found)
    if chosen is None:
        return None
    op, index, values = chosen
    scene.file.replace(op, index, change(values).astype(np.float32))
    return scene.hit(op, f"constant {float(values.reshape(-1)[0]):.6g}, {what}")


_BOUNDED = {
    "tflite": ("MINIMUM", "MAXIMUM", "FLOOR_DIV", "FLOOR_MOD"),
    "onnx": ("Min", "Max", "Div"),
    "tfjs": ("Minimum", "Maximum", "FloorDiv", "FloorMod"),
}


@kind("bound-changed", "an integer bound or divisor off by one")
def bound(scene: Scene) -> Hit | None:
    found = [
        (op, values)
        for op in scene.ops(*_BOUNDED[scene.file.format])
        if (values := _integer(scene, op)) is not None
    ]
    chosen = scene.pick(found)
    if chosen is None:
        return None
    op, values = chosen
    scene.file.replace(op, 1, values + 1)
    return scene.hit(op, f"{int(values)} became {int(values) + 1}")


def _integer(scene: Scene, op: Op) -> np.ndarray | None:
    values = scene.file.constant(op, 1)
    known = values is not None and values.dtype.kind == "i" and values.size == 1
    return values if known and scene.file.layers_of(op) else None


@kind("correction-dropped", "integer division or modulo without its correction for negative numbers")
def correction(scene: Scene) -> Hit | None:
    """ONNX has neither floor division nor TensorFlow's modulo: files spell them out, correction last."""
    if scene.file.format != "onnx":
        return None
    ends = ("floordiv/sub_1", "FloorMod/add")
    op = scene.pick(op for op in scene.ops("Sub", "Add") if op.raw.name.endswith(ends))
    if op is None:
        return None
    hit = scene.hit(op, "dropped")
    scene.file.retype(op, "Identity")
    del op.raw.input[1:]
    return hit


_PADDED = {"PAD": 1, "Pad": 1, "SPACE_TO_BATCH_ND": 2, "SpaceToBatchND": 2}
"""Which input holds the paddings: [dimensions, 2]."""


@kind("padding-constant", "explicit padding at the other end")
def padding_constant(scene: Scene) -> Hit | None:
    found = [
        (op, values[:, ::-1])
        for op in scene.ops(*_PADDED)
        if (values := scene.file.constant(op, _PADDED[op.kind])) is not None
        if values.ndim == 2 and not np.array_equal(values, values[:, ::-1])
    ]
    chosen = scene.pick(found)
    if chosen is None:
        return None
    op, mirrored = chosen
    scene.file.replace(op, _PADDED[op.kind], mirrored)
    return scene.hit(op, "paddings exchanged")


@kind("reduction-axis", "a reduction over another axis of the same size or rank")
def reduction_axis(scene: Scene) -> Hit | None:
    found = [
        (op, values)
        for op in scene.ops("MEAN", "Mean", "ReduceMean", "REDUCE_MAX", "Max", "ReduceMax")
        if (values := scene.file.constant(op, 1)) is not None and values.dtype.kind == "i"
    ]
    chosen = scene.pick(found)
    if chosen is None:
        return None
    op, values = chosen
    others = values - 1 if values.size == 1 else values + 1
    scene.file.replace(op, 1, others)
    return scene.hit(op, f"axes {values.tolist()} became {others.tolist()}")
