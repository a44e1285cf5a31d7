"""Reads an ONNX file as its users do: with onnx's checker and with ONNX Runtime."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from converters.signature import TensorSpec

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, ValueInfoProto

SESSION_MODES = ("default", "disabled")
"""Graph optimisation levels of ONNX Runtime under which a file must load."""


def untranslated(model: ModelProto) -> list[NodeProto]:
    """Nodes whose operator ONNX doesn't have.

    tf2onnx logs an error on an op that it doesn't know, and writes it into the file all the same.
    """
    from onnx.defs import has

    return [
        node for graph in graphs(model.graph) for node in graph.node if not has(node.op_type, node.domain)
    ]


def graphs(graph: GraphProto):
    """A graph and all graphs inside its nodes."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            for inner in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
                yield from graphs(inner)


def load_in_runtime(path: Path) -> None:
    """Loads a file into ONNX Runtime on the CPU, with its optimisations and without.

    Raises:
        onnxruntime's own exceptions: the file doesn't load.
    """
    import onnxruntime as ort

    for mode in SESSION_MODES:
        options = ort.SessionOptions()
        options.log_severity_level = 3
        if mode == "disabled":
            options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def specs_of(values: Sequence[ValueInfoProto]) -> tuple[TensorSpec, ...]:
    """What a file says about its inputs or outputs; dynamic and unknown dimensions are None."""
    return tuple(TensorSpec(value.name, _shape(value), _dtype(value)) for value in values)


def _shape(value: ValueInfoProto) -> tuple[int | None, ...]:
    dims = value.type.tensor_type.shape.dim
    return tuple(dim.dim_value if dim.HasField("dim_value") else None for dim in dims)


def _dtype(value: ValueInfoProto) -> str:
    from onnx import TensorProto
    from onnx.helper import tensor_dtype_to_np_dtype

    kind = value.type.tensor_type.elem_type
    if kind in (TensorProto.STRING, TensorProto.BFLOAT16):
        return {TensorProto.STRING: "string", TensorProto.BFLOAT16: "bfloat16"}[kind]
    return str(tensor_dtype_to_np_dtype(kind))


def float_elements(model: ModelProto) -> dict[str, int]:
    """Number of constant elements by float dtype, in tensors of more than one element."""
    from onnx import TensorProto

    names = {TensorProto.FLOAT: "float32", TensorProto.FLOAT16: "float16", TensorProto.DOUBLE: "float64"}
    count: dict[str, int] = {}
    for graph in graphs(model.graph):
        for tensor in graph.initializer:
            size = int(np.prod(tensor.dims, dtype=np.int64))
            if tensor.data_type in names and size > 1:
                count[names[tensor.data_type]] = count.get(names[tensor.data_type], 0) + size
    return count


def broken_constants(model: ModelProto) -> list[str]:
    """Names of the constants that hold NaN, or infinities that are not a mask.

    A tensor whose only infinities are negative is a mask before a softmax; a scalar infinity is
    the start of a reduction.
    """
    from onnx.numpy_helper import to_array

    broken = []
    for graph in graphs(model.graph):
        for tensor in graph.initializer:
            values = to_array(tensor)
            if values.dtype.kind != "f" or np.isfinite(values).all():
                continue
            if np.isnan(values).any() or (values.size > 1 and np.isposinf(values).any()):
                broken.append(tensor.name)
    return broken
