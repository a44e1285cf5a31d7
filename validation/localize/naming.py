"""Which tensors of a file bear the name of one of the original's, or of its layer."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping

from validation.localize.file_graph import FileGraph
from validation.localize.original_graph import Boundary, OriginalGraph

_DIGITS = re.compile(r"\d+$")


def candidates(original: OriginalGraph, file: FileGraph) -> Callable[[Boundary], list[str]]:
    """Gives the keys of the tensors that may be what a boundary hands on, as far as names tell."""
    exact, by_layer, named = _by_name(original, file)

    def find(boundary: Boundary) -> list[str]:
        alike = exact.get(boundary.tensor) or by_layer.get(boundary.layer, [])
        return [_handed_on(_end_of_name(key, file, named, alike), file, named) for key in alike]

    return find


def _by_name(
    original: OriginalGraph, file: FileGraph
) -> tuple[dict[str, list[str]], dict[str, list[str]], set[str]]:
    """Keys by the tensor that they are named after, and by the layer whose last op gives them; all such."""
    exact: dict[str, list[str]] = {}
    makers: dict[str, str] = {}
    for op in file.ops:
        layers = [original.layer(node) for node in map(_node(original), op.weights) if node]
        for key in op.outputs:
            nodes = [node for node in map(_node(original), file.tensors[key].names) if node]
            last = max(nodes, key=lambda node: original.rank(node) or 0, default=None)
            if last is not None:
                exact.setdefault(last, []).append(key)
            named = original.layer(last) if last is not None else next(iter(layers), "")
            if named:
                makers[key] = named
    return exact, _last_of_layers(file, makers), {*makers}


def _end_of_name(key: str, file: FileGraph, named: Collection[str], alike: Collection[str]) -> str:
    """The last tensor of the same name that alone goes on from a tensor.

    What is put behind a layer may branch: noise is drawn for its result, and multiplied with it.

    Args:
        named: tensors that bear any name.
        alike: those that bear the same one, as both ends of what was put in between do.
    """
    ends, made, done, end = {*file.outputs.values()}, {key}, set[int](), key
    last = max(file.makers[other] for other in alike)  # no op behind it gives a tensor of that name
    while waiting := {n for tensor in made for n in file.takers.get(tensor, ()) if n <= last} - done:
        number = min(waiting)
        op = file.ops[number]
        own = all(k in alike or not (k in named or op.weights) for k in op.outputs)
        if not own or not made.issuperset(op.inputs):
            break
        done.add(number)
        made.update(op.outputs)
        going_on = [k for k in made if k in ends or not done.issuperset(file.takers.get(k, ()))]
        if len(going_on) == 1 and going_on[0] in alike:
            [end] = going_on
    return end


def _handed_on(key: str, file: FileGraph, named: Collection[str]) -> str:
    """The last tensor before another one: ops of no layer (layout, casts) belong to the one before.

    Args:
        named: tensors that bear any name.
    """
    while len(file.takers.get(key, ())) == 1 and key not in file.outputs.values():
        op = file.ops[file.takers[key][0]]
        if set(op.inputs) != {key} or len(op.outputs) != 1 or op.outputs[0] in named or op.weights:
            break
        key = op.outputs[0]
    return key


def _node(original: OriginalGraph) -> Callable[[str], str | None]:
    """From a name in a file to the node of the graph, or None.

    What converters make of one node is named below it: "x/Softplus/add" belongs to "x/Softplus".
    """

    def find(name: str) -> str | None:
        scopes = [name[: match.start()] for match in re.finditer("/", name)]
        for candidate in (name, name.removesuffix(":0"), _DIGITS.sub("", name), *reversed(scopes)):
            if original.rank(candidate) is not None:
                return candidate
        return None

    return find


def _last_of_layers(file: FileGraph, makers: Mapping[str, str]) -> dict[str, list[str]]:
    """Tensors that leave their layer."""
    takers: dict[str, set[str]] = {}
    for op in file.ops:
        layer = next((makers[key] for key in op.outputs if key in makers), "")
        for key in op.inputs:
            takers.setdefault(key, set()).add(layer)
    found: dict[str, list[str]] = {}
    for key, layer in makers.items():
        if takers.get(key, {""}) != {layer}:
            found.setdefault(layer, []).append(key)
    return found
