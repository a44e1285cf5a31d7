"""Replaces ops of a GraphDef by expressions that are written in TensorFlow.

    graft(graph_def, {"Softsign": lambda node, x: x / (1 + tf.abs(x))})

The expression is traced with placeholders that have the shapes and dtypes found in the graph, and
its nodes are put in the op's place, under the op's name as their scope.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from converters.graph_edit import Scope, make_node, node_of, scopes

if TYPE_CHECKING:
    from tensorflow.core.framework.graph_pb2 import GraphDef
    from tensorflow.core.framework.node_def_pb2 import NodeDef

LARGE_BYTES = 1 << 16
"""Constants above this are weights: an expression learns their shape, not their values."""

Expression = Callable[..., Any]
"""From a node and its inputs (tf.Tensor) to what replaces its first output, or None to leave it.

It is called in a graph of its own, and builds its result there.
"""


def graft(graph_def: GraphDef, expressions: Mapping[str, Expression]) -> Counter[str]:
    """Replaces every op that has an expression, in place, inside functions too.

    Args:
        graph_def: any; ops replaced must have one output that is used.
        expressions: by op.

    Returns:
        How often each op was replaced.
    """
    done: Counter[str] = Counter()
    if not any(node.op in expressions for scope in scopes(graph_def) for node in scope.nodes):
        return done
    known = _Shapes(graph_def)
    for scope in scopes(graph_def):
        for node in [node for node in scope.nodes if node.op in expressions]:
            traced = _trace(expressions[node.op], node, known.inputs(scope, node))
            if traced is not None:
                done[node.op] += 1
                _replace(scope, node, *traced)
    return done


class _Shapes:
    """Shapes and dtypes of the tensors of a GraphDef, as TensorFlow infers them."""

    def __init__(self, graph_def: GraphDef) -> None:
        self._main = shape_graph(graph_def)
        self._loops = dict(_loop_shapes(graph_def))
        self._functions: dict[str, Any] = {}

    def inputs(self, scope: Scope, node: NodeDef) -> list[Any]:
        """The value of each input of a node where it is a small constant, else a TensorSpec."""
        graph = self._main if scope.function is None else self._function(scope)
        tensors = graph.get_operation_by_name(node.name).inputs
        return [_value_or_spec(tensor) for tensor in tensors]

    def _function(self, scope: Scope) -> Any:
        from tensorflow.python.framework.function_def_to_graph import function_def_to_graph

        assert scope.function is not None
        name = scope.function.signature.name
        if name not in self._functions:
            with self._main.as_default():
                self._functions[name] = function_def_to_graph(
                    scope.function, input_shapes=self._loops.get(name), include_library_functions=True
                )
        return self._functions[name]


def shape_graph(graph_def: GraphDef) -> Any:
    """A tf.Graph of the same shapes, with placeholders for constants that are too large to matter."""
    import tensorflow as tf

    with tf.Graph().as_default() as graph:
        tf.import_graph_def(_without_weights(graph_def), name="")
    return graph


def _without_weights(graph_def: GraphDef) -> GraphDef:
    import tensorflow as tf

    light = tf.compat.v1.GraphDef(library=graph_def.library, versions=graph_def.versions)
    for node in graph_def.node:
        if node.op == "Const" and node.ByteSize() > LARGE_BYTES:
            value = node.attr["value"].tensor
            twin = make_node("Placeholder", node.name, (), dtype=tf.as_dtype(value.dtype))
            twin.attr["shape"].shape.CopyFrom(value.tensor_shape)
            light.node.append(twin)
        else:
            light.node.append(node)
    return light


def _value_or_spec(tensor: Any) -> Any:
    import tensorflow as tf

    value = tf.get_static_value(tensor)
    if value is None and tensor.dtype.is_integer and tensor.shape.rank in (0, 1) and _is_fixed(tensor.op):
        with tf.compat.v1.Session(graph=tensor.graph) as session:
            value = session.run(tensor)
    return tf.TensorSpec(tensor.shape, tensor.dtype) if value is None else value


def _is_fixed(op: Any) -> bool:
    """Whether it is made of constants alone, as the sizes that `tf.repeat` reshapes and packs."""
    if op.type == "Const":
        return True
    return bool(op.inputs) and not op.op_def.is_stateful and all(_is_fixed(tensor.op) for tensor in op.inputs)


def _loop_shapes(graph_def: GraphDef) -> Iterator[tuple[str, list[Any]]]:
    """Shapes of what a loop carries, for its body and its condition."""
    for scope in scopes(graph_def):
        for node in scope.nodes:
            if node.op in ("While", "StatelessWhile") and node.attr["output_shapes"].list.shape:
                for key in ("body", "cond"):
                    yield node.attr[key].func.name, list(node.attr["output_shapes"].list.shape)


def _trace(expression: Expression, node: NodeDef, specs: list[Any]) -> tuple[GraphDef, list[str], str] | None:
    """The expression's graph, the names of its placeholders, and of its result ("a:0")."""
    import tensorflow as tf

    with tf.Graph().as_default() as graph:
        inputs = [
            tf.compat.v1.placeholder(spec.dtype, spec.shape, f"input_{index}")
            if isinstance(spec, tf.TensorSpec)
            else tf.constant(spec, name=f"input_{index}")
            for index, spec in enumerate(specs)
        ]
        result = expression(node, *inputs)
    if result is None:
        return None
    return graph.as_graph_def(), [tensor.op.name for tensor in inputs], result.name


def _replace(scope: Scope, node: NodeDef, traced: GraphDef, placeholders: list[str], result: str) -> None:
    """Puts traced nodes in the place of one node."""
    references = {f"{name}:0": given for name, given in zip(placeholders, node.input, strict=True)}
    old = scope.output(node)
    insert(scope, traced, references, f"{node.name}/")
    scope.rewire(old, references[result])
    index = next(i for i, other in enumerate(scope.nodes) if other.name == node_of(old))
    del scope.nodes[index]


def insert(scope: Scope, traced: GraphDef, references: dict[str, str], prefix: str = "") -> None:
    """Appends traced nodes, all but placeholders.

    Args:
        references: from each placeholder's tensor ("a:0") to what the scope calls it; gets the others.
        prefix: of the new names.
    """
    for inner in traced.node:
        if f"{inner.name}:0" in references:
            continue
        inner_name = inner.name
        inner.input[:] = [references[name if ":" in name else f"{name}:0"] for name in inner.input]
        inner.name = f"{prefix}{inner_name}"
        scope.add(inner)
        for index, reference in enumerate(_outputs(scope, scope.nodes[-1])):
            references[f"{inner_name}:{index}"] = reference


def _outputs(scope: Scope, node: NodeDef) -> list[str]:
    """References to a node's outputs, as the main graph or a function spells them."""
    from tensorflow.python.framework import op_def_registry

    names = []
    for argument in op_def_registry.get(node.op).output_arg:
        count = node.attr[argument.number_attr].i if argument.number_attr else 1
        names += [f"{node.name}:{argument.name}:{index}" for index in range(count)]
    if scope.function is not None:
        return names
    return [f"{node.name}:{index}" if index else node.name for index in range(len(names))]
