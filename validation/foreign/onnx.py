"""Reads `.onnx` files, with the weights that some keep in files beside them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from converters.target import ExportTarget
from validation.foreign.file import FileFacts, FileTensor, check_content, unjudged, unreadable

if TYPE_CHECKING:
    import onnx

_QUANTIZED_OPS = ("QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "QLinearConv", "MatMulNBits")


def read(path: Path) -> FileFacts:
    """What the file says about itself.

    Raises:
        EdgeproofError: it is damaged, its external weights are missing, or it has a precision that
            edgeproof has no limits for.
    """
    model = _open(path)
    weights = _external_files(path, model)
    held = {tensor.name for tensor in model.graph.initializer}
    # Files of IR version 3 list their weights among the inputs as well.
    inputs = tuple(_tensor(value) for value in model.graph.input if value.name not in held)
    outputs = tuple(_tensor(value) for value in model.graph.output)
    target = ExportTarget("onnx", _precision(path, model))
    return FileFacts(path, (path, *weights), target, inputs, outputs)


def _open(path: Path) -> onnx.ModelProto:
    import onnx
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load(str(path), load_external_data=False)
    except DecodeError as error:
        raise unreadable(path, str(error), "a whole ONNX file") from error
    if not model.graph.output or not model.opset_import:
        raise unreadable(path, "no graph with outputs inside", "an ONNX model")
    return model


def _external_files(path: Path, model: onnx.ModelProto) -> tuple[Path, ...]:
    from onnx import TensorProto

    outside = [t for t in model.graph.initializer if t.data_location == TensorProto.EXTERNAL]
    rows = [{entry.key: entry.value for entry in tensor.external_data} for tensor in outside]
    files = tuple(path.parent / name for name in dict.fromkeys(row["location"] for row in rows))
    for file in files:
        check_content(file)
    for row in rows:
        end = int(row.get("offset", 0)) + int(row.get("length", 0))
        size = (path.parent / row["location"]).stat().st_size
        if size < end:
            raise unreadable(path.parent / row["location"], f"{size} bytes", f"at least {end} bytes")
    return files


def _tensor(value: onnx.ValueInfoProto) -> FileTensor:
    from onnx import helper

    kind = value.type.tensor_type
    dtype = helper.tensor_dtype_to_np_dtype(kind.elem_type).name
    shape = None
    if kind.HasField("shape"):
        shape = tuple(d.dim_value if d.HasField("dim_value") else None for d in kind.shape.dim)
    return FileTensor(value.name, shape, "string" if dtype == "object" else dtype)


def _precision(path: Path, model: onnx.ModelProto) -> str:
    """By the type that most of the float weights have; a file without any by its inputs and outputs."""
    from onnx import TensorProto

    quantized = {node.op_type for node in model.graph.node} & set(_QUANTIZED_OPS)
    if quantized:
        raise unjudged(path, f"quantized nodes ({', '.join(sorted(quantized))})")
    floats = {TensorProto.FLOAT: "float32", TensorProto.FLOAT16: "float16", TensorProto.DOUBLE: "float64"}
    sizes: Counter[str] = Counter()
    for tensor in model.graph.initializer:
        if tensor.data_type in floats:
            sizes[floats[tensor.data_type]] += _elements(tensor.dims)
    if not sizes:
        ends = [v.type.tensor_type.elem_type for v in (*model.graph.input, *model.graph.output)]
        sizes.update(floats[code] for code in ends if code in floats)
    found = sizes.most_common(1)[0][0] if sizes else "float32"
    return "float16" if found == "float16" else "float32"


def _elements(dims: object) -> int:
    total = 1
    for size in dims:  # type: ignore[attr-defined]
        total *= size
    return total
