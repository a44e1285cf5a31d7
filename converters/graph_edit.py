"""Edits of a GraphDef: what every pass and the freezing step have in common.

A GraphDef names a tensor "node" or "node:1"; a function in its library names it
"node:output:0", or by the bare name of an argument. Edits that touch both say so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tensorflow.core.framework.function_pb2 import FunctionDef
    from tensorflow.core.framework.graph_pb2 import GraphDef
    from tensorflow.core.framework.node_def_pb2 import NodeDef

Nodes = Any
"""The `node` field of a GraphDef or the `node_def` field of a FunctionDef."""


def node_of(tensor: str) -> str:
    """Name of the node that makes a tensor: "a" for "a:0", "a:out:0" and "^a"."""
    return tensor.removeprefix("^").partition(":")[0]


def plain(tensor: str) -> str:
    """A GraphDef tensor name in its shortest form: "a" for "a:0"."""
    return tensor.removesuffix(":0")


@dataclass(frozen=True)
class Scope:
    """The main graph or one function of its library, edited in the same words.

    Attributes:
        nodes: its nodes.
        function: None for the main graph.
    """

    nodes: Nodes
    function: FunctionDef | None

    def output(self, node: NodeDef, index: int = 0) -> str:
        """Name of a node's output, for ops whose outputs are single tensors."""
        if self.function is None:
            return f"{node.name}:{index}" if index else node.name
        from tensorflow.python.framework import op_def_registry

        return f"{node.name}:{op_def_registry.get(node.op).output_arg[index].name}:0"

    def list_output(self, node: NodeDef, index: int) -> str:
        """Name of one of the tensors of an op whose only output is a list ("output")."""
        if self.function is None:
            return f"{node.name}:{index}" if index else node.name
        return f"{node.name}:output:{index}"

    def imported(self, node: NodeDef, tensor: str, name: str) -> str:
        """What a function's tensor is called here, once its node has been copied under `name`.

        Args:
            node: the function's node.
            tensor: one of its outputs, as functions spell it: "node:argument:2".
        """
        _, argument, index = tensor.split(":")
        if self.function is not None:
            return f"{name}:{argument}:{index}"
        flat = _outputs_before(node, argument) + int(index)
        return f"{name}:{flat}" if flat else name

    def add(self, node: NodeDef) -> str:
        """Appends a node, under a fresh name if its own is taken; gives its first output."""
        node.name = fresh_name(node.name, (other.name for other in self.nodes))
        self.nodes.append(node)
        return self.output(node)

    def rewire(self, old: str, new: str) -> None:
        """Lets every consumer of one tensor take another."""
        for node in self.nodes:
            for index, name in enumerate(node.input):
                if name == old:
                    node.input[index] = new
        if self.function is not None:
            for key, name in self.function.ret.items():
                if name == old:
                    self.function.ret[key] = new


def _outputs_before(node: NodeDef, argument: str) -> int:
    """How many tensors an op gives before those of one of its output arguments."""
    from tensorflow.python.framework import op_def_registry

    count = 0
    for output in op_def_registry.get(node.op).output_arg:
        if output.name == argument:
            break
        if output.number_attr:
            count += node.attr[output.number_attr].i
        elif output.type_list_attr:
            count += len(node.attr[output.type_list_attr].list.type)
        else:
            count += 1
    return count


def scopes(graph_def: GraphDef) -> Iterator[Scope]:
    """The main graph, then each function in the library."""
    yield Scope(graph_def.node, None)
    for function in graph_def.library.function:
        yield Scope(function.node_def, function)


def all_nodes(graph_def: GraphDef) -> Iterator[NodeDef]:
    """Every node, those inside functions too."""
    for scope in scopes(graph_def):
        yield from scope.nodes


def called_functions(node: NodeDef) -> Iterator[str]:
    """Names of the functions that a node calls, in the order of its attributes' names."""
    for key in sorted(node.attr):
        value = node.attr[key]
        if value.HasField("func"):
            yield value.func.name
        for func in value.list.func:
            yield func.name


def make_node(op: str, name: str, inputs: Iterable[str], **attrs: Any) -> NodeDef:
    """A node; an attribute is a dtype (`DType`), int, bool, or an AttrValue."""
    import tensorflow as tf

    node = tf.compat.v1.NodeDef(op=op, name=name, input=list(inputs))
    for key, value in attrs.items():
        if isinstance(value, tf.DType):
            node.attr[key].type = value.as_datatype_enum
        elif isinstance(value, bool):
            node.attr[key].b = value
        elif isinstance(value, int):
            node.attr[key].i = value
        elif isinstance(value, bytes):
            node.attr[key].s = value
        else:
            node.attr[key].CopyFrom(value)
    return node


def make_const(name: str, value: Any, dtype: Any) -> NodeDef:
    """A constant of any shape."""
    import tensorflow as tf

    node = tf.compat.v1.NodeDef(op="Const", name=name)
    node.attr["dtype"].type = tf.as_dtype(dtype).as_datatype_enum
    node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value, dtype=dtype))
    return node


def fresh_name(wanted: str, taken: Iterable[str]) -> str:
    """`wanted`, with a number behind it if the name is taken."""
    used = set(taken)
    if wanted not in used:
        return wanted
    number = 1
    while f"{wanted}_{number}" in used:
        number += 1
    return f"{wanted}_{number}"


def rename_nodes(nodes: Nodes, names: Mapping[str, str]) -> None:
    """Renames nodes of the main graph and everything that refers to them, all at once."""
    for node in nodes:
        node.name = names.get(node.name, node.name)
        for index, tensor in enumerate(node.input):
            if (old := node_of(tensor)) in names:
                head = "^" if tensor.startswith("^") else ""
                node.input[index] = head + names[old] + tensor.removeprefix("^")[len(old) :]


def keep_nodes(nodes: Nodes, wanted: Iterable[str]) -> None:
    """Drops every node that isn't named, in place."""
    names = set(wanted)
    for index in range(len(nodes) - 1, -1, -1):
        if nodes[index].name not in names:
            del nodes[index]


def reachable(nodes: Nodes, roots: Iterable[str]) -> set[str]:
    """Names of the nodes that the roots depend on, the roots included."""
    inputs = {node.name: node.input for node in nodes}
    found: set[str] = set()
    todo = [node_of(root) for root in roots]
    while todo:
        name = todo.pop()
        if name in inputs and name not in found:
            found.add(name)
            todo.extend(node_of(tensor) for tensor in inputs[name])
    return found


def function_named(graph_def: GraphDef, name: str) -> FunctionDef:
    """A function of the library."""
    return next(f for f in graph_def.library.function if f.signature.name == name)
