"""What can't be frozen, refused with the layer that it is in: state, lookup tables, and what is too large."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from converters.errors import EdgeproofError, ExitStatus
from converters.graph_edit import all_nodes
from converters.layer_names import LayerNames
from converters.source import OpenModel

if TYPE_CHECKING:
    from tensorflow.core.framework.graph_pb2 import GraphDef

PROTOBUF_LIMIT = 2**31 - 1
"""Bytes that one protobuf message may have; a GraphDef is one message."""

GRAPH_MARGIN = 64 * 2**20
"""Bytes left for everything in a GraphDef that is not a weight."""

STATE_OPS = frozenset(
    {
        "AssignVariableOp",
        "AssignAddVariableOp",
        "AssignSubVariableOp",
        "ResourceScatterUpdate",
        "ResourceScatterAdd",
        "Assign",
        "AssignAdd",
        "AssignSub",
        "StatefulUniform",
        "StatefulStandardNormalV2",
        "RngReadAndSkip",
    }
)
"""Ops that change a variable while the model runs; a frozen graph has no variables to change."""

RESOURCE_OPS = frozenset(
    {"VarHandleOp", "ReadVariableOp", "ResourceGather", "VariableV2", "HashTableV2", "LookupTableFindV2"}
)
"""Ops that read what a frozen graph doesn't have."""


def refuse_state(function: Any, model: OpenModel) -> None:
    """Raises if a traced function changes variables, or draws numbers at random."""
    graph_def = function.graph.as_graph_def()
    for node in all_nodes(graph_def):
        if node.op in STATE_OPS:
            layer = LayerNames.of_graph(graph_def, model.layers).of(node.name)
            raise EdgeproofError(
                f"layer {layer}: changes its state while the model runs",
                got=f"{node.op} at {node.name}",
                want="a model whose answer depends on its inputs alone",
                fix="build the layer with stateful=False, or pass the state in and out as tensors; "
                "replace random numbers at inference by inputs",
                status=ExitStatus.CONVERSION_FAILED,
            )


def refuse_size(function: Any) -> None:
    """Raises if the variables of a traced function don't fit into one graph."""
    weights = list(function.graph.variables)
    total = sum(variable.shape.num_elements() * variable.dtype.size for variable in weights)
    if total > PROTOBUF_LIMIT - GRAPH_MARGIN:
        raise EdgeproofError(
            f"the model's weights have {total:,} bytes",
            got=f"{len(weights)} variables of {total / 2**30:.2f} GiB in all",
            want=f"at most {(PROTOBUF_LIMIT - GRAPH_MARGIN) / 2**30:.2f} GiB, "
            "what one TensorFlow graph with constants can hold",
            fix="split the model into parts, or store its weights in a smaller dtype",
            status=ExitStatus.CONVERSION_FAILED,
        )


def confirm_frozen(graph_def: GraphDef, model: OpenModel, inputs: set[str]) -> None:
    """Raises unless everything in the graph comes from its inputs and constants."""
    import tensorflow as tf

    resource = tf.resource.as_datatype_enum
    for node in all_nodes(graph_def):
        extra_input = node.op.startswith("Placeholder") and node.name not in inputs
        takes_resource = any(value.type == resource for value in node.attr.values())
        if not (extra_input or takes_resource or node.op in RESOURCE_OPS):
            continue
        layer = LayerNames.of_graph(graph_def, model.layers).of(node.name)
        raise EdgeproofError(
            f"layer {layer}: holds something that can't be made a constant",
            got=f"{node.op} at {node.name}",
            want="weights and arithmetic only, no lookup table, hash table or variable",
            fix="move vocabulary lookups out of the model and give it their integer results",
            status=ExitStatus.CONVERSION_FAILED,
        )
