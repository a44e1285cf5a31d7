"""The shape of what a loop writes into a list, computed before the loop runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from converters.graph_edit import Scope, fresh_name, make_const, make_node, node_of, reachable

if TYPE_CHECKING:
    from tensorflow.core.framework.function_pb2 import FunctionDef
    from tensorflow.core.framework.node_def_pb2 import NodeDef

Shape: TypeAlias = "tuple[int | None, ...] | None"


def first_written(scope: Scope, loop: NodeDef, body: FunctionDef, item: str) -> str:
    """A tensor ahead of the loop that has the shape of the elements which the loop writes.

    Where the item is also the next value of a loop variable (the state of most recurrent cells),
    it has the shape of that variable's first value. Otherwise the item of the first step is
    computed once ahead of the loop, for its shape alone.

    Args:
        scope: where the loop stands; gets new nodes.
        item: the tensor in the body.
    """
    twin = _state_like(loop, body, item)
    return twin if twin is not None else _first_step(scope, loop, body, item)


def sizes_of(scope: Scope, prefix: str, tensor: str, known: Shape, dtype: int) -> str:
    """Name of an int32 vector with the shape of a tensor; sizes that are known are constants in it.

    Args:
        known: shape as far as it is static, None for an unknown rank.
        dtype: of the tensor, as a DataType number.
    """
    import tensorflow as tf

    shape = make_node("Shape", f"{prefix}/element_shape", [tensor], out_type=tf.int32)
    shape.attr["T"].type = dtype
    vector = scope.add(shape)
    if not known:
        return vector
    sizes = [_size(scope, prefix, vector, axis, size) for axis, size in enumerate(known)]
    packed = make_node("Pack", f"{prefix}/element_sizes", sizes, N=len(sizes), axis=0, T=tf.int32)
    return scope.add(packed)


def _size(scope: Scope, prefix: str, vector: str, axis: int, size: int | None) -> str:
    """One dimension: a constant where it is known, so that converters see it."""
    import tensorflow as tf

    if size is not None:
        return scope.add(make_const(f"{prefix}/size_{axis}", size, "int32"))
    index = scope.add(make_const(f"{prefix}/size_{axis}_index", axis, "int32"))
    zero = scope.add(make_const(f"{prefix}/size_{axis}_axis", 0, "int32"))
    attrs = {"Tparams": tf.int32, "Tindices": tf.int32, "Taxis": tf.int32, "batch_dims": 0}
    return scope.add(make_node("GatherV2", f"{prefix}/size_{axis}_value", [vector, index, zero], **attrs))


def _state_like(loop: NodeDef, body: FunctionDef, item: str) -> str | None:
    """First value of a loop variable whose next value is the item."""
    sources = {f"{node.name}:output:0": node.input[0] for node in body.node_def if node.op == "Identity"}

    def source(tensor: str) -> str:
        while tensor in sources:
            tensor = sources[tensor]
        return tensor

    for k, argument in enumerate(body.signature.output_arg):
        if source(body.ret[argument.name]) == source(item):
            return loop.input[k]
    return None


def _first_step(scope: Scope, loop: NodeDef, body: FunctionDef, item: str) -> str:
    """Copies what the item depends on to where the loop stands, with the loop's first values."""
    arguments = {arg.name: loop.input[k] for k, arg in enumerate(body.signature.input_arg)}
    if item in arguments:
        return arguments[item]
    nodes = {node.name: node for node in body.node_def}
    taken = {node.name for node in scope.nodes}
    names: dict[str, str] = {}
    for old in sorted(reachable(body.node_def, [item])):
        names[old] = fresh_name(f"{loop.name}/first/{old}", taken)
        taken.add(names[old])

    def moved(tensor: str) -> str:
        old = node_of(tensor)
        if old in arguments:
            return arguments[old]
        return scope.imported(nodes[old], tensor, names[old])

    for old, new in names.items():
        copy = type(nodes[old])()
        copy.CopyFrom(nodes[old])
        copy.name = new
        inputs = [moved(tensor) for tensor in nodes[old].input]
        del copy.input[:]
        copy.input.extend(inputs)
        scope.nodes.append(copy)
    return moved(item)
