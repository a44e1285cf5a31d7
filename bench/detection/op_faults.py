"""Faults where one operation stands for another, or its operands are exchanged."""

from __future__ import annotations

from collections.abc import Mapping

from bench.detection.fault import Hit, Scene, kind
from bench.detection.parsed import Op

Kinds = Mapping[str, Mapping[str, str]]
"""By format: from an op to the one that takes its place."""


def retyping(name: str, what: str, table: Kinds) -> None:
    """Enters an exchange of operations into the catalogue."""

    @kind(name, what)
    def fault(scene: Scene) -> Hit | None:
        rows = table.get(scene.file.format, {})
        op = scene.pick(op for op in scene.ops(*rows) if rows and _computes_on_floats(scene, op))
        if op is None:
            return None
        hit = scene.hit(op, f"became {rows[op.kind]}")
        scene.file.retype(op, rows[op.kind])
        return hit


def _computes_on_floats(scene: Scene, op: Op) -> bool:
    """Not on shapes and counters, where it belongs to a layer at all."""
    constants = [scene.file.constant(op, index) for index in range(scene.file.inputs(op))]
    small = [c for c in constants if c is not None and c.dtype.kind in "iu" and c.size <= 1]
    return bool(scene.file.layers_of(op)) and (not small or op.kind in _ON_INTEGERS)


_ON_INTEGERS = frozenset(
    (
        *("FLOOR_DIV", "FLOOR_MOD", "FloorDiv", "FloorMod", "Div", "Sub"),
        *("MINIMUM", "MAXIMUM", "Min", "Max", "Minimum", "Maximum"),
        *("MEAN", "REDUCE_MAX", "Mean", "ReduceMean", "ReduceMax"),
    )
)
"""Ops whose constant may be an integer all the same: a divisor, a bound, an axis."""

retyping(
    "activation-lost",
    "an activation of its own dropped",
    {
        "onnx": dict.fromkeys(("Relu", "Tanh", "Sigmoid", "Elu", "Softplus", "Erf"), "Identity"),
        "tfjs": dict.fromkeys(("Relu", "Relu6", "Tanh", "Sigmoid", "Elu", "Softplus", "Selu"), "Identity"),
        "tflite": {"TANH": "ABS", "LOGISTIC": "ABS", "ELU": "ABS"},
    },
)
retyping(
    "activation-mistaken",
    "tanh and sigmoid, ELU and ReLU mistaken for each other",
    {
        "onnx": {"Tanh": "Sigmoid", "Sigmoid": "Tanh", "Elu": "Relu", "Selu": "Elu", "Softplus": "Relu"},
        "tfjs": {"Tanh": "Sigmoid", "Sigmoid": "Tanh", "Elu": "Relu", "Selu": "Elu", "Softplus": "Relu"},
        "tflite": {"TANH": "LOGISTIC", "LOGISTIC": "TANH", "ELU": "RELU"},
    },
)
retyping(
    "swish-hard",
    "a sigmoid became a hard sigmoid",
    {"onnx": {"Sigmoid": "HardSigmoid"}, "tflite": {"LOGISTIC": "HARD_SWISH"}},
)
retyping(
    "pool-mistaken",
    "a maximum over windows became a mean, or a mean a maximum",
    {
        "onnx": {"MaxPool": "AveragePool", "AveragePool": "MaxPool"},
        "tfjs": {"MaxPool": "AvgPool", "AvgPool": "MaxPool"},
        "tflite": {"MAX_POOL_2D": "AVERAGE_POOL_2D", "AVERAGE_POOL_2D": "MAX_POOL_2D"},
    },
)
retyping(
    "reduction-mistaken",
    "a mean over an axis became a sum, or a maximum a mean",
    {
        "onnx": {"ReduceMean": "ReduceSum", "ReduceMax": "ReduceMin"},
        "tfjs": {"Mean": "Sum", "Max": "Min"},
        "tflite": {"MEAN": "SUM", "REDUCE_MAX": "MEAN"},
    },
)
retyping(
    "sum-mistaken",
    "a sum of two tensors became a product or a difference",
    {
        "onnx": {"Add": "Sub", "Mul": "Add"},
        "tfjs": {"AddV2": "Sub", "Mul": "AddV2"},
        "tflite": {"ADD": "SUB", "MUL": "ADD"},
    },
)
retyping(
    "division-truncated",
    "integer division rounds towards zero",
    {"tflite": {"FLOOR_DIV": "DIV"}, "tfjs": {"FloorDiv": "RealDiv"}},
)
retyping(
    "rounding-mistaken",
    "rounding half to even became another, or floor became a cut",
    {
        "onnx": {"Round": "Floor", "Floor": "Ceil"},
        "tflite": {"ROUND": "FLOOR", "FLOOR": "CEIL"},
        "tfjs": {"Round": "Floor", "Floor": "Ceil", "Rint": "Floor"},
    },
)
retyping(
    "comparison-mistaken",
    "greater became greater or equal, or less became less or equal",
    {
        "onnx": {"Greater": "GreaterOrEqual", "Less": "LessOrEqual"},
        "tflite": {"GREATER": "GREATER_EQUAL", "LESS": "LESS_EQUAL"},
        "tfjs": {"Greater": "GreaterEqual", "Less": "LessEqual"},
    },
)
_RESIZES = {
    "RESIZE_BILINEAR": "RESIZE_NEAREST_NEIGHBOR",
    "RESIZE_NEAREST_NEIGHBOR": "RESIZE_BILINEAR",
    "ResizeBilinear": "ResizeNearestNeighbor",
    "ResizeNearestNeighbor": "ResizeBilinear",
}


@kind("resize-mistaken", "bilinear enlargement became nearest, or nearest bilinear")
def resize_mistaken(scene: Scene) -> Hit | None:
    op = scene.pick(scene.ops("Resize", *_RESIZES))
    if op is None:
        return None
    hit = scene.hit(op, "another mode")
    if op.kind in _RESIZES:
        scene.file.retype(op, _RESIZES[op.kind])
        return hit
    scene.file.set(op, "mode", "nearest" if scene.file.get(op, "mode") == "linear" else "linear")
    if scene.file.get(op, "coordinate_transformation_mode") == "tf_half_pixel_for_nn":
        scene.file.set(op, "coordinate_transformation_mode", "half_pixel")
    return hit


@kind("operands-swapped", "the operands of a subtraction or the parts of a concatenation in the other order")
def operands(scene: Scene) -> Hit | None:
    kinds = ("SUB", "DIV", "CONCATENATION", "Sub", "Div", "Concat", "RealDiv", "ConcatV2")
    found = [
        op
        for op in scene.ops(*kinds)
        if scene.file.layers_of(op)
        and scene.file.inputs(op) >= 2
        and all(_is_computed(scene, op, index) for index in (0, 1))
    ]
    op = scene.pick(found)
    if op is None:
        return None
    scene.file.swap(op, 0, 1)
    return scene.hit(op, "inputs 0 and 1 exchanged")


def _is_computed(scene: Scene, op: Op, index: int) -> bool:
    values = scene.file.constant(op, index)
    return values is None or (values.dtype.kind == "f" and op.kind in ("Sub", "SUB"))
