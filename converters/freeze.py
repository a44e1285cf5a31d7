"""Traces a model once and freezes it: the GraphDef that every format starts from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from converters.artifact import hash_file
from converters.freezable import confirm_frozen, refuse_size, refuse_state
from converters.frozen import GRAPH_NAME, RECORD_NAME, FrozenGraph
from converters.graph_clean import clean
from converters.graph_edit import all_nodes
from converters.graph_names import name_ends
from converters.layer_names import LayerNames
from converters.progress import advance
from converters.serial import dumps
from converters.source import OpenModel, SourceModel

if TYPE_CHECKING:
    from tensorflow.core.framework.graph_pb2 import GraphDef

_cache: dict[str, GraphDef] = {}
"""The graph that was used last, by its hash: directories are renamed after they have been filled."""


def freeze(source: SourceModel, out: Path) -> FrozenGraph:
    """Writes the frozen graph of a model into an empty directory.

    The same source gives the same bytes in any process, under the same versions.

    Args:
        source: opened with the options that it carries.
        out: gets `graph.pb` and `frozen.json`; made if it isn't there.

    Raises:
        EdgeproofError: the model changes variables while it runs, holds lookup tables, or its
            weights don't fit into one GraphDef.
    """
    from converters.sources import open_source

    return freeze_model(open_source(source), source.sha256, out)


def freeze_model(model: OpenModel, source_sha256: str, out: Path) -> FrozenGraph:
    """As `freeze`, for a model that is open already."""
    advance("freeze", 0, 3, "trace")
    function = _trace(model)
    refuse_state(function, model)
    refuse_size(function)
    advance("freeze", 1, 3, "variables to constants")
    graph_def = _constants_for_variables(function)
    given = [tensor.name for tensor in function.inputs[: len(model.signature.inputs)]]
    inputs, outputs = name_ends(graph_def, model.signature, given, function.outputs)
    clean(graph_def, list(inputs.values()), list(outputs.values()))
    confirm_frozen(graph_def, model, set(inputs.values()))
    advance("freeze", 2, 3, "write")
    return _write(graph_def, model, source_sha256, out, inputs=inputs, outputs=outputs)


def load_graph_def(graph: FrozenGraph) -> GraphDef:
    """A copy of the frozen graph that the caller may edit."""
    shared = shared_graph_def(graph)
    copy = type(shared)()
    copy.CopyFrom(shared)
    return copy


def shared_graph_def(graph: FrozenGraph) -> GraphDef:
    """The frozen graph, to be read only; read from disk once in a process."""
    import tensorflow as tf

    if graph.sha256 not in _cache:
        loaded = tf.compat.v1.GraphDef()
        loaded.ParseFromString(graph.graph_path.read_bytes())
        _remember(graph.sha256, loaded)
    return _cache[graph.sha256]


def layer_names(graph: FrozenGraph) -> LayerNames:
    """Which layer each node of a frozen graph belongs to."""
    return LayerNames.of_graph(shared_graph_def(graph), graph.layers)


def _remember(sha256: str, graph_def: GraphDef) -> None:
    """Keeps one graph only: a worker converts one model, and graphs are as large as its weights."""
    _cache.clear()
    _cache[sha256] = graph_def


def _trace(model: OpenModel) -> Any:
    """The concrete function from a flat list of inputs to a flat list of outputs."""
    import tensorflow as tf

    names = model.signature.output_names
    specs = [
        tf.TensorSpec(spec.shape, tf.as_dtype(spec.dtype), name=f"input_{index}")
        for index, spec in enumerate(model.signature.inputs)
    ]

    def serve(*inputs: Any) -> list[Any]:
        outputs = model.function(dict(zip(model.signature.input_names, inputs, strict=True)))
        return [tf.convert_to_tensor(outputs[name]) for name in names]

    return tf.function(serve).get_concrete_function(*specs)


def _constants_for_variables(function: Any) -> GraphDef:
    """Freezes and inlines what can be inlined; loops and branches stay functions.

    This is `convert_variables_to_constants_v2_as_graph` of TensorFlow 2.5 to 2.21 without its last
    step, which imports the result into a new graph: that copies every weight twice more, and
    fails on nodes that nothing needs (a recurrent layer inside TimeDistributed).
    """
    from tensorflow.python.framework import convert_to_constants

    data = convert_to_constants._FunctionConverterDataInEager(
        func=function, lower_control_flow=False, aggressive_inlining=True
    )
    graph_def, _ = convert_to_constants._replace_variables_by_constants(converter_data=data)
    if any(node.op.endswith("PartitionedCall") for node in all_nodes(graph_def)):
        graph_def = _inline_calls(graph_def, function)
    return graph_def


def _inline_calls(graph_def: GraphDef, function: Any) -> GraphDef:
    """Inlines calls that ask not to be.

    Keras compiles a grouped convolution with XLA (keras/src/backend/tensorflow/nn.py), and such a
    call is left alone by Grappler. No converter but TFLite's looks into a call.
    """
    import tensorflow as tf
    from tensorflow.core.protobuf import config_pb2, meta_graph_pb2
    from tensorflow.python.grappler import tf_optimizer

    for node in all_nodes(graph_def):
        node.attr.pop("_XlaMustCompile", None)
    for body in graph_def.library.function:
        for key in ("_XlaMustCompile", "_noinline", "api_implements"):
            body.attr.pop(key, None)
    meta_graph = tf.compat.v1.MetaGraphDef(graph_def=graph_def)
    fetches = meta_graph_pb2.CollectionDef()
    fetches.node_list.value.extend(tensor.name for tensor in [*function.inputs, *function.outputs])
    meta_graph.collection_def["train_op"].CopyFrom(fetches)
    config = config_pb2.ConfigProto()
    rewriter = config.graph_options.rewrite_options
    rewriter.min_graph_nodes = -1
    rewriter.optimizers.append("function")
    rewriter.function_optimization = rewriter.AGGRESSIVE
    return tf_optimizer.OptimizeGraph(config, meta_graph)


def _write(
    graph_def: GraphDef,
    model: OpenModel,
    source_sha256: str,
    out: Path,
    *,
    inputs: Mapping[str, str],
    outputs: Mapping[str, str],
) -> FrozenGraph:
    out.mkdir(parents=True, exist_ok=True)
    path = out / GRAPH_NAME
    path.write_bytes(graph_def.SerializeToString(deterministic=True))
    graph = FrozenGraph(
        directory=out,
        sha256=hash_file(path),
        signature=model.signature,
        input_tensors={name: f"{node}:0" for name, node in inputs.items()},
        output_tensors={name: f"{node}:0" for name, node in outputs.items()},
        layers=dict(model.layers),
        source_sha256=source_sha256,
    )
    # Without the place: the same graph in another place has the same record.
    (out / RECORD_NAME).write_text(dumps(replace(graph, directory=Path())), encoding="utf-8")
    _remember(graph.sha256, graph_def)
    return graph
