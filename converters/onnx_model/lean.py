"""Keeps tf2onnx from copying every weight after every optimiser pass."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def constants_in_place() -> Iterator[None]:
    """Inside, a constant whose value is in its node already isn't written into it again.

    tf2onnx 1.17 ends each pass with `Graph.update_proto`, which empties every node and copies its
    attributes back, weights and all: 26 copies of ResNet50, half of the time of its conversion.
    """
    from tf2onnx.graph import Node

    write = Node.update_proto

    def update_proto(node: Any, external_tensor_storage: Any = None) -> None:
        if external_tensor_storage is None and node.is_const() and _is_written(node):
            return
        write(node, external_tensor_storage)
        if node.is_const():
            # From now on the node's attributes are those of its message, not what they were copied from.
            node._attr = {attribute.name: attribute for attribute in node.op.attribute}

    Node.update_proto = update_proto
    try:
        yield
    finally:
        Node.update_proto = write


def _is_written(node: Any) -> bool:
    """Whether a node's message holds the very attributes and the output that the node has."""
    return (
        list(node.op.output) == node.output
        and len(node.op.attribute) == len(node.attr)
        and all(held is node.attr.get(held.name) for held in node.op.attribute)
    )
