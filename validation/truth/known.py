"""Values that are known when a graph is traced: constants, and weights as they are now."""

from __future__ import annotations

from typing import Any

import numpy as np


def are_long(tensor: Any) -> bool:
    """Whether a tensor is known to hold a number of more than 8 bits, as bfloat16 has.

    Args:
        tensor: of the graph that is being traced.
    """
    import tensorflow as tf

    value = _value(tensor)
    return value is not None and bool(np.any(value.astype(tf.bfloat16.as_numpy_dtype) != value))


def _value(tensor: Any) -> np.ndarray | None:
    import tensorflow as tf

    while tensor.op.type in ("Cast", "Identity", "Reshape"):
        tensor = tensor.op.inputs[0]
    if tensor.op.type == "Const":
        return np.asarray(tf.make_ndarray(tensor.op.get_attr("value")))
    if tensor.op.type == "ReadVariableOp":
        handle = _outer(tensor.op.inputs[0])
        if handle is None:
            return None
        with tf.init_scope():
            return np.asarray(tf.raw_ops.ReadVariableOp(resource=handle, dtype=tensor.dtype))
    value = _outer(tensor)
    return None if value is None else np.asarray(value)


def _outer(tensor: Any) -> Any:
    """What a function's graph captured from outside of all graphs; None without, as in a plain graph."""
    import tensorflow as tf

    captures = getattr(tensor.graph, "captures", ())
    found = (outer for outer, inner in captures if inner is tensor)
    outer = next(found, None)
    return outer if isinstance(outer, tf.__internal__.EagerTensor) else None
