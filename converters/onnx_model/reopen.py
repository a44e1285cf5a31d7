"""Reads an ONNX file as its users do, and tells what is wrong with it; nothing when it is right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from converters.artifact import Artifact
from converters.signature import TensorSpec

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, ValueInfoProto

_FLOAT16_SHARE = 0.9
"""Least share of float constants that an `onnx:float16` file holds in float16.

The rest feeds operators that onnxconverter-common leaves in float32 (Resize, CumSum, TopK …).
"""


def untranslated(model: ModelProto) -> list[NodeProto]:
    """Nodes whose operator ONNX doesn't have.

    tf2onnx logs an error on an op that it doesn't know, and writes it into the file all the same.
    """
    from onnx.defs import has

    nodes = (node for graph in graphs(model.graph) for node in graph.node)
    return [node for node in nodes if not has(node.op_type, node.domain)]


def graphs(graph: GraphProto) -> Iterator[GraphProto]:
    """A graph and all graphs inside its nodes."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            for inner in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
                yield from graphs(inner)


def specs_of(values: Sequence[ValueInfoProto]) -> tuple[TensorSpec, ...]:
    """What a file says about its inputs or outputs; dynamic and unknown dimensions are None."""
    return tuple(TensorSpec(value.name, _shape(value), _dtype(value)) for value in values)


def load_faults(artifact: Artifact, model: ModelProto) -> list[str]:
    """What onnx's checker and ONNX Runtime say, with its optimisations and without."""
    import onnx
    import onnxruntime as ort

    levels = ort.GraphOptimizationLevel
    try:
        onnx.checker.check_model(artifact.entry_path)  # of a model it would make bytes first
        for level in (levels.ORT_ENABLE_ALL, levels.ORT_DISABLE_ALL):
            options = ort.SessionOptions()
            options.log_severity_level = 3
            options.graph_optimization_level = level
            ort.InferenceSession(str(artifact.entry_path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime has a class for each status, with no base but this one
        return [str(error).strip()]
    return []


def signature_faults(artifact: Artifact, model: ModelProto) -> list[str]:
    """Names, order, shapes and dtypes that the record has otherwise."""
    faults = []
    for side, values, specs, names in (
        ("inputs", model.graph.input, artifact.signature.inputs, artifact.input_names),
        ("outputs", model.graph.output, artifact.signature.outputs, artifact.output_names),
    ):
        got = specs_of(values)
        want = tuple(TensorSpec(names[s.name], s.shape, s.dtype) for s in specs)
        if got != want:
            faults.append(f"{side} are ({_listed(got)}), not ({_listed(want)})")
    return faults


def precision_faults(artifact: Artifact, model: ModelProto) -> list[str]:
    """The claimed precision, if the constants don't bear it out; scalars don't count."""
    if artifact.target.precision != "float16":
        return []
    elements = _float_elements(model)
    total, half = sum(elements.values()), elements.get("float16", 0)
    if half and half >= _FLOAT16_SHARE * total:
        return []
    return [f"{half} of {total} float weights are float16"]


def value_faults(artifact: Artifact, model: ModelProto) -> list[str]:
    """Constants that hold NaN, or infinities that aren't a mask.

    A tensor whose only infinities are negative is a mask before a softmax; a scalar infinity is
    the start of a reduction.
    """
    from onnx.numpy_helper import to_array

    faults = []
    for graph in graphs(model.graph):
        for tensor in graph.initializer:
            values = to_array(tensor)
            if values.dtype.kind != "f" or np.isfinite(values).all():
                continue
            if np.isnan(values).any() or (values.size > 1 and np.isposinf(values).any()):
                faults.append(f"{tensor.name} holds NaN or infinity")
    return faults


def _float_elements(model: ModelProto) -> dict[str, int]:
    from onnx import TensorProto

    names = {TensorProto.FLOAT: "float32", TensorProto.FLOAT16: "float16", TensorProto.DOUBLE: "float64"}
    count: dict[str, int] = {}
    for graph in graphs(model.graph):
        for tensor in graph.initializer:
            size = int(np.prod(tensor.dims, dtype=np.int64))
            if tensor.data_type in names and size > 1:
                count[names[tensor.data_type]] = count.get(names[tensor.data_type], 0) + size
    return count


def _shape(value: ValueInfoProto) -> tuple[int | None, ...]:
    dims = value.type.tensor_type.shape.dim
    return tuple(dim.dim_value if dim.HasField("dim_value") else None for dim in dims)


def _dtype(value: ValueInfoProto) -> str:
    from onnx import TensorProto
    from onnx.helper import tensor_dtype_to_np_dtype

    kind = value.type.tensor_type.elem_type
    names = {TensorProto.STRING: "string", TensorProto.BFLOAT16: "bfloat16"}
    return names.get(kind) or str(tensor_dtype_to_np_dtype(kind))


def _listed(specs: Sequence[TensorSpec]) -> str:
    return ", ".join(map(str, specs))
