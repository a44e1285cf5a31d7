"""Faults of an op's attributes, as a table: format, ops, attribute, and what it becomes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from bench.detection.fault import Hit, Scene, kind
from bench.detection.parsed import Op

Change = Callable[[Any], Any]
"""From the attribute's value to the faulty one; None where the fault does not apply to it."""


class Row(NamedTuple):
    """Where a format keeps the attribute; `ops` is written with spaces between."""

    format: str
    ops: str
    attribute: str
    change: Change
    default: Any = None
    """What an op without the attribute does; None leaves such ops alone."""
    fused: str = ""
    """Only TF.js ops with this one fused into them."""


def attribute_fault(name: str, what: str, *rows: Row) -> None:
    """Enters a change of attributes into the catalogue."""

    @kind(name, what)
    def fault(scene: Scene) -> Hit | None:
        found = [
            (op, row, changed)
            for row in rows
            if row.format == scene.file.format
            for op in scene.ops(*row.ops.split())
            if not row.fused or row.fused in (scene.file.get(op, "fused_ops") or ())
            if (changed := _changed(scene, op, row)) is not None
        ]
        chosen = scene.pick(found)
        if chosen is None:
            return None
        op, row, changed = chosen
        before = scene.file.get(op, row.attribute)
        scene.file.set(op, row.attribute, changed)
        return scene.hit(op, f"{row.attribute} {before} became {changed}")


def _changed(scene: Scene, op: Op, row: Row) -> Any:
    before = scene.file.get(op, row.attribute)
    before = row.default if before is None else before
    after = None if before is None else row.change(before)
    return None if after == before else after


def becomes(table: dict[Any, Any]) -> Change:
    """Only the values that are named change."""
    return lambda value: table.get(value if not isinstance(value, list) else tuple(value))


def times(factor: float) -> Change:
    return lambda value: value * factor if value else None


def _mirrored(pads: list[int]) -> list[int] | None:
    """Padding at the other end: as PyTorch pads a stride of 2, where TensorFlow pads the last side."""
    half = len(pads) // 2
    return [*pads[half:], *pads[:half]]


def _last(before: str, after: str | None) -> Change:
    """Another last entry in the list of fused ops, or one less."""

    def change(fused: list[str]) -> list[str] | None:
        if not fused or fused[-1] != before or (after is None and len(fused) < 2):
            return None
        return [*fused[:-1], *([after] if after else [])]

    return change


SAME, VALID = 0, 1
NONE, RELU, RELU6, TANH = 0, 1, 3, 4
TFLITE_FUSED = "CONV_2D DEPTHWISE_CONV_2D FULLY_CONNECTED ADD MUL SUB"
TFJS_FUSED = "_FusedConv2D FusedDepthwiseConv2dNative _FusedMatMul"
TFLITE_WINDOWS = "CONV_2D DEPTHWISE_CONV_2D MAX_POOL_2D AVERAGE_POOL_2D"
TFJS_WINDOWS = "Conv2D _FusedConv2D DepthwiseConv2dNative FusedDepthwiseConv2dNative MaxPool AvgPool"

