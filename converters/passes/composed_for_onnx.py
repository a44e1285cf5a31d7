"""Ops that tf2onnx 1.17 drops or translates wrongly become expressions of ops that it gets right.

Silent until now: FloorDiv and FloorMod of integers (rounded towards zero), OneHot of a negative index
(counted from the end), ScatterNd with duplicate indices (the last one won), ResizeArea (nearest),
ResizeBicubic (TensorFlow rounds its weights to a table of 1024 steps, ONNX doesn't: 3e-4).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from converters.graph_graft import Expression, graft
from converters.passes import expressions, tflite_expressions

if TYPE_CHECKING:
    from tensorflow.core.framework.graph_pb2 import GraphDef

EXPRESSIONS: Mapping[str, Expression] = {
    "Bucketize": expressions.bucketize,
    "Erfinv": expressions.erfinv,
    "FloorDiv": expressions.floor_div,
    "FloorMod": expressions.floor_mod,
    "Log1p": tflite_expressions.log1p,
    "OneHot": expressions.one_hot,
    "ResizeArea": tflite_expressions.separable_resize,
    "ResizeBicubic": tflite_expressions.separable_resize,
    "ScatterNd": expressions.scatter_nd,
}


def apply(graph_def: GraphDef) -> list[str]:
    done = graft(graph_def, EXPRESSIONS)
    return [f"{count} {op} written in other ops, as in TensorFlow" for op, count in sorted(done.items())]
