"""ONNX files, read as a graph and cut; keys are the names of values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from converters.artifact import Artifact
from validation.localize.file_graph import CUT, FileGraph, FileOp, FileTensor, needed

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto

_COUNT = re.compile(r"__\d+$")
"""What tf2onnx and our own converter append to make a name unique."""

_TURNING = frozenset({"Transpose", "Conv", "ConvTranspose", "MaxPool", "AveragePool", "Resize"})
"""Ops behind which tensors may have their channels first."""


def read(artifact: Artifact) -> FileGraph:
    import onnx

    model = onnx.shape_inference.infer_shapes(onnx.load(artifact.entry_path))
    graph, constants, shapes, dtypes = model.graph, _constants(model.graph), _shapes(model), _dtypes(model)
    ops, tensors = [], {key: FileTensor((key,)) for key in artifact.input_names.values()}
    turned: set[str] = set()
    for node in graph.node:
        if node.op_type == "Constant":
            continue
        reads = list(_reads(node))
        outputs = tuple(key for key in node.output if key)
        if node.op_type in _TURNING or turned.intersection(reads):
            turned.update(outputs)
        ops.append(
            FileOp(
                node.op_type,
                tuple(key for key in reads if key not in constants),
                outputs,
                tuple(_plain(key) for key in reads if key in constants),
            )
        )
        for key in outputs:
            names = tuple(dict.fromkeys((_plain(key), _plain(node.name))))
            tensors[key] = FileTensor(
                names, dtypes.get(key, ""), shape=shapes.get(key), channels_first=key in turned
            )
    return FileGraph(tensors, tuple(ops), dict(artifact.input_names), dict(artifact.output_names))


def write(
    artifact: Artifact, feeds: Mapping[str, np.ndarray], outputs: list[str], out: Path
) -> tuple[dict[str, str], dict[str, str], str]:
    import onnx

    model = onnx.load(artifact.entry_path)
    names = {key: CUT.format(key) for key in feeds}
    _rewire(model.graph, names)
    makers = {key: number for number, node in enumerate(model.graph.node) for key in node.output}
    kept = needed(outputs, makers, lambda number: _reads(model.graph.node[number]))
    for index in reversed(range(len(model.graph.node))):
        if index not in kept:
            del model.graph.node[index]
    _set_ends(model, {names[key]: array for key, array in feeds.items()}, outputs)
    _drop_unused(model.graph)
    onnx.save(model, str(out / "model.onnx"))
    return names, {key: key for key in outputs}, "model.onnx"


def _shapes(model: ModelProto) -> dict[str, tuple[int | None, ...]]:
    """As far as they follow from the file."""
    found: dict[str, tuple[int | None, ...]] = {}
    for value in model.graph.value_info:
        if value.type.tensor_type.HasField("shape"):
            dims = value.type.tensor_type.shape.dim
            found[value.name] = tuple(dim.dim_value if dim.HasField("dim_value") else None for dim in dims)
    return found


def _dtypes(model: ModelProto) -> dict[str, str]:
    """As far as they follow from the file, of tensors of numbers."""
    from onnx import TensorProto, helper

    found = {}
    for value in (*model.graph.value_info, *model.graph.output):
        code = value.type.tensor_type.elem_type
        if code not in (TensorProto.UNDEFINED, TensorProto.STRING):
            found[value.name] = helper.tensor_dtype_to_np_dtype(code).name
    return found


def _plain(name: str) -> str:
    """The name of the TensorFlow node."""
    return _COUNT.sub("", _COUNT.sub("", name).removesuffix(":0"))


def _constants(graph: GraphProto) -> set[str]:
    found = {tensor.name for tensor in graph.initializer}
    return found | {key for node in graph.node if node.op_type == "Constant" for key in node.output}


def _reads(node: NodeProto) -> Iterator[str]:
    """Inputs, and what the graphs inside a node take from outside."""
    yield from (key for key in node.input if key)
    for attribute in node.attribute:
        for graph in (*attribute.graphs, *([attribute.g] if attribute.HasField("g") else ())):
            own = {value.name for value in (*graph.input, *graph.initializer)}
            own |= {key for inner in graph.node for key in inner.output}
            for inner in graph.node:
                yield from (key for key in _reads(inner) if key not in own)
            yield from (value.name for value in graph.output if value.name not in own)


def _rewire(graph: GraphProto, names: Mapping[str, str]) -> None:
    """Lets every consumer take the new names, those inside nodes too."""
    for node in graph.node:
        node.input[:] = [names.get(key, key) for key in node.input]
        for attribute in node.attribute:
            for inner in (*attribute.graphs, *([attribute.g] if attribute.HasField("g") else ())):
                _rewire(inner, names)
                for value in inner.output:
                    value.name = names.get(value.name, value.name)


def _set_ends(model: ModelProto, inputs: Mapping[str, np.ndarray], outputs: list[str]) -> None:
    from onnx import ValueInfoProto, helper

    graph = model.graph
    known = {value.name: value for value in graph.output}
    del graph.input[:], graph.output[:], graph.value_info[:]
    for name, array in inputs.items():
        code = helper.np_dtype_to_tensor_dtype(array.dtype)
        graph.input.append(helper.make_tensor_value_info(name, code, array.shape))
    # ONNX Runtime works out types and shapes of its own; the ones in the file may be for another batch.
    for name in outputs:
        value = ValueInfoProto(name=name)
        if name in known:
            value.type.tensor_type.elem_type = known[name].type.tensor_type.elem_type
        graph.output.append(value)


def _drop_unused(graph: GraphProto) -> None:
    used = {key for node in graph.node for key in _reads(node)} | {value.name for value in graph.output}
    for index in reversed(range(len(graph.initializer))):
        if graph.initializer[index].name not in used:
            del graph.initializer[index]
