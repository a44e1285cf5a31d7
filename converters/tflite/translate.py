"""A GraphDef to the bytes of a flatbuffer, builtin ops only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from converters.errors import EdgeproofError, ExitStatus
from converters.frozen import FrozenGraph
from converters.signature import TensorSpec

if TYPE_CHECKING:
    from tensorflow.core.framework.graph_pb2 import GraphDef


class _Tensor(NamedTuple):
    """What `convert_graphdef` asks of a tensor."""

    name: str
    shape: Any
    dtype: Any


def translate(graph_def: GraphDef, graph: FrozenGraph) -> bytes:
    """Runs TensorFlow's converter on a graph that is frozen already.

    `TFLiteConverter` would freeze again and import the graph twice; what it calls in the end is
    `convert_graphdef`. Infinities stay infinite: the converter's default writes the greatest
    float instead.

    Raises:
        EdgeproofError: an op has no builtin form; names the layer.
    """
    import tensorflow as tf
    from tensorflow.lite.python import convert as tflite_convert

    def tensor(name: str, spec: TensorSpec) -> _Tensor:
        return _Tensor(name, tf.TensorShape(spec.shape), tf.as_dtype(spec.dtype))

    inputs = [tensor(graph.input_tensors[spec.name], spec) for spec in graph.signature.inputs]
    outputs = [tensor(graph.output_tensors[spec.name], spec) for spec in graph.signature.outputs]
    try:
        return bytes(
            tflite_convert.convert_graphdef(
                graph_def,
                inputs,
                outputs,
                target_ops={tflite_convert.OpsSet.TFLITE_BUILTINS},
                enable_tflite_resource_variables=False,
                enable_composite_direct_lowering=True,
                canonicalizing_inf_as_min_max_float=False,
            )
        )
    except tflite_convert.ConverterError as error:
        raise _explained(error, graph) from error


def _explained(error: Any, graph: FrozenGraph) -> EdgeproofError:
    """The converter's complaint with the Keras layers that it is about."""
    from converters.freeze import layer_names

    rows, names = [], layer_names(graph)
    for fault in error.errors:
        op = fault.operator.name
        nodes = [call.name for call in fault.location.call]
        where = f"layer {names.of(nodes[0])} " if nodes else ""
        first_line = fault.error_message.partition("\n")[0]
        rows.append(f"{where}({op}): {first_line}")
    return EdgeproofError(
        "tflite: TensorFlow's converter can't express the model",
        got="\n".join(dict.fromkeys(rows)) or str(error).partition("\n")[0],
        want="ops that TFLite has as builtins",
        fix="replace the layers named above by ones that TFLite has, or leave this target out",
        status=ExitStatus.CONVERSION_FAILED,
    )
