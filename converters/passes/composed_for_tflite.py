"""Ops that TFLite has no builtin for, or loses digits with, become expressions of ops that it has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from converters.graph_graft import Expression, graft
from converters.passes import expressions, tflite_expressions

if TYPE_CHECKING:
    from tensorflow.core.framework.graph_pb2 import GraphDef

EXPRESSIONS: Mapping[str, Expression] = {
    "AvgPool3D": tflite_expressions.average_pool_3d,
    "BatchMatMulV3": expressions.batch_matmul_v3,
    "Bucketize": expressions.bucketize,
    "BatchToSpaceND": tflite_expressions.batch_to_space_3d,
    "Cumprod": tflite_expressions.cumprod,
    "DenseBincount": tflite_expressions.dense_bincount,
    "Erf": tflite_expressions.erf,
    "Erfinv": expressions.erfinv,
    "Expm1": expressions.expm1,
    "Log1p": tflite_expressions.log1p,
    "MaxPool3D": tflite_expressions.max_pool_3d,
    "ResizeArea": tflite_expressions.separable_resize,
    "ResizeBicubic": tflite_expressions.separable_resize,
    "Roll": expressions.roll,
    "Softplus": tflite_expressions.softplus,
    "SpaceToBatchND": tflite_expressions.space_to_batch_3d,
}


def apply(graph_def: GraphDef) -> list[str]:
    done = graft(graph_def, EXPRESSIONS)
    return [f"{count} {op} written in other ops" for op, count in sorted(done.items())]
