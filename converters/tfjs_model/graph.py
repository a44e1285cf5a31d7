"""From a frozen GraphDef to the graph and weights of a TF.js model, through tensorflowjs' own steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from converters.graph_edit import Scope, all_nodes, make_node, node_of, scopes
from converters.signature import Signature

if TYPE_CHECKING:
    from tensorflow.core.framework.graph_pb2 import GraphDef
    from tensorflow.core.framework.node_def_pb2 import NodeDef
    from tensorflow.core.protobuf.meta_graph_pb2 import SignatureDef

_UNFUSED = {
    "_FusedMatMul": ("MatMul", ("transpose_a", "transpose_b")),
    "_FusedConv2D": ("Conv2D", ("strides", "padding", "dilations", "data_format", "explicit_paddings")),
}
"""From fused op to the plain one and the attributes that they share."""

_UNARY = frozenset({"Relu", "Relu6", "Elu", "Sigmoid", "Tanh"})
"""Activations that Grappler fuses and that are an op of one input by themselves."""


def signature_def(
    signature: Signature, inputs: Mapping[str, str], outputs: Mapping[str, str]
) -> SignatureDef:
    """A signature under the Keras names.

    tensorflowjs finds names by shape and dtype, and gives up where two tensors share them
    (4.22, `_find_signature_def_name`); here they are known.

    Args:
        signature: of the model.
        inputs: from each Keras name to its tensor ("x:0").
        outputs: likewise.
    """
    import tensorflow as tf
    from tensorflow.core.protobuf import meta_graph_pb2

    message = meta_graph_pb2.SignatureDef()
    for rows, specs, names in (
        (message.inputs, signature.inputs, inputs),
        (message.outputs, signature.outputs, outputs),
    ):
        for spec in specs:
            rows[spec.name].name = names[spec.name]
            rows[spec.name].dtype = tf.as_dtype(spec.dtype).as_datatype_enum
            rows[spec.name].tensor_shape.CopyFrom(tf.TensorShape(spec.shape).as_proto())
    return message


def optimize(graph_def: GraphDef, signature: SignatureDef) -> GraphDef:
    """Folds batch norms, fuses convolutions and matrix products with what follows, folds constants."""
    from converters.tfjs_model.vendor import graph_conversion

    graph = _outline(graph_def, signature)
    optimized = graph_conversion().optimize_graph(graph, signature, skip_op_check=True)
    _keep_inputs(optimized, graph_def, signature)
    split_sums(optimized)
    return optimized


def _outline(graph_def: GraphDef, signature: SignatureDef) -> Any:
    """What `optimize_graph` asks of a graph: its GraphDef, and operations for the outputs.

    To import the GraphDef would copy every weight twice, in and out again.
    """
    import tensorflow as tf

    class Outline(tf.Graph):
        def as_graph_def(self, *settings: Any, **more: Any) -> GraphDef:
            return graph_def

    with Outline().as_default() as graph:
        for name in {tensor.name.partition(":")[0] for tensor in signature.outputs.values()}:
            tf.no_op(name=name)
    return graph


def split_sums(graph_def: GraphDef) -> None:
    """Takes sums that add no vector of biases out of fused products and convolutions, in place.

    Grappler takes any sum for a bias: an unrolled LSTM has one product as the bias of another,
    MobileNetV3's hard sigmoid a scalar. TF.js 4.22 stops on wasm: "_FusedMatMul only supports rank-1
    bias but got rank 3". Only constant vectors stay.
    """
    for scope in scopes(graph_def):
        vectors = {node.name for node in scope.nodes if node.op == "Const" and _rank(node) == 1}
        for node in [node for node in scope.nodes if node.op in _UNFUSED]:
            fused = [name.decode() for name in node.attr["fused_ops"].list.s]
            is_sum = len(node.input) == 3 and node_of(node.input[2]) not in vectors
            if is_sum and fused[0] == "BiasAdd" and set(fused[1:]) <= _UNARY:
                _split(scope, node, fused[1:])


def _split(scope: Scope, node: NodeDef, activations: list[str]) -> None:
    """Writes a fused op as itself, AddV2 and activations, the last under the node's name."""
    dtype = {"T": node.attr["T"]}
    plain, kept = _UNFUSED[node.op]
    flags = {key: node.attr[key] for key in kept if key in node.attr}
    product = scope.add(make_node(plain, f"{node.name}/product", node.input[:2], **dtype, **flags))
    steps = [("AddV2", [product, node.input[2]]), *((name, []) for name in activations)]
    for index, (op, inputs) in enumerate(steps[:-1]):
        result = scope.add(make_node(op, f"{node.name}/step_{index}", inputs, **dtype))
        steps[index + 1] = (steps[index + 1][0], [result])
    op, inputs = steps[-1]
    old = scope.output(node)
    node.CopyFrom(make_node(op, node.name, inputs, **dtype))
    scope.rewire(old, scope.output(node))


def _rank(node: NodeDef) -> int:
    return len(node.attr["value"].tensor.tensor_shape.dim)


def extract_weights(graph_def: GraphDef) -> list[dict[str, Any]]:
    """The constants, functions' too; they are emptied in the graph."""
    from converters.tfjs_model.vendor import graph_conversion

    [entries] = graph_conversion().extract_weights(graph_def)
    return entries


def unknown_ops(graph_def: GraphDef) -> list[tuple[str, str]]:
    """Name and op of every node that TF.js can't run, by tensorflowjs' own list of ops."""
    from converters.tfjs_model.vendor import graph_conversion

    missing = graph_conversion().validate(graph_def, skip_op_check=False, strip_debug_ops=False)
    return [(node.name, node.op) for node in all_nodes(graph_def) if node.op in missing]


def _keep_inputs(optimized: GraphDef, graph_def: GraphDef, signature: SignatureDef) -> None:
    """Puts back placeholders that nothing uses: TF.js refuses a feed that names an absent one."""
    present = {node.name for node in optimized.node}
    wanted = {tensor.name.partition(":")[0] for tensor in signature.inputs.values()}
    for node in graph_def.node:
        if node.name in wanted - present:
            optimized.node.append(node)


def as_json(message: Any) -> Any:
    """A protobuf message in its JSON form."""
    from google.protobuf.json_format import MessageToDict

    return MessageToDict(message)
