"""Walks a graph and its functions in the order of execution and replaces list ops."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from converters.graph_edit import Scope, function_named, keep_nodes, make_const, make_node, node_of
from converters.passes.element_shape import Shape, first_written, sizes_of

if TYPE_CHECKING:
    from tensorflow.core.framework.function_pb2 import FunctionDef
    from tensorflow.core.framework.graph_pb2 import GraphDef
    from tensorflow.core.framework.node_def_pb2 import NodeDef

HANDLED = frozenset(
    {
        "TensorListFromTensor",
        "TensorListGetItem",
        "TensorListReserve",
        "TensorListSetItem",
        "TensorListStack",
        "TensorListLength",
    }
)
LOOPS = frozenset({"While", "StatelessWhile"})


class UnknownShapeError(Exception):
    """Nothing tells which shape the elements of a list will have."""


@dataclass(frozen=True)
class ListType:
    """What is known of a list.

    Attributes:
        dtype: of its elements, as a DataType number.
        element: shape of an element; None for an unknown rank.
        reserve: the node that made it, while its elements' shape is still to be found.
    """

    dtype: int
    element: Shape
    reserve: NodeDef | None = None


Types = dict[str, ListType]


@dataclass
class ListRewriter:
    """One run over one graph; each function is rewritten once."""

    graph_def: GraphDef
    loops: int = 0
    writes: dict[tuple[str, str], str] = field(default_factory=dict)
    rewritten: set[str] = field(default_factory=set)

    def rewrite(self, scope: Scope, types: Types) -> None:
        """Replaces the list ops of a scope; `types` tells which tensors are lists, and grows."""
        gone: set[str] = set()
        for node in in_order(scope.nodes):
            if node.op in LOOPS:
                self._loop(scope, node, types)
            elif node.op in HANDLED:
                _REPLACE[node.op](self, scope, node, types)
                gone |= {node.name} if node.op in HANDLED - {"TensorListReserve"} else set()
            elif node.op == "Identity" and node.input[0] in types:
                types[scope.output(node)] = types[node.input[0]]
                node.attr["T"].type = types[node.input[0]].dtype
        keep_nodes(scope.nodes, {node.name for node in scope.nodes} - gone)

    def from_tensor(self, scope: Scope, node: NodeDef, types: Types) -> None:
        element = constant_shape(scope, node.input[1])
        scope.rewire(scope.output(node), node.input[0])
        types[node.input[0]] = ListType(node.attr["element_dtype"].type, element)

    def get_item(self, scope: Scope, node: NodeDef, types: Types) -> None:
        axis = scope.add(make_const(f"{node.name}/axis", 0, "int32"))
        gather = make_node(
            "GatherV2", f"{node.name}/item", [node.input[0], node.input[1], axis], batch_dims=0
        )
        gather.attr["Tparams"].type = types[node.input[0]].dtype
        set_int32(gather, "Tindices", "Taxis")
        scope.rewire(scope.output(node), scope.add(gather))

    def reserve(self, scope: Scope, node: NodeDef, types: Types) -> None:
        """Marks the list; what it is filled with is known once the loop that writes it is."""
        kind = ListType(node.attr["element_dtype"].type, constant_shape(scope, node.input[0]), node)
        if kind.element is not None and None not in kind.element:
            sizes = make_const(f"{node.name}/element", list(kind.element), "int32")
            fill(scope, node, scope.add(sizes))
            kind = replace(kind, reserve=None)
        types[scope.output(node)] = kind

    def set_item(self, scope: Scope, node: NodeDef, types: Types) -> None:
        values, index, item = node.input[:3]
        kind = types[values]
        if scope.function is not None:
            self.writes[scope.function.signature.name, values] = item
        if kind.element is None:
            raise UnknownShapeError(f"{node.name} writes elements of unknown rank")
        if kind.reserve is not None:
            fill(scope, kind.reserve, sizes_of(scope, node.name, item, kind.element, kind.dtype))
            values = node.input[0]
        axis = scope.add(make_const(f"{node.name}/axis", 0, "int32"))
        row = make_node("ExpandDims", f"{node.name}/row", [item, axis])
        row.attr["T"].type = kind.dtype
        set_int32(row, "Tdim")
        rank = len(kind.element)
        start = make_node("Pack", f"{node.name}/start", [index], N=1 + rank, axis=0)
        zero = scope.add(make_const(f"{node.name}/zero", 0, "int32"))
        start.input.extend([zero] * rank)
        set_int32(start, "T")
        update = make_node(
            "XlaDynamicUpdateSlice", f"{node.name}/update", [values, scope.add(row), scope.add(start)]
        )
        update.attr["T"].type = kind.dtype
        set_int32(update, "Tindices")
        updated = scope.add(update)
        scope.rewire(scope.output(node), updated)
        types[updated] = replace(kind, reserve=None)

    def stack(self, scope: Scope, node: NodeDef, types: Types) -> None:
        if types[node.input[0]].reserve is not None:
            raise UnknownShapeError(f"{node.name} stacks a list that no loop wrote")
        scope.rewire(scope.output(node), node.input[0])

    def length(self, scope: Scope, node: NodeDef, types: Types) -> None:
        sizes = make_node("Shape", f"{node.name}/shape", [node.input[0]])
        sizes.attr["T"].type = types[node.input[0]].dtype
        set_int32(sizes, "out_type")
        zero = scope.add(make_const(f"{node.name}/zero", 0, "int32"))
        first = make_node("GatherV2", f"{node.name}/first", [scope.add(sizes), zero, zero], batch_dims=0)
        set_int32(first, "Tparams", "Tindices", "Taxis")
        scope.rewire(scope.output(node), scope.add(first))

    def _loop(self, scope: Scope, loop: NodeDef, types: Types) -> None:
        """Rewrites a loop's functions, makes the lists that it writes, and retypes all of it."""
        self.loops += 1
        lists = {k: types[name] for k, name in enumerate(loop.input) if name in types}
        body = function_named(self.graph_def, loop.attr["body"].func.name)
        cond = function_named(self.graph_def, loop.attr["cond"].func.name)
        inside = {k: replace(kind, reserve=None) for k, kind in lists.items()}
        for function in (body, cond):
            self._rewrite_function(function, inside)
        for k, kind in lists.items():
            if kind.reserve is not None:
                argument = body.signature.input_arg[k].name
                item = self.writes.get((body.signature.name, argument))
                if item is None or kind.element is None:
                    raise UnknownShapeError(f"{loop.name} doesn't write {argument} itself")
                first = first_written(scope, loop, body, item)
                fill(scope, kind.reserve, sizes_of(scope, loop.name, first, kind.element, kind.dtype))
        for k, kind in inside.items():
            loop.attr["T"].list.type[k] = kind.dtype
            if "output_shapes" in loop.attr and len(loop.attr["output_shapes"].list.shape) > k:
                set_shape(loop.attr["output_shapes"].list.shape[k], kind.element)
            types[scope.list_output(loop, k)] = kind

    def _rewrite_function(self, function: FunctionDef, lists: dict[int, ListType]) -> None:
        if function.signature.name in self.rewritten:
            return
        self.rewritten.add(function.signature.name)
        arguments = function.signature.input_arg
        self.rewrite(Scope(function.node_def, function), {arguments[k].name: t for k, t in lists.items()})
        for k, kind in lists.items():
            ends = [arguments[k]]
            if len(function.signature.output_arg) == len(arguments):
                ends.append(function.signature.output_arg[k])
            for end in ends:
                end.type = kind.dtype
                end.ClearField("experimental_full_type")
                end.ClearField("handle_data")
            if k in function.arg_attr and "_output_shapes" in function.arg_attr[k].attr:
                shapes = function.arg_attr[k].attr["_output_shapes"].list.shape
                set_shape(shapes[0], kind.element)


