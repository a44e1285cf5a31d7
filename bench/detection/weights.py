"""Where the formats keep a layer's weights, and in which layout."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bench.detection.fault import Scene
from bench.detection.parsed import Op


@dataclass(frozen=True, slots=True)
class Place:
    """A weight as an input of an op.

    Attributes:
        index: of the input.
        role: "kernel", "dense", "recurrent", "bias", "scale" (of an Add or Mul) or "table".
        out: axis of the output channels; `into` of the input channels.
        spatial: axes of height and width.
    """

    index: int
    role: str
    out: int = -1
    into: int | None = None
    spatial: tuple[int, ...] = ()


_BIAS = Place(2, "bias")
PLACES: dict[str, dict[str, tuple[Place, ...]]] = {
    "tflite": {
        "CONV_2D": (Place(1, "kernel", 0, 3, (1, 2)), _BIAS),
        "DEPTHWISE_CONV_2D": (Place(1, "kernel", 3, None, (1, 2)), _BIAS),
        "TRANSPOSE_CONV": (Place(1, "kernel", 0, 3, (1, 2)), Place(3, "bias")),
        "FULLY_CONNECTED": (Place(1, "dense", 0, 1), _BIAS),
        "GATHER": (Place(0, "table"),),
        "ADD": (Place(1, "bias"),),
        "MUL": (Place(1, "scale"),),
    },
    "onnx": {
        "Conv": (Place(1, "kernel", 0, 1, (2, 3)), _BIAS),
        "ConvTranspose": (Place(1, "kernel", 1, 0, (2, 3)), _BIAS),
        "MatMul": (Place(1, "dense", 1, 0),),
        "Gemm": (Place(1, "dense", 1, 0), _BIAS),
        "LSTM": (Place(1, "recurrent", 1, 2), Place(2, "recurrent", 1, 2), Place(3, "bias")),
        "Gather": (Place(0, "table"),),
        "Add": (Place(1, "bias"),),
        "Mul": (Place(1, "scale"),),
    },
    "tfjs": {
        "Conv2D": (Place(1, "kernel", 3, 2, (0, 1)),),
        "_FusedConv2D": (Place(1, "kernel", 3, 2, (0, 1)), _BIAS),
        "DepthwiseConv2dNative": (Place(1, "kernel", 2, None, (0, 1)),),
        "FusedDepthwiseConv2dNative": (Place(1, "kernel", 2, None, (0, 1)), _BIAS),
        "Conv2DBackpropInput": (Place(1, "kernel", 2, 3, (0, 1)),),
        "MatMul": (Place(1, "dense", 1, 0),),
        "_FusedMatMul": (Place(1, "dense", 1, 0), _BIAS),
        "GatherV2": (Place(0, "table"),),
        "BiasAdd": (Place(1, "bias"),),
        "AddV2": (Place(1, "bias"),),
        "Mul": (Place(1, "scale"),),
    },
}


@dataclass(frozen=True, slots=True)
class Weight:
    """A weight of one op, as it is stored.

    Attributes:
        values: float32, or a TFLite file's int8 codes.
        step: between two values that the file can hold; 0 where that is any float32.
    """

    op: Op
    place: Place
    values: np.ndarray
    step: float = 0.0


def weights(scene: Scene, *roles: str) -> Iterator[Weight]:
    """The file's weights in these roles, of more than one element."""
    rows = PLACES[scene.file.format]
    for op in scene.ops(*rows):
        for place in rows[op.kind]:
            values = scene.file.constant(op, place.index) if place.role in roles else None
            if values is not None and values.size > 1 and _is_weight(values, place.role):
                yield Weight(op, place, values, scene.file.step(op, place.index))


def _is_weight(values: np.ndarray, role: str) -> bool:
    """Int32 constants are shapes and indices, but for the biases of an int8 file."""
    kinds = ("float32", "int8", "int32") if role == "bias" else ("float32", "int8")
    ranked = values.ndim >= 2 or role in ("bias", "scale")
    return values.dtype.name in kinds and ranked and bool(np.any(values))


def is_float(weight: Weight) -> bool:
    """Whether the file holds it as float32."""
    return weight.values.dtype == np.float32 and not weight.step


def replace(scene: Scene, weight: Weight, values: np.ndarray) -> bool:
    """Puts other values in its place; False where that would change nothing."""
    new = values.astype(weight.values.dtype)
    if np.array_equal(new, weight.values):
        return False
    scene.file.replace(weight.op, weight.place.index, new)
    return True
