"""A TFLite file with its dynamic sizes fixed, for an engine that takes fixed ones only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from converters.artifact import Artifact
from converters.tflite.model_file import Model, op_names, pack, parse

if TYPE_CHECKING:
    from ai_edge_litert.interpreter import Interpreter


def fix_shapes(artifact: Artifact, shapes: Mapping[str, tuple[int, ...]]) -> np.ndarray:
    """The file's bytes with these sizes written into it; weights stay as they are.

    The sizes inside are those that LiteRT works out when it is given inputs of these shapes. Operators
    that compute sizes alone become constants.

    Args:
        shapes: of every input, by its name in the file.

    Returns:
        uint8.

    Raises:
        ValueError, RuntimeError: LiteRT's interpreter can't hold the file with these shapes.
    """
    content = artifact.entry_path.read_bytes()
    model = parse(content)
    inputs = _inputs(model, artifact.signature_key)
    interpreter = _run(content, {inputs[name]: shape for name, shape in shapes.items()})
    _write_shapes(model, interpreter)
    _fold_sizes(model, interpreter)
    return np.frombuffer(pack(model), np.uint8)


def _inputs(model: Model, signature_key: str | None) -> dict[str, int]:
    """The tensor of each input, by its name in the file."""
    for signature in model.signatureDefs or ():
        if signature.signatureKey.decode() == signature_key:
            return {row.name.decode(): row.tensorIndex for row in signature.inputs}
    graph = model.subgraphs[0]
    return {graph.tensors[index].name.decode(): index for index in graph.inputs}


def _run(content: bytes, shapes: Mapping[int, tuple[int, ...]]) -> Interpreter:
    """An interpreter that has seen inputs of these shapes, all zeros, and kept every tensor."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(
        model_content=content,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        experimental_preserve_all_tensors=True,
    )
    for index, shape in shapes.items():
        interpreter.resize_tensor_input(index, shape)
    interpreter.allocate_tensors()
    for row in interpreter.get_input_details():
        zeros = np.zeros(row["shape"], row["dtype"])
        interpreter.set_tensor(row["index"], zeros)
    interpreter.invoke()
    return interpreter


def _write_shapes(model: Model, interpreter: Interpreter) -> None:
    worked_out = {row["index"]: row["shape"] for row in interpreter.get_tensor_details()}
    for index, tensor in enumerate(model.subgraphs[0].tensors):
        if index in worked_out:
            tensor.shape = list(map(int, worked_out[index]))
        tensor.shapeSignature = None


def _fold_sizes(model: Model, interpreter: Interpreter) -> None:
    """Writes down what follows from shapes and constants alone, and drops the operators for it."""
    from ai_edge_litert import schema_py_generated as schema

    graph, names = model.subgraphs[0], op_names(model)
    known = {i for i, tensor in enumerate(graph.tensors) if model.buffers[tensor.buffer].data is not None}
    ends = set(graph.outputs)
    from_shapes: set[int] = set()
    kept = []
    for operator in graph.operators:
        given = [index for index in operator.inputs if index >= 0]
        is_shape = names[operator.opcodeIndex] == "SHAPE"
        follows = from_shapes.intersection(given) and known.issuperset(given)
        if (is_shape or follows) and not ends.intersection(operator.outputs):
            known.update(operator.outputs)
            from_shapes.update(operator.outputs)
        else:
            kept.append(operator)
    for index in from_shapes:
        value = np.ascontiguousarray(interpreter.get_tensor(index))
        graph.tensors[index].buffer = len(model.buffers)
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(value.tobytes(), np.uint8)
        model.buffers.append(buffer)
    graph.operators = kept
