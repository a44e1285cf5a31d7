"""Which ops TensorFlow can run on the CPU in float64, by its own kernel registry."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

DEVICES = ("CPU", "DEFAULT")


def has_kernel(op: str, types: Mapping[str, Any]) -> bool:
    """Whether an op has a CPU kernel for these types.

    Args:
        op: its type, such as "Conv2D".
        types: its type attributes, each a `tf.DType` or a list of them.
    """
    return any(_allows(kernel, types) for kernel in _kernels(op))


@cache
def _kernels(op: str) -> tuple[Any, ...]:
    from tensorflow.python.framework import kernels

    return tuple(k for k in kernels.get_registered_kernels_for_op(op).kernel if k.device_type in DEVICES)


def _allows(kernel: Any, types: Mapping[str, Any]) -> bool:
    for constraint in kernel.constraint:
        if constraint.name not in types:
            continue
        wanted, allowed = types[constraint.name], set(constraint.allowed_values.list.type)
        each = wanted if isinstance(wanted, list) else [wanted]
        if any(dtype.as_datatype_enum not in allowed for dtype in each):
            return False
    return True
