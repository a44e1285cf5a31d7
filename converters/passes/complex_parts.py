"""Complex numbers become pairs of real ones, and Fourier transforms products with cosines and sines.

TF.js' wasm backend (4.22) has no kernel for Complex, FFT and what reads them ("Kernel 'Complex' not
registered for backend 'wasm'"), and tf2onnx (1.17) translates a transform only where nothing but its
absolute value is used, with shapes that ONNX Runtime refuses. Where an op on complex numbers is none of
these, all stay as they are, to be refused by name.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from converters.graph_edit import Scope, all_nodes, keep_nodes, plain
from converters.graph_graft import insert, shape_graph
from converters.passes import fourier

if TYPE_CHECKING:
    from tensorflow.core.framework.graph_pb2 import GraphDef


class Pair(NamedTuple):
    """The parts of a complex tensor, float32, each of its shape."""

    real: Any
    imag: Any


LINEAR = frozenset(
    {
        *("AddN", "AddV2", "BatchToSpaceND", "BroadcastTo", "ConcatV2", "ExpandDims", "GatherV2", "Identity"),
        *("Mean", "Neg", "Pack", "Pad", "Reshape", "ReverseV2", "Select", "SelectV2", "Slice", "Split"),
        *("SplitV", "Squeeze", "StridedSlice", "Sub", "Sum", "Tile", "Transpose", "Unpack", "ZerosLike"),
    }
)
"""Ops that do the same to either part."""


def apply(graph_def: GraphDef) -> list[str]:
    """Rewrites the main graph; the bodies of loops stay."""
    import tensorflow as tf

    complex64 = tf.complex64.as_datatype_enum
    if not any(value.type == complex64 for node in all_nodes(graph_def) for value in node.attr.values()):
        return []
    operations = shape_graph(graph_def).get_operations()
    inside = [op for op in operations if any(tensor.dtype.is_complex for tensor in (*op.inputs, *op.outputs))]
    with tf.Graph().as_default() as graph:
        values = _Values()
        if not all(_write(op, values) for op in inside):
            return []
    scope = Scope(graph_def.node, None)
    references = {tensor.name: plain(name) for name, tensor in values.sources.items()}
    insert(scope, graph.as_graph_def(), references)
    keep_nodes(graph_def.node, {node.name for node in graph_def.node} - {op.name for op in inside})
    for name, tensor in values.results.items():
        scope.rewire(plain(name), references[tensor.name])
    return [f"{len(inside)} op(s) on complex numbers written in real ones"]


class _Values:
    """What stands for the tensors of the old graph in the new one, by their names ("a:0").

    Attributes:
        sources: real tensors that come from elsewhere, as placeholders.
        results: real tensors that ops on complex ones give.
        pairs: the complex ones.
    """

    def __init__(self) -> None:
        self.sources: dict[str, Any] = {}
        self.results: dict[str, Any] = {}
        self.pairs: dict[str, Pair] = {}

    def of(self, tensor: Any) -> Any:
        """A Pair for a complex tensor; a constant, or a stand-in, for a real one."""
        import tensorflow as tf

        if tensor.dtype.is_complex:
            return self.pairs[tensor.name]
        value = tf.get_static_value(tensor)
        if value is not None:
            return tf.constant(value)
        if tensor.name in self.results:
            return self.results[tensor.name]
        if tensor.name not in self.sources:
            self.sources[tensor.name] = tf.compat.v1.placeholder(tensor.dtype, tensor.shape, "real_input")
        return self.sources[tensor.name]


def _write(op: Any, values: _Values) -> bool:
    """Writes one op in real numbers, and keeps what it gives; False where that can't be done."""
    import tensorflow as tf

    if any(tensor.dtype == tf.complex128 for tensor in (*op.inputs, *op.outputs)):
        return False
    rule = _linear if op.type in LINEAR else RULES.get(op.type)
    if rule is None or any(t.dtype.is_complex and t.name not in values.pairs for t in op.inputs):
        return False
    with tf.name_scope(f"{op.name}/"):
        given = rule(op, *map(values.of, op.inputs))
    if given is None:
        return False
    for tensor, value in zip(op.outputs, given if isinstance(given, list) else [given], strict=True):
        (values.pairs if isinstance(value, Pair) else values.results)[tensor.name] = value
    return True


def _linear(op: Any, *inputs: Any) -> list[Pair]:
    """The same op twice."""
    import tensorflow as tf

    attributes = {key: _as_real(value) for key, value in op.node_def.attr.items()}
    parts = []
    for part in range(2):
        chosen = [value[part] if isinstance(value, Pair) else value for value in inputs]
        made = tf.compat.v1.get_default_graph().create_op(
            op.type, chosen, [tf.float32] * len(op.outputs), attrs=attributes
        )
        parts.append(made.outputs)
    return [Pair(*both) for both in zip(*parts, strict=True)]


