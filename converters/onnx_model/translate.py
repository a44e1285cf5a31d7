"""From a frozen GraphDef to an ONNX model, through tf2onnx."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from converters.onnx_model.lean import constants_in_place
from converters.onnx_model.steady import steady_order

if TYPE_CHECKING:
    from onnx import ModelProto
    from tensorflow.compat.v1 import GraphDef

_log = logging.getLogger(__name__)


def translate(
    graph_def: GraphDef, inputs: Mapping[str, str], outputs: Mapping[str, str], opset: int
) -> ModelProto:
    """The ONNX model of a frozen graph, its ends renamed.

    tf2onnx 1.17 copies the whole graph, weights and all, before each of about forty optimiser passes,
    to have something to go back to when a pass raises (`optimizer/__init__.py`, `catch_errors`):
    most of the time and memory of a conversion. So the passes first run without that net; if one
    raises, the graph is translated again with it.

    Args:
        graph_def: without variables.
        inputs: from each tensor of the graph ("x:0") to its name in the model.
        outputs: likewise.
        opset: of the ONNX domain.

    Raises:
        ValueError, KeyError, …: whatever tf2onnx raises on an op that it can't translate.
    """
    import tensorflow as tf
    from tf2onnx.tf_loader import tf_optimize

    with tf.Graph().as_default():
        folded = tf_optimize([*inputs], [*outputs], graph_def)
    with steady_order(), constants_in_place(), tf.Graph().as_default() as tf_graph:
        tf.import_graph_def(folded, name="")
        del folded
        graph = _process(tf_graph, inputs, outputs, opset)
        try:
            return _optimize(graph, catch_errors=False)
        except Exception:
            _log.warning("a tf2onnx pass failed; translating again with copies", exc_info=True)
        return _optimize(_process(tf_graph, inputs, outputs, opset), catch_errors=True)


def culprit(error: BaseException) -> str | None:
    """Name of the TensorFlow node that tf2onnx was translating when it raised; None if that can't be told.

    tf2onnx (1.17) logs the name and leaves it out of the exception. But each of its handlers takes
    the node as an argument of this name.
    """
    from tf2onnx.graph import Node

    traceback = error.__traceback__
    while traceback is not None:
        frame = traceback.tb_frame
        # The loop over all nodes has gone on since, and is at another one.
        if frame.f_code.co_name != "tensorflow_onnx_mapping" and isinstance(frame.f_locals.get("node"), Node):
            return frame.f_locals["node"].name
        traceback = traceback.tb_next
    return None


def _process(tf_graph: Any, inputs: Mapping[str, str], outputs: Mapping[str, str], opset: int) -> Any:
    from tf2onnx.tfonnx import process_tf_graph

    graph = process_tf_graph(
        tf_graph,
        opset=opset,
        input_names=[*inputs],
        output_names=[*outputs],
        tensors_to_rename={**inputs, **outputs},
    )
    _group_convolutions(graph)
    return graph


def _optimize(graph: Any, *, catch_errors: bool) -> ModelProto:
    from tf2onnx import optimizer

    optimizers = OrderedDict(optimizer._get_optimizers())
    optimizers["optimize_transpose"] = _careful_transpose_optimizer()
    graph = optimizer.optimize_graph(graph, catch_errors, optimizers=optimizers)
    return graph.make_model("", graph_name="edgeproof")


def _group_convolutions(graph: Any) -> None:
    """Sets `group` on convolutions whose filter reads a part of the channels.

    TensorFlow's Conv2D is grouped when the filter has fewer input channels than the input;
    tf2onnx 1.17 leaves the attribute at 1, which no runtime accepts.
    """
    for inner in (graph, *_bodies(graph)):
        for node in inner.get_nodes():
            if node.type != "Conv":
                continue
            channels, filter_shape = (inner.get_shape(name) for name in node.input[:2])
            if channels and filter_shape and filter_shape[1] > 0 and channels[1] > filter_shape[1]:
                node.set_attr("group", channels[1] // filter_shape[1])


def _bodies(graph: Any) -> Iterator[Any]:
    for node in graph.get_nodes():
        for body in node.get_body_graphs().values() if node.get_body_graphs() else ():
            yield body
            yield from _bodies(body)


def _careful_transpose_optimizer() -> type[Any]:
    """tf2onnx's transpose optimiser without two faults of its handlers (1.17, also on main).

    `_add_handler` folds an added constant into a convolution's bias when the constant's greatest dimension
    equals the number of filters: a scalar makes it raise ("max() iterable argument is empty",
    MobileNetV3), and a constant that varies along height or width, where that happens to have
    as many elements as there are filters, becomes a bias, which is wrong.

    `_mul_handler` moves a transpose behind x * x and leaves the product its old shape. Where height and
    width are 1 the transpose then becomes a reshape from that, which puts the channels into the
    place of the width: every LayerNorm on such a map is wrong (ConvNeXt on small pictures).
    """
    from tf2onnx.optimizer.transpose_optimizer import TransposeOptimizer

    class CarefulTransposeOptimizer(TransposeOptimizer):
        def _add_handler(self, trans, node):
            if node.inputs[1].is_const():
                shape = node.inputs[1].get_tensor_value(as_list=False).shape
                if not shape or any(size != 1 for size in shape[:-1]):
                    return self._handle_node_having_branches(trans, node)
            return super()._add_handler(trans, node)

        def _mul_handler(self, trans, node):
            shape = self._g.get_shape(node.output[0])
            moved = super()._mul_handler(trans, node)
            if moved and shape and node.input[0] == node.input[1]:
                inverse = np.argsort(trans.get_attr_value("perm"))
                self._g.set_shape(node.output[0], [shape[axis] for axis in inverse])
            return moved

    return CarefulTransposeOptimizer
