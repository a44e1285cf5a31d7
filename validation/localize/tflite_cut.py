"""TFLite files, read as a graph and cut; keys are the numbers of tensors in the main subgraph."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from converters.artifact import Artifact, Quantization
from converters.tflite import model_file
from validation.localize.file_graph import CUT, FileGraph, FileOp, FileTensor, needed


def read(artifact: Artifact) -> FileGraph:
    model = model_file.read(artifact.entry_path)
    graph, kinds = model.subgraphs[0], model_file.op_names(model)
    constant = {i for i, tensor in enumerate(graph.tensors) if _is_constant(model, tensor)}
    inputs, outputs = _ends(model, artifact)
    quantized = {i: _quantization(tensor) for i, tensor in enumerate(graph.tensors) if i not in constant}
    steps = {index: found.scale for index, found in quantized.items() if found is not None}
    ops = []
    for operator in graph.operators:
        if kinds[operator.opcodeIndex] == "DEQUANTIZE" and int(operator.inputs[0]) in steps:
            steps[int(operator.outputs[0])] = steps[int(operator.inputs[0])]
        reads = [int(index) for index in operator.inputs if index >= 0]
        ops.append(
            FileOp(
                kinds[operator.opcodeIndex],
                tuple(str(index) for index in reads if index not in constant),
                tuple(str(index) for index in operator.outputs),
                tuple(graph.tensors[index].name.decode() for index in reads if index in constant),
            )
        )
    tensors = {
        str(index): FileTensor(
            names=tuple(graph.tensors[index].name.decode().split(";")),
            dtype=model_file.dtype_of(graph.tensors[index]),
            quantization=quantization,
            step=steps.get(index, 0.0),
        )
        for index, quantization in quantized.items()
    }
    return FileGraph(
        tensors,
        tuple(ops),
        {name: str(inputs[in_file]) for name, in_file in artifact.input_names.items()},
        {name: str(outputs[in_file]) for name, in_file in artifact.output_names.items()},
    )


def write(
    artifact: Artifact, feeds: Mapping[str, np.ndarray], outputs: list[str], out: Path
) -> tuple[dict[str, str], dict[str, str], str]:
    model = model_file.read(artifact.entry_path)
    graph = model.subgraphs[0]
    fed = {int(key): _stand_in(graph, int(key), array) for key, array in feeds.items()}
    for operator in graph.operators:
        operator.inputs = [fed.get(int(index), int(index)) for index in operator.inputs]
    makers = {int(index): number for number, row in enumerate(graph.operators) for index in row.outputs}
    kept = needed(
        [int(key) for key in outputs],
        makers,
        lambda number: [int(index) for index in graph.operators[number].inputs],
    )
    graph.operators = [graph.operators[number] for number in sorted(kept)]
    graph.inputs = list(fed.values())
    graph.outputs = [int(key) for key in outputs]
    input_names = {key: CUT.format(key) for key in feeds}
    model_file.set_signature(
        model,
        {input_names[key]: fed[int(key)] for key in feeds},
        {key: int(key) for key in outputs},
    )
    _drop_unused(model)
    (out / "model.tflite").write_bytes(model_file.pack(model))
    return input_names, {key: key for key in outputs}, "model.tflite"


def _is_constant(model: Any, tensor: Any) -> bool:
    data = model.buffers[tensor.buffer].data
    return data is not None and len(data) > 0


def _quantization(tensor: Any) -> Quantization | None:
    """Of a tensor with one scale; weights may have one for each channel."""
    params = tensor.quantization
    return None if params is None or params.scale is None else model_file.quantization_of(tensor)


def _ends(model: Any, artifact: Artifact) -> tuple[dict[str, int], dict[str, int]]:
    """Tensors of inputs and outputs by their names in the file."""
    for signature in model.signatureDefs or ():
        if signature.signatureKey.decode() == artifact.signature_key:
            maps = (signature.inputs, signature.outputs)
            inputs, outputs = ({row.name.decode(): int(row.tensorIndex) for row in rows} for rows in maps)
            return inputs, outputs
    graph = model.subgraphs[0]
    inputs, outputs = (
        {graph.tensors[index].name.decode(): int(index) for index in numbers}
        for numbers in (graph.inputs, graph.outputs)
    )
    return inputs, outputs


def _stand_in(graph: Any, index: int, array: np.ndarray) -> int:
    """A tensor like another one that is an input of this shape."""
    tensor = copy.copy(graph.tensors[index])
    tensor.name = CUT.format(index).encode()
    tensor.shape, tensor.shapeSignature, tensor.buffer = list(array.shape), None, 0
    tensor.hasRank = True
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1


def _drop_unused(model: Any) -> None:
    """Empties the buffers of weights that no op takes any more; numbers stay as they are."""
    for tensor in _unused_tensors(model):
        tensor.buffer = 0
    used = {tensor.buffer for subgraph in model.subgraphs for tensor in subgraph.tensors}
    used |= {entry.buffer for entry in model.metadata or ()}
    for number, buffer in enumerate(model.buffers):
        if number not in used:
            buffer.data = None


def _unused_tensors(model: Any) -> list[Any]:
    graph = model.subgraphs[0]
    used = {int(i) for row in graph.operators for i in (*row.inputs, *row.outputs)}
    used |= {*graph.inputs, *graph.outputs}
    return [tensor for index, tensor in enumerate(graph.tensors) if index not in used]
