"""Takes everything out of a frozen GraphDef that is not arithmetic or differs from run to run."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from converters.graph_edit import (
    Nodes,
    all_nodes,
    called_functions,
    fresh_name,
    keep_nodes,
    plain,
    reachable,
    rename_nodes,
)

if TYPE_CHECKING:
    from tensorflow.core.framework.function_pb2 import FunctionDef
    from tensorflow.core.framework.graph_pb2 import GraphDef

ARGUMENT_ATTRIBUTES = frozenset({"_output_shapes"})
"""Underscored attributes of function arguments that carry meaning; those of nodes carry none."""


def clean(graph_def: GraphDef, inputs: Collection[str], outputs: Collection[str]) -> None:
    """Reduces a frozen graph, in place, to the arithmetic between its inputs and outputs.

    Control inputs order side effects, and a frozen graph has none. Left in, they stop TF.js
    ("Cannot compute the outputs") and keep dead nodes alive.

    Args:
        graph_def: without variables.
        inputs: names of the placeholders, kept even where nothing uses them.
        outputs: names of the nodes that give the outputs, all kept.
    """
    drop_control_inputs(graph_def)
    drop_debug_attributes(graph_def)
    bypass_identities(graph_def, outputs)
    prune(graph_def, [*inputs, *outputs])
    name_captures(graph_def)
    name_functions(graph_def)


def drop_control_inputs(graph_def: GraphDef) -> None:
    for node in all_nodes(graph_def):
        data = [name for name in node.input if not name.startswith("^")]
        if len(data) != len(node.input):
            del node.input[:]
            node.input.extend(data)
    for function in graph_def.library.function:
        function.control_ret.clear()
        del function.signature.control_output[:]


def drop_debug_attributes(graph_def: GraphDef) -> None:
    """Devices, stack traces, and attributes that begin with an underscore (hints for a runtime)."""
    for node in all_nodes(graph_def):
        node.device = ""
        node.ClearField("experimental_debug_info")
        for key in [key for key in node.attr if key.startswith("_")]:
            del node.attr[key]
    for function in graph_def.library.function:
        function.attr.clear()
        for argument in function.arg_attr.values():
            for key in set(argument.attr) - ARGUMENT_ATTRIBUTES:
                del argument.attr[key]


def bypass_identities(graph_def: GraphDef, outputs: Collection[str]) -> None:
    """Lets consumers of an Identity take its input; the outputs themselves stay nodes."""
    sources = {node.name: plain(node.input[0]) for node in graph_def.node if node.op == "Identity"}
    for node in graph_def.node:
        for index, name in enumerate(node.input):
            source = plain(name)
            while source in sources:
                source = sources[source]
            node.input[index] = source
    keep_nodes(graph_def.node, {n.name for n in graph_def.node if n.op != "Identity"} | set(outputs))
    for function in graph_def.library.function:
        _bypass_in_function(function)


def _bypass_in_function(function: FunctionDef) -> None:
    """As in the main graph; what a function returns stays a node, as TF.js wants it."""
    sources = {f"{node.name}:output:0": node.input[0] for node in function.node_def if node.op == "Identity"}
    for node in function.node_def:
        for index, name in enumerate(node.input):
            source = name
            while source in sources:
                source = sources[source]
            node.input[index] = source


def prune(graph_def: GraphDef, roots: Collection[str]) -> None:
    """Drops nodes that no root needs, then functions that no node calls."""
    keep_nodes(graph_def.node, reachable(graph_def.node, roots))
    for function in graph_def.library.function:
        keep_nodes(function.node_def, reachable(function.node_def, function.ret.values()))
    alive = {function.signature.name for function in _callees_first(graph_def)}
    library = graph_def.library.function
    for index in range(len(library) - 1, -1, -1):
        if library[index].signature.name not in alive:
            del library[index]
    del graph_def.library.gradient[:]
    del graph_def.library.registered_gradients[:]


def name_captures(graph_def: GraphDef) -> None:
    """Renames constants that a call captured: TensorFlow calls them by a count, "conv2d/33"."""
    taken = {node.name for node in graph_def.node}
    names: dict[str, str] = {}
    for node in graph_def.node:
        scope, _, last = node.name.rpartition("/")
        if node.op == "Const" and last.isdecimal():
            names[node.name] = fresh_name(f"{scope}/constant".lstrip("/"), taken)
            taken.add(names[node.name])
    rename_nodes(graph_def.node, names)


def name_arguments(function: FunctionDef) -> None:
    """Numbers a function's arguments, some of which carry a count of what was traced before."""
    taken = {node.name for node in function.node_def}
    names: dict[str, str] = {}
    for index, argument in enumerate(function.signature.input_arg):
        names[argument.name] = fresh_name(f"argument_{index}", taken)
        argument.name = names[argument.name]
    for node in function.node_def:
        for index, tensor in enumerate(node.input):
            node.input[index] = names.get(tensor, tensor)
    returned = [
        names.get(function.ret[out.name], function.ret[out.name]) for out in function.signature.output_arg
    ]
    function.ret.clear()
    for index, (out, tensor) in enumerate(zip(function.signature.output_arg, returned, strict=True)):
        out.name = f"result_{index}"
        function.ret[out.name] = tensor


def name_functions(graph_def: GraphDef) -> None:
    """Renames functions, whose names carry a count of everything the process traced before.

    The new name ends in a hash of the body: TensorFlow refuses to hold two functions of one name
    and different bodies in one process, and every model has its "while_body".
    """
    names: dict[str, str] = {}
    for function in _callees_first(graph_def):
        old = function.signature.name
        _rename_calls(function.node_def, names)
        name_arguments(function)
        function.signature.name = ""
        digest = hashlib.sha256(function.SerializeToString(deterministic=True)).hexdigest()[:12]
        stem = re.sub(r"(_frozen)?(_\d+)*$", "", old.removeprefix("__inference_")).lstrip("_")
        names[old] = function.signature.name = f"{stem or 'function'}_{digest}"
    _rename_calls(graph_def.node, names)
    unique = {function.signature.name: function for function in graph_def.library.function}
    library = [unique[name] for name in sorted(unique)]
    del graph_def.library.function[:]
    graph_def.library.function.extend(library)


def _rename_calls(nodes: Nodes, names: Mapping[str, str]) -> None:
    for node in nodes:
        for value in node.attr.values():
            if value.HasField("func"):
                value.func.name = names[value.func.name]
            for func in value.list.func:
                func.name = names[func.name]


def _callees_first(graph_def: GraphDef) -> list[FunctionDef]:
    """Functions that the main graph calls, directly or not, each after those that it calls."""
    library = {f.signature.name: f for f in graph_def.library.function}
    found: dict[str, FunctionDef] = {}

    def visit(nodes: Nodes) -> None:
        for node in nodes:
            for name in called_functions(node):
                if name not in found:
                    visit(library[name].node_def)
                    found[name] = library[name]

    visit(graph_def.node)
    return list(found.values())


def placeholders(graph_def: GraphDef) -> set[str]:
    """Names of the main graph's inputs."""
    return {node.name for node in graph_def.node if node.op.startswith("Placeholder")}
