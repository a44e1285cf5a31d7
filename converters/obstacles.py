"""What stands in the way of a target, found in the frozen graph before anything is converted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module

from converters.errors import EdgeproofError, ExitStatus
from converters.frozen import FrozenGraph
from converters.target import ExportTarget


@dataclass(frozen=True, slots=True)
class Obstacle:
    """An op that a target has no form for, once every cure has been applied.

    Attributes:
        layer: the Keras layer that the op belongs to.
        op: TensorFlow's name of the op.
        target: what can't be made.
        why: one sentence.
        fix: what the user can do.
    """

    layer: str
    op: str
    target: ExportTarget
    why: str
    fix: str

    def __str__(self) -> str:
        return f"layer {self.layer} ({self.op}): {self.why}"


def find_obstacles(graph: FrozenGraph, target: ExportTarget) -> tuple[Obstacle, ...]:
    """Everything in the graph that the target's format can't hold; each layer and op once."""
    from converters.freeze import load_graph_def
    from converters.graph_edit import all_nodes, layer_of
    from converters.passes import apply_passes

    unsupported: Mapping[str, tuple[str, str]] = import_module(f"converters.to_{target.format}").UNSUPPORTED
    graph_def = load_graph_def(graph)
    apply_passes(graph_def, target.format)
    found: dict[tuple[str, str], Obstacle] = {}
    for node in all_nodes(graph_def):
        if node.op in unsupported:
            layer = layer_of(node.name, graph.layers)
            found[layer, node.op] = Obstacle(layer, node.op, target, *unsupported[node.op])
    return tuple(found.values())


def refuse_obstacles(graph: FrozenGraph, target: ExportTarget) -> None:
    """Raises one error that names every obstacle, if there are any."""
    obstacles = find_obstacles(graph, target)
    if not obstacles:
        return
    fixes = dict.fromkeys(f"{obstacle.op}: {obstacle.fix}" for obstacle in obstacles)
    raise EdgeproofError(
        f"{target}: the model has {len(obstacles)} op(s) that {target.format} can't express",
        got="\n".join(map(str, obstacles)),
        want=f"ops that {target.format} runs without extensions",
        fix="\n".join(fixes),
        status=ExitStatus.CONVERSION_FAILED,
    )
