"""One op of a traced graph, made again in the graph that is being traced: in float64, or as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from validation.truth.kernels import has_kernel

Values = list[Any]


class NoTwinError(Exception):
    """An op can't be taken to float64; says which and why."""


def in_float64(op: Any, inputs: Values) -> Values:
    """An op's outputs in float64.

    Raises:
        NoTwinError: it has no float64 kernel and no written-out form.
    """
    import tensorflow as tf

    from validation.truth.composed import COMPOSED

    composed = COMPOSED.get(op.type)
    if composed is not None and any(is_low(tensor.dtype) for tensor in (*op.inputs, *op.outputs)):
        return composed(op, inputs)
    if any(tensor.dtype == tf.resource for tensor in op.inputs):
        return [raised(result) for result in as_it_is(op, inputs)]
    return _made(op, inputs, _raised_attributes(op), [raised_dtype(t.dtype) for t in op.outputs])


def as_it_is(op: Any, inputs: Values) -> Values:
    """An op's outputs in its own dtypes, from inputs in these.

    Raises:
        NoTwinError: it can't be made in another graph.
    """
    return _made(op, inputs, dict(op.node_def.attr), [tensor.dtype for tensor in op.outputs])


def _made(op: Any, inputs: Values, attributes: Mapping[str, Any], dtypes: Sequence[Any]) -> Values:
    import tensorflow as tf

    wanted = {key: value for key, value in attributes.items() if not key.startswith("_")}
    graph = tf.compat.v1.get_default_graph()
    try:
        return list(
            graph._create_op_internal(op.type, inputs, list(dtypes), name=op.name, attrs=wanted).outputs
        )
    except (TypeError, ValueError, tf.errors.OpError) as error:
        raise NoTwinError(f"{op.type} at {op.name}: {error}") from error


def _raised_attributes(op: Any) -> dict[str, Any]:
    """Attributes with float64 in the place of coarser floats, for which there is a kernel."""
    import tensorflow as tf

    types: dict[str, Any] = {}
    for definition in op.op_def.attr:
        if definition.type == "type":
            types[definition.name] = raised_dtype(op.get_attr(definition.name))
        elif definition.type == "list(type)":
            types[definition.name] = [raised_dtype(dtype) for dtype in op.get_attr(definition.name)]
    if not has_kernel(op.type, types):
        raise NoTwinError(f"{op.type} at {op.name} has no float64 kernel")
    attributes = dict(op.node_def.attr)
    for name, value in types.items():
        attribute = tf.compat.v1.AttrValue()
        if isinstance(value, list):
            attribute.list.type.extend(dtype.as_datatype_enum for dtype in value)
        else:
            attribute.type = value.as_datatype_enum
        attributes[name] = attribute
    return attributes


def is_low(dtype: Any) -> bool:
    """A float dtype that float64 holds all of."""
    return dtype.is_floating and dtype.size < 8


def raised_dtype(dtype: Any) -> Any:
    """What a twin has in the place of a `tf.DType`."""
    import tensorflow as tf

    if dtype == tf.complex64:
        return tf.complex128
    return tf.float64 if is_low(dtype) else dtype


def raised(value: Any) -> Any:
    """A value in the dtype that a twin has for it."""
    import tensorflow as tf

    return tf.cast(value, raised_dtype(value.dtype))
