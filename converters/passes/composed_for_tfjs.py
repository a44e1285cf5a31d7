"""Ops that TF.js 4.22 lacks or gets wrong become expressions of ops that it has on every backend."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from converters.graph_graft import Expression, graft
from converters.passes import expressions, tflite_expressions

if TYPE_CHECKING:
    from tensorflow.core.framework.graph_pb2 import GraphDef

EXPRESSIONS: Mapping[str, Expression] = {
    "BatchMatMulV3": expressions.batch_matmul_v3,
    "Bucketize": expressions.bucketize,
    "Erfinv": expressions.erfinv,
    "FloorDiv": expressions.float_floor_div,
    "Log1p": tflite_expressions.log1p,
    "MatrixBandPart": expressions.matrix_band_part,
    # Of negative numbers the wasm kernel (4.22) gives 1.2e-38: it begins at the least normal number.
    "MaxPool3D": tflite_expressions.max_pool_3d,
    "OneHot": expressions.compared_one_hot,
    "ResizeArea": tflite_expressions.separable_resize,
    "ResizeBicubic": tflite_expressions.separable_resize,
    "Roll": expressions.roll,
    "Sign": expressions.sign,
    "Softsign": expressions.softsign,
    "SpaceToDepth": expressions.space_to_depth,
    "Tile": expressions.joined_tile,
    "Transpose": expressions.transposed_mask,
    "Xlogy": expressions.xlogy,
}


def apply(graph_def: GraphDef) -> list[str]:
    done = graft(graph_def, EXPRESSIONS)
    return [f"{count} {op} written in other ops" for op, count in sorted(done.items())]