_REPLACE = {
    "TensorListFromTensor": ListRewriter.from_tensor,
    "TensorListGetItem": ListRewriter.get_item,
    "TensorListReserve": ListRewriter.reserve,
    "TensorListSetItem": ListRewriter.set_item,
    "TensorListStack": ListRewriter.stack,
    "TensorListLength": ListRewriter.length,
}


def in_order(nodes: Iterable[NodeDef]) -> list[NodeDef]:
    """Nodes, each after those that it takes its inputs from."""
    by_name = {node.name: node for node in nodes}
    found: dict[str, NodeDef] = {}
    for root in list(by_name):
        todo = [root]
        while todo:
            name = todo[-1]
            inputs = [node_of(tensor) for tensor in by_name[name].input]
            open_ = [node for node in inputs if node in by_name and node not in found]
            if open_:
                todo.extend(open_)
            else:
                found.setdefault(todo.pop(), by_name[name])
    return list(found.values())


def constant_shape(scope: Scope, tensor: str) -> Shape:
    """Shape that a constant spells out, -1 for what is unknown; None for an unknown rank."""
    import tensorflow as tf

    nodes = {node.name: node for node in scope.nodes}
    node = nodes.get(node_of(tensor))
    if node is None or node.op != "Const":
        return None
    value = tf.make_ndarray(node.attr["value"].tensor)
    return None if value.ndim == 0 else tuple(None if size < 0 else int(size) for size in value)


def fill(scope: Scope, reserve: NodeDef, sizes: str) -> None:
    """Turns a TensorListReserve into a tensor of zeros; `sizes` is the shape of an element."""
    import tensorflow as tf

    dtype = tf.as_dtype(reserve.attr["element_dtype"].type)
    old, name = scope.output(reserve), reserve.name
    axis = scope.add(make_const(f"{name}/axis", 0, "int32"))
    count = make_node("ExpandDims", f"{name}/count", [reserve.input[1], axis])
    set_int32(count, "T", "Tdim")
    shape = make_node("ConcatV2", f"{name}/sizes", [scope.add(count), sizes, axis], N=2)
    set_int32(shape, "T", "Tidx")
    zero = scope.add(make_const(f"{name}/zero", 0, dtype))
    filled = make_node("Fill", name, [scope.add(shape), zero], T=dtype)
    set_int32(filled, "index_type")
    reserve.CopyFrom(filled)
    scope.rewire(old, scope.output(reserve))


def set_int32(node: Any, *keys: str) -> None:
    import tensorflow as tf

    for key in keys:
        node.attr[key].type = tf.int32.as_datatype_enum


def set_shape(proto: Any, element: Shape) -> None:
    """Shape of a whole list: any number of elements."""
    proto.Clear()
    if element is None:
        proto.unknown_rank = True
        return
    for size in (None, *element):
        proto.dim.add(size=-1 if size is None else size)
