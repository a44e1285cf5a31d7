"""TensorLists become plain tensors, so that loops keep a dynamic batch and time in TFLite.

TensorFlow keeps what a loop reads and writes step by step in TensorLists. TFLite has none:
its converter (TF 2.21) lowers them only where every element's shape is static, so that a model
with a dynamic batch stops at "'tf.TensorListReserve' op requires element_shape to be static".
Here a list of n elements becomes one tensor with n in front:

    TensorListFromTensor(t)      t
    TensorListGetItem(l, i)      GatherV2(l, i)
    TensorListReserve(n)         Fill([n, *shape of an element], 0)
    TensorListSetItem(l, i, x)   XlaDynamicUpdateSlice(l, x[None], [i, 0, …]), a TFLite builtin
    TensorListStack(l)           l
    TensorListLength(l)          Shape(l)[0]

Lists that grow, shrink or are made some other way stay as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from converters.graph_edit import Scope, all_nodes
from converters.passes.list_rewriter import HANDLED, ListRewriter, UnknownShapeError

if TYPE_CHECKING:
    from tensorflow.core.framework.graph_pb2 import GraphDef


def apply(graph_def: GraphDef) -> list[str]:
    lists = {node.op for node in all_nodes(graph_def) if "TensorList" in node.op}
    if not lists or lists - HANDLED:
        return []
    trial = type(graph_def)()
    trial.CopyFrom(graph_def)
    rewriter = ListRewriter(trial)
    try:
        rewriter.rewrite(Scope(trial.node, None), {})
    except UnknownShapeError as error:
        return [f"loop lists stay as they are: {error}"]
    graph_def.CopyFrom(trial)
    return [f"{rewriter.loops} loop(s) keep their steps in plain tensors, so batch and time stay dynamic"]
