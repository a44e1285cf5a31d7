"""Half precision: float16 weights and arithmetic behind float32 inputs and outputs."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from converters.onnx_model.reopen import graphs

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

LARGEST = float(np.finfo(np.float16).max)
SMALLEST = float(np.finfo(np.float16).smallest_subnormal)


def halve(model: ModelProto) -> tuple[ModelProto, list[str]]:
    """The model in float16, and what the narrower range did to its constants.

    Args:
        model: float32, with unique node names; consumed.

    Returns:
        The model, inputs and outputs unchanged, and notes.
    """
    from onnxconverter_common import float16

    notes = _losses(model)
    casts = {node.name for node in _casts_to_float(model)}
    _separate_outputs(model)
    with warnings.catch_warnings(action="ignore"):  # one for each value that `_losses` notes
        model = float16.convert_float_to_float16(
            model,
            min_positive_val=SMALLEST,
            max_finite_val=LARGEST,
            keep_io_types=True,
            check_fp16_ready=False,
        )
    _retarget(model, casts)
    return model, notes


def has_float32_weights(model: ModelProto) -> bool:
    """Whether any constant of more than one element is float32."""
    tensors = (tensor for graph in graphs(model.graph) for tensor in graph.initializer)
    return any(t.data_type == t.FLOAT and np.prod(t.dims, dtype=np.int64) > 1 for t in tensors)


def _separate_outputs(model: ModelProto) -> None:
    """Gives an output that the graph itself reads a node of its own.

    onnxconverter-common 1.16 puts the cast back to float32 in front of those readers as well.
    """
    from onnx.helper import make_node

    outputs = {value.name for value in model.graph.output}
    read = {name for graph in graphs(model.graph) for node in graph.node for name in node.input}
    for output in sorted(outputs & read):
        inner = f"{output}/inner"
        for graph in graphs(model.graph):
            for node in graph.node:
                node.input[:] = [inner if name == output else name for name in node.input]
        for node in model.graph.node:
            node.output[:] = [inner if name == output else name for name in node.output]
        model.graph.node.append(make_node("Identity", [inner], [output], name=output))


def _casts_to_float(model: ModelProto) -> list[NodeProto]:
    from onnx import TensorProto

    nodes = (node for graph in graphs(model.graph) for node in graph.node if node.op_type == "Cast")
    return [
        node for node in nodes if any(a.name == "to" and a.i == TensorProto.FLOAT for a in node.attribute)
    ]


def _retarget(model: ModelProto, casts: set[str]) -> None:
    """Lets casts that the float32 model had go to float16 instead.

    onnxconverter-common 1.16 converts what a cast feeds and leaves the cast alone, so that ONNX
    Runtime finds two dtypes at one operator.
    """
    from onnx import TensorProto

    for node in _casts_to_float(model):
        if node.name in casts:
            for attribute in node.attribute:
                if attribute.name == "to":
                    attribute.i = TensorProto.FLOAT16


def _losses(model: ModelProto) -> list[str]:
    from onnx.numpy_helper import to_array

    notes = []
    for tensor in (tensor for graph in graphs(model.graph) for tensor in graph.initializer):
        if tensor.data_type != tensor.FLOAT:
            continue
        values = np.abs(to_array(tensor))
        over = int(np.count_nonzero(np.isfinite(values) & (values > LARGEST)))
        under = int(np.count_nonzero((values > 0) & (values < SMALLEST)))
        if over:
            notes.append(f"{tensor.name}: {over} of {values.size} value(s) exceed float16, now 65504")
        if under:
            notes.append(f"{tensor.name}: {under} of {values.size} value(s) are below float16, now 6e-8")
    return notes
