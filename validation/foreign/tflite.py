"""Reads `.tflite` files: names by signature, precision from the tensors themselves."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import starmap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from converters.artifact import Quantization
from converters.errors import EdgeproofError
from converters.target import ExportTarget
from validation.foreign.file import FileFacts, FileTensor, unjudged, unreadable

if TYPE_CHECKING:
    from ai_edge_litert.interpreter import Interpreter

IDENTIFIER = b"TFL3"
"""Bytes 4 to 7 of every file of this format."""

_DEFAULT_SIGNATURE = "serving_default"


def read(path: Path) -> FileFacts:
    """What the file says about itself.

    Raises:
        EdgeproofError: it is damaged, has several signatures and no default, or a precision that
            edgeproof has no limits for.
    """
    interpreter = _open(path)
    key = _signature_key(path, list(interpreter.get_signature_list()))
    inputs, outputs = _ends(interpreter, key)
    target = ExportTarget("tflite", _precision(path, inputs + outputs))
    notes = () if key else ("The file has no signature: its tensor names were used.",)
    return FileFacts(path, (path,), target, inputs, outputs, signature_key=key, notes=notes)


def _ends(interpreter: Interpreter, key: str | None) -> tuple[tuple[FileTensor, ...], tuple[FileTensor, ...]]:
    if key is None:
        rows = interpreter.get_input_details(), interpreter.get_output_details()
        inputs, outputs = ([(row["name"], row) for row in side] for side in rows)
    else:
        runner = interpreter.get_signature_runner(key)
        inputs, outputs = runner.get_input_details().items(), runner.get_output_details().items()
    return tuple(starmap(_tensor, inputs)), tuple(starmap(_tensor, outputs))


def _open(path: Path) -> Interpreter:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    if path.open("rb").read(8)[4:] != IDENTIFIER:
        raise unreadable(path, "no TFLite identifier in its first bytes", "a TFLite file")
    try:
        # Verifies every offset of the flatbuffer. Without a delegate, nothing is compiled.
        return Interpreter(
            model_path=str(path),
            experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        )
    except (ValueError, RuntimeError) as error:
        raise unreadable(path, str(error), "a whole TFLite file") from error


def _signature_key(path: Path, keys: list[str]) -> str | None:
    if len(keys) <= 1:
        return next(iter(keys), None)
    if _DEFAULT_SIGNATURE in keys:
        return _DEFAULT_SIGNATURE
    raise EdgeproofError(
        f"{path}: the file has several signatures",
        got=", ".join(keys),
        want=f"one, or one called {_DEFAULT_SIGNATURE}",
        fix="export the signature that the model is to be compared with on its own",
    )


def _tensor(name: str, row: dict[str, Any]) -> FileTensor:
    # Files of old converters have no shape_signature: then it equals the shape.
    shape = tuple(None if size < 0 else int(size) for size in row["shape_signature"])
    dtype = _dtype(row["dtype"])
    scale, zero_point = row["quantization"]
    quantized = Quantization(float(scale), int(zero_point), dtype) if scale else None
    return FileTensor(name, shape, dtype, aliases=(row["name"],), quantization=quantized)


def _dtype(scalar: type) -> str:
    """The name of a NumPy scalar type; strings come as bytes or objects."""
    kind = np.dtype(scalar)
    return "string" if kind.kind in "OSU" else kind.name


def _precision(path: Path, ends: tuple[FileTensor, ...]) -> str:
    """The precision of `ExportTarget`, from the types of weights and activations."""
    weights, activations = _tensor_types(path)
    if odd := (weights | activations) & {"INT4", "INT2", "UINT4"}:
        raise unjudged(path, f"{', '.join(sorted(odd))} tensors")
    if "INT16" in activations:
        raise unjudged(path, "int16 activations")
    if activations:
        return "int8_io" if any(tensor.quantization for tensor in ends) else "int8"
    if weights & {"INT8", "UINT8"}:
        return "dynamic_int8"
    return "float16" if "FLOAT16" in weights else "float32"


def _tensor_types(path: Path) -> tuple[set[str], set[str]]:
    """Type names of constants, and of those tensors between nodes that are quantized."""
    from ai_edge_litert import schema_py_generated as schema

    names = {code: name for name, code in vars(schema.TensorType).items() if isinstance(code, int)}
    model = schema.Model.GetRootAs(path.read_bytes())
    weights: set[str] = set()
    activations: set[str] = set()
    for tensor in _tensors(model):
        name = names.get(tensor.Type(), f"type {tensor.Type()}")
        scaled = tensor.Quantization() is not None and tensor.Quantization().ScaleLength() > 0
        if _is_constant(model, tensor):
            # Shapes, axes and indices are integers too; only a scale makes a quantized weight.
            if scaled or name.startswith("FLOAT"):
                weights.add(name)
        elif scaled:
            activations.add(name)
    return weights, activations


def _tensors(model: Any) -> Iterator[Any]:
    for graph in (model.Subgraphs(i) for i in range(model.SubgraphsLength())):
        yield from (graph.Tensors(i) for i in range(graph.TensorsLength()))


def _is_constant(model: Any, tensor: Any) -> bool:
    # A file over 2 GB keeps its weights behind the flatbuffer, where a buffer has an offset instead.
    buffer = model.Buffers(tensor.Buffer())
    return buffer.DataLength() > 0 or buffer.Offset() > 1
