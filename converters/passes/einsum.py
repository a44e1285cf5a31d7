"""Einsum of two operands becomes Transpose, Reshape and one matrix product.

Keras' MultiHeadAttention, GroupedQueryAttention and EinsumDense trace to Einsum. TF.js 4.22 has no
wasm kernel for it ("Kernel 'Einsum' not registered for backend 'wasm'").
Equations with a label twice in one operand, with a label that only one operand has and the result
lacks, or with ellipses of different lengths, stay as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_letters
from typing import TYPE_CHECKING, Any

from converters.graph_graft import graft

if TYPE_CHECKING:
    from tensorflow.core.framework.graph_pb2 import GraphDef
    from tensorflow.core.framework.node_def_pb2 import NodeDef


def apply(graph_def: GraphDef) -> list[str]:
    count = graft(graph_def, {"Einsum": _product})["Einsum"]
    return [f"{count} Einsum written as matrix product(s)"] if count else []


@dataclass(frozen=True)
class _Labels:
    """An equation's labels by role, each in the order of the result or of the left operand."""

    left: str
    right: str
    result: str

    @property
    def batch(self) -> str:
        return "".join(c for c in self.result if c in self.left and c in self.right)

    @property
    def summed(self) -> str:
        return "".join(c for c in self.left if c in self.right and c not in self.result)

    @property
    def rows(self) -> str:
        return "".join(c for c in self.result if c in self.left and c not in self.right)

    @property
    def columns(self) -> str:
        return "".join(c for c in self.result if c in self.right and c not in self.left)

    @property
    def is_product(self) -> bool:
        operands = (self.left, self.right, self.result)
        if any(len(set(labels)) != len(labels) for labels in operands):
            return False
        return set(self.left) | set(self.right) == set(self.batch + self.summed + self.rows + self.columns)


def _product(node: NodeDef, *operands: Any) -> Any:
    import tensorflow as tf

    equation = _spelled_out(node.attr["equation"].s.decode().replace(" ", ""), operands)
    if len(operands) != 2 or "." in equation:
        return None
    terms, _, result = equation.partition("->")
    left_labels, right_labels = terms.split(",")
    labels = _Labels(left_labels, right_labels, result)
    if not labels.is_product:
        return None
    left, right = operands
    sizes = {**_sizes(labels.right, right), **_sizes(labels.left, left)}
    batch, rows, summed, columns = labels.batch, labels.rows, labels.summed, labels.columns
    a = _arranged(left, labels.left, (*batch, rows, summed), sizes)
    b = _arranged(right, labels.right, (*batch, summed, columns), sizes)
    product = tf.matmul(a, b)
    order = batch + rows + columns
    if len(rows) != 1 or len(columns) != 1:
        product = tf.reshape(product, _stacked([sizes[label] for label in order]))
    return _transposed(product, order, result)


def _spelled_out(equation: str, operands: Sequence[Any]) -> str:
    """The equation with labels for its ellipses; as it is where they don't stand for the same sizes."""
    terms = equation.partition("->")[0].split(",")
    found = []
    for term, operand in zip(terms, operands, strict=True):
        if "..." in term:
            if operand.shape.rank is None:
                return equation
            start = term.index("...")
            found.append(operand.shape.as_list()[start : operand.shape.rank - len(term) + start + 3])
    if not found or any(sizes != found[0] for sizes in found):
        return equation
    unused = [letter for letter in ascii_letters if letter not in equation]
    return equation.replace("...", "".join(unused[: len(found[0])]))


def _sizes(labels: str, operand: Any) -> dict[str, Any]:
    """From each label to its size: an int where it is known, else a scalar tensor."""
    import tensorflow as tf

    static = operand.shape.as_list() if operand.shape.rank is not None else [None] * len(labels)
    shape: Any = tf.shape(operand) if None in static else None
    return {
        label: shape[index] if size is None else size
        for index, (label, size) in enumerate(zip(labels, static, strict=True))
    }


def _arranged(operand: Any, labels: str, groups: tuple[str, ...], sizes: dict[str, Any]) -> Any:
    """The operand with its labels in the order of `groups`, one dimension for each group."""
    import tensorflow as tf

    operand = _transposed(operand, labels, "".join(groups))
    if all(len(group) == 1 for group in groups):
        return operand
    return tf.reshape(operand, _stacked([_size(group, sizes) for group in groups]))


def _size(group: str, sizes: dict[str, Any]) -> Any:
    total: Any = 1
    for label in group:
        total = total * sizes[label]
    return total


def _transposed(tensor: Any, labels: str, wanted: str) -> Any:
    import tensorflow as tf

    order = [labels.index(label) for label in wanted]
    return tensor if order == sorted(order) else tf.transpose(tensor, order)


def _stacked(sizes: list[Any]) -> Any:
    """A shape; -1 stands for the only size that isn't known, so that no Shape op is needed."""
    import tensorflow as tf

    unknown = [index for index, size in enumerate(sizes) if not isinstance(size, int)]
    if len(unknown) == 1:
        return [-1 if index == unknown[0] else size for index, size in enumerate(sizes)]
    return tf.stack(sizes)
