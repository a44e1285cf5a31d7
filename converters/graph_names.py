"""Gives the inputs and outputs of a graph the names that the Keras model gives them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from converters.graph_edit import fresh_name, make_node, node_of, plain, rename_nodes
from converters.signature import Signature

if TYPE_CHECKING:
    from tensorflow.core.framework.graph_pb2 import GraphDef


def name_ends(
    graph_def: GraphDef, signature: Signature, inputs: Sequence[str], outputs: Sequence[Any]
) -> tuple[dict[str, str], dict[str, str]]:
    """Renames placeholders and adds one Identity for each output, in place.

    An Identity of its own for each output keeps two outputs apart that are the same tensor, and an
    output that is an input.

    Args:
        inputs: names of the placeholders' tensors, in the signature's order.
        outputs: what was traced (name and dtype), likewise.

    Returns:
        From each Keras name to its node, for inputs and for outputs.
    """
    input_names = _safe_names(signature.input_names, ())
    output_names = _safe_names(signature.output_names, input_names.values())
    ends = {*input_names.values(), *output_names.values()}
    given = [node_of(tensor) for tensor in inputs]
    renamed = _make_room(graph_def, ends, set(given))
    renamed.update(zip(given, input_names.values(), strict=True))
    rename_nodes(graph_def.node, renamed)
    for spec, tensor in zip(signature.outputs, outputs, strict=True):
        node, _, index = plain(tensor.name).partition(":")
        source = ":".join(filter(None, (renamed.get(node, node), index)))
        identity = make_node("Identity", output_names[spec.name], [source], T=tensor.dtype)
        graph_def.node.append(identity)
    return input_names, output_names


def safe_name(name: str) -> str:
    """A name that GraphDef accepts for a node, without scopes."""
    cleaned = re.sub(r"[^A-Za-z0-9_.-]", "_", name)
    return cleaned if re.match(r"[A-Za-z0-9.]", cleaned) else f"n{cleaned}"


def _safe_names(names: Sequence[str], taken: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in names:
        found[name] = fresh_name(safe_name(name), [*taken, *found.values()])
    return found


def _make_room(graph_def: GraphDef, wanted: set[str], inputs: set[str]) -> dict[str, str]:
    """New names for other nodes that have a name which an input or output is to get."""
    taken = {node.name for node in graph_def.node} | wanted
    moves: dict[str, str] = {}
    for node in graph_def.node:
        if node.name in wanted and node.name not in inputs:
            moves[node.name] = fresh_name(f"{node.name}/inner", [*taken, *moves.values()])
    return moves
