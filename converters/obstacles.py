"""What stands in the way of a target, found in the frozen graph before anything is converted."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from converters.errors import EdgeproofError, ExitStatus
from converters.frozen import FrozenGraph
from converters.target import ExportTarget

if TYPE_CHECKING:
    from tensorflow.core.framework.graph_pb2 import GraphDef
    from tensorflow.core.framework.node_def_pb2 import NodeDef


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
    from converters.freeze import load_graph_def, shared_graph_def
    from converters.passes import apply_passes

    if not _obstacles(shared_graph_def(graph), graph, target):
        return ()
    cured = load_graph_def(graph)
    apply_passes(cured, target.format)
    return _obstacles(cured, graph, target)


def _obstacles(graph_def: GraphDef, graph: FrozenGraph, target: ExportTarget) -> tuple[Obstacle, ...]:
    from converters.graph_edit import all_nodes
    from converters.layer_names import LayerNames

    names = LayerNames.of_graph(graph_def, graph.layers)
    found: dict[tuple[str, str], Obstacle] = {}
    for node in all_nodes(graph_def):
        reason = _reason(node, target.format)
        if reason is not None:
            layer = names.of(node.name)
            found[layer, node.op] = Obstacle(layer, node.op, target, *reason)
    return tuple(found.values())


def _reason(node: NodeDef, format: str) -> tuple[str, str] | None:
    """Why a format can't hold a node, and what to do.

    A converter lists whole ops in `UNSUPPORTED`; one that also minds the type of their elements
    has a function `unsupported(op, dtype)` instead.
    """
    import tensorflow as tf

    converter = import_module(f"converters.to_{format}")
    if hasattr(converter, "unsupported"):
        # Asking a protobuf map for a key that it lacks would put the key there.
        dtype = tf.as_dtype(node.attr["T"].type).name if "T" in node.attr and node.attr["T"].type else None
        return converter.unsupported(node.op, dtype)
    return converter.UNSUPPORTED.get(node.op)


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