attribute_fault(
    "padding-wrong",
    "padding left out, or put at the other end",
    Row("tflite", TFLITE_WINDOWS, "padding", becomes({SAME: VALID})),
    Row("onnx", "Conv ConvTranspose MaxPool AveragePool", "pads", _mirrored),
    Row("tfjs", TFJS_WINDOWS, "padding", becomes({"SAME": "VALID"})),
)
attribute_fault(
    "stride-wrong",
    "a stride of 2 is 1, in one direction",
    Row("tflite", TFLITE_WINDOWS, "strideW", becomes({2: 1})),
    Row("onnx", "Conv MaxPool AveragePool", "strides", becomes({(2, 2): [2, 1], (1, 2): [1, 1]})),
    Row("tfjs", TFJS_WINDOWS, "strides", becomes({(1, 2, 2, 1): [1, 2, 1, 1], (1, 1, 2, 1): [1, 1, 1, 1]})),
)
attribute_fault(
    "dilation-wrong",
    "a dilation of 2 is 1, or 1 is 2",
    Row("tflite", "CONV_2D DEPTHWISE_CONV_2D", "dilationHFactor", becomes({1: 2, 2: 1})),
    Row("onnx", "Conv", "dilations", becomes({(2, 2): [2, 1], (1, 1): [2, 2]})),
    Row("tfjs", "Conv2D _FusedConv2D", "dilations", becomes({(1, 1, 1, 1): [1, 2, 2, 1]})),
)
attribute_fault(
    "window-wrong",
    "the window of a pool is smaller by one, in one direction",
    Row("tflite", "MAX_POOL_2D AVERAGE_POOL_2D", "filterWidth", becomes({2: 1, 3: 2})),
    Row("onnx", "MaxPool AveragePool", "kernel_shape", becomes({(2, 2): [2, 1], (3, 3): [3, 2]})),
    Row(
        "tfjs", "MaxPool AvgPool", "ksize", becomes({(1, 2, 2, 1): [1, 2, 1, 1], (1, 3, 3, 1): [1, 3, 2, 1]})
    ),
)
attribute_fault(
    "slope-wrong",
    "the slope of a leaky ReLU is 0.21 instead of 0.2",
    Row("tflite", "LEAKY_RELU", "alpha", times(1.05)),
    Row("onnx", "LeakyRelu", "alpha", times(1.05)),
    Row("tfjs", "LeakyRelu", "alpha", times(1.05)),
    Row("tfjs", "_FusedConv2D _FusedMatMul", "leakyrelu_alpha", times(1.05), fused="LeakyRelu"),
)
attribute_fault(
    "elu-alpha-wrong",
    "the constants of an ELU or SELU are those of the other",
    Row("onnx", "Elu", "alpha", times(1.6732632), 1.0),
    Row("onnx", "Selu", "gamma", times(1 / 1.0507), 1.0507009),
)
attribute_fault(
    "activation-dropped",
    "a fused activation dropped",
    Row("tflite", TFLITE_FUSED, "fusedActivationFunction", becomes({RELU: NONE, RELU6: NONE})),
    Row("tfjs", TFJS_FUSED, "fused_ops", _last("Relu", None)),
)
attribute_fault(
    "relu6-unbounded",
    "ReLU6 became ReLU",
    Row("tflite", TFLITE_FUSED, "fusedActivationFunction", becomes({RELU6: RELU})),
    Row("tfjs", TFJS_FUSED, "fused_ops", _last("Relu6", "Relu")),
)
attribute_fault(
    "relu-bounded",
    "ReLU became ReLU6",
    Row("tflite", TFLITE_FUSED, "fusedActivationFunction", becomes({RELU: RELU6})),
    Row("tfjs", TFJS_FUSED, "fused_ops", _last("Relu", "Relu6")),
)
attribute_fault(
    "softmax-temperature",
    "softmax of 0.99 times its logits",
    Row("tflite", "SOFTMAX", "beta", times(0.99)),
)
attribute_fault(
    "softmax-axis", "softmax over another axis", Row("onnx", "Softmax", "axis", becomes({-1: -2}), -1)
)
attribute_fault(
    "gelu-approximated",
    "exact GELU became the tanh approximation",
    Row("tflite", "GELU", "approximate", becomes({False: True})),
    Row("onnx", "Gelu", "approximate", becomes({"none": "tanh"}), "none"),
)
attribute_fault(
    "cumsum-exclusive",
    "a cumulative sum leaves its own element out",
    Row("tflite", "CUMSUM", "exclusive", becomes({False: True})),
    Row("onnx", "CumSum", "exclusive", becomes({0: 1})),
    Row("tfjs", "Cumsum", "exclusive", becomes({False: True})),
)
attribute_fault(
    "cumsum-reversed",
    "a cumulative sum from the other end",
    Row("tflite", "CUMSUM", "reverse", becomes({False: True})),
    Row("onnx", "CumSum", "reverse", becomes({0: 1})),
    Row("tfjs", "Cumsum", "reverse", becomes({False: True})),
)
attribute_fault(
    "resize-corners",
    "an enlargement with corners aligned, or pixel centres at another place",
    Row("tflite", "RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR", "halfPixelCenters", becomes({True: False})),
    Row(
        "onnx",
        "Resize",
        "coordinate_transformation_mode",
        becomes(
            {"half_pixel": "asymmetric", "tf_half_pixel_for_nn": "asymmetric", "asymmetric": "half_pixel"}
        ),
    ),
    Row("tfjs", "ResizeBilinear ResizeNearestNeighbor", "half_pixel_centers", becomes({True: False})),
)
attribute_fault(
    "transposition-wrong",
    "a transposition puts the last two axes in the other order",
    Row("onnx", "Transpose", "perm", lambda perm: [*perm[:-2], perm[-1], perm[-2]]),
)
attribute_fault(
    "matmul-transposed",
    "a matrix product transposes a square operand, or doesn't",
    Row("tflite", "BATCH_MATMUL", "adjY", lambda value: not value),
    Row("tfjs", "BatchMatMulV2 BatchMatMul", "adj_y", lambda value: not value),
)
attribute_fault(
    "one-hot-axis",
    "a one-hot vector along another axis",
    Row("tflite", "ONE_HOT", "axis", becomes({-1: 1})),
    Row("onnx", "OneHot", "axis", becomes({-1: 1})),
    Row("tfjs", "OneHot", "axis", becomes({-1: 1})),
)