def _as_real(value: Any) -> Any:
    """An attribute with float32 in the place of complex64."""
    import tensorflow as tf

    if value.type != tf.complex64.as_datatype_enum:
        return value
    return tf.compat.v1.AttrValue(type=tf.float32.as_datatype_enum)


def _constant(op: Any) -> Pair | None:
    import tensorflow as tf

    value = tf.get_static_value(op.outputs[0])
    return None if value is None else Pair(tf.constant(value.real), tf.constant(value.imag))


def _cast(op: Any, x: Any) -> Any:
    import tensorflow as tf

    if isinstance(x, Pair):
        return tf.cast(x.real, op.outputs[0].dtype)
    real = tf.cast(x, tf.float32)
    return Pair(real, tf.zeros_like(real))


def _mul(op: Any, x: Pair, y: Pair) -> Pair:
    return Pair(x.real * y.real - x.imag * y.imag, x.real * y.imag + x.imag * y.real)


def _abs(op: Any, x: Pair) -> Any:
    """The greater part times a root of 1 to 2: squares of the parts themselves may leave float32."""
    import tensorflow as tf

    sizes = tf.abs(x.real), tf.abs(x.imag)
    greater, lesser = tf.maximum(*sizes), tf.minimum(*sizes)
    is_zero = tf.equal(greater, 0)
    ratio = lesser / tf.where(is_zero, tf.ones_like(greater), greater)
    return greater * tf.sqrt(1 + ratio * ratio)


def _angle(op: Any, x: Pair) -> Any:
    import tensorflow as tf

    return tf.atan2(x.imag, x.real)


def _shape(op: Any, x: Pair) -> Any:
    import tensorflow as tf

    return tf.shape(x.real, out_type=op.outputs[0].dtype)


def _forward(op: Any, x: Any) -> Pair | None:
    return _over_axes(op, x, -1)


def _backward(op: Any, x: Any) -> Pair | None:
    return _over_axes(op, x, 1)


def _over_axes(op: Any, x: Pair, sign: int) -> Pair | None:
    """A complex transform over the last axis, or over the last two."""
    import tensorflow as tf

    rank = x.real.shape.rank
    sizes = [] if rank is None else x.real.shape.as_list()[-2 if op.type.endswith("2D") else -1 :]
    if not sizes or not all(map(fourier.is_possible, sizes)):
        return None
    parts: tuple[Any, Any] = x
    swapped = [*range(rank - 2), rank - 1, rank - 2]
    for size in reversed(sizes):
        parts = fourier.dft(*parts, size, sign)
        if len(sizes) == 2:
            parts = tf.transpose(parts[0], swapped), tf.transpose(parts[1], swapped)
    share = 1 / math.prod(sizes)
    return Pair(*parts) if sign < 0 else Pair(parts[0] * share, parts[1] * share)


def _of_real(op: Any, x: Any, size: Any) -> Pair | None:
    """Of a real signal: the first half of the spectrum, the other mirrors it."""
    length = _length(size)
    if not fourier.is_possible(length) or x.shape.rank is None:
        return None
    signal = x[..., :length]
    signal.set_shape([*x.shape[:-1], length])
    real, imag = fourier.dft(signal, None, length, -1)
    return Pair(real[..., : length // 2 + 1], imag[..., : length // 2 + 1])


def _to_real(op: Any, x: Pair, size: Any) -> Any:
    """Back to a real signal."""
    length = _length(size)
    if not fourier.is_possible(length) or x.real.shape.rank is None:
        return None
    real, _ = fourier.dft(*fourier.hermitian(*x, length), length, 1)
    return real * (1 / length)


def _length(size: Any) -> int:
    import tensorflow as tf

    value = tf.get_static_value(size)
    return 0 if value is None else int(value[0])


RULES: Mapping[str, Callable[..., Any]] = {
    "Angle": _angle,
    "Cast": _cast,
    "Complex": lambda op, real, imag: Pair(real, imag),
    "ComplexAbs": _abs,
    "Conj": lambda op, x: Pair(x.real, -x.imag),
    "Const": _constant,
    "FFT": _forward,
    "FFT2D": _forward,
    "IFFT": _backward,
    "IFFT2D": _backward,
    "IRFFT": _to_real,
    "Imag": lambda op, x: x.imag,
    "Mul": _mul,
    "RFFT": _of_real,
    "Real": lambda op, x: x.real,
    "Shape": _shape,
}
"""From an op to what it does to the parts: it takes the op and its inputs."""
