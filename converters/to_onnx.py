"""ONNX: float32 from the frozen graph, float16 from the float32 file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from converters.artifact import Artifact, record_files
from converters.errors import EdgeproofError, ExitStatus
from converters.frozen import ConversionOptions, FrozenGraph
from converters.onnx_model.unsupported import UNSUPPORTED, unsupported
from converters.signature import Signature
from converters.target import ExportTarget

if TYPE_CHECKING:
    from onnx import ModelProto
    from tensorflow.core.framework.graph_pb2 import GraphDef

__all__ = ["UNSUPPORTED", "confirm", "convert", "derive", "unsupported"]

ENTRY = "model.onnx"

DEFAULT_OPSET = 18
"""The newest opset that tf2onnx 1.17 emits (`tf2onnx.constants.OPSET_TO_IR_VERSION` ends there).

ONNX Runtime 1.31 and ONNX Runtime Web 1.30 run it and newer ones, so tf2onnx sets the limit.
"""

OPSETS = range(13, DEFAULT_OPSET + 1)
"""Opsets that may be asked for; older ones lack operators that common layers need."""

_TOOLS = ("tensorflow", "tf2onnx", "onnx", "onnxruntime", "onnxconverter-common")


def convert(graph: FrozenGraph, out: Path, options: ConversionOptions) -> Artifact:
    """Writes `onnx:float32` into an empty directory.

    Inputs keep the layout of the Keras model; inputs and outputs have its names and order.

    Raises:
        EdgeproofError: the opset isn't one of `OPSETS`, or tf2onnx can't translate an op.
    """
    from converters.freeze import load_graph_def
    from converters.onnx_model.canonical import canonicalize
    from converters.onnx_model.ends import complete_ends
    from converters.onnx_model.padding import protect_padding
    from converters.passes import apply_passes

    target = ExportTarget("onnx", "float32")
    opset = _checked_opset(options.opset)
    graph_def = load_graph_def(graph)
    notes = [*apply_passes(graph_def, "onnx")]
    names = _names_in_file(graph.signature)
    model = _translate(graph_def, graph, names, opset)
    del graph_def
    _refuse_untranslated(model, graph, target)
    faults = complete_ends(model, graph.signature, names)
    if faults:
        raise _fault(target, "tf2onnx changed shapes", "; ".join(faults), str(graph.signature))
    canonicalize(model, graph.signature.input_names, [*names.values()])
    notes += protect_padding(model, opset)
    return _write(model, target, out, names, notes)


def derive(base: Artifact, target: ExportTarget, out: Path, options: ConversionOptions) -> Artifact:
    """Writes `onnx:float16` from the float32 artifact: inputs and outputs stay float32.

    Raises:
        EdgeproofError: the model has no float32 weight.
    """
    import onnx

    from converters.onnx_model.canonical import canonicalize
    from converters.onnx_model.half import halve, has_float32_weights

    model = onnx.load(base.entry_path)
    if not has_float32_weights(model):
        raise EdgeproofError(
            f"{target}: there is no weight to store in fewer bits",
            got="no float32 constant of more than one element",
            want="a model with float32 weights",
            fix=f"take {base.target}",
            status=ExitStatus.CONVERSION_FAILED,
        )
    model, notes = halve(model)
    canonicalize(model, base.signature.input_names, [*base.output_names.values()])
    return _write(model, target, out, base.output_names, [*base.notes, *notes])


def confirm(artifact: Artifact) -> None:
    """Opens the file again and holds it against what the artifact claims.

    Raises:
        EdgeproofError: the file is invalid, ONNX Runtime doesn't load it, it holds NaN, or has
            other names, shapes or another precision than claimed.
    """
    import onnx

    from converters.onnx_model import reopen

    model = onnx.load(artifact.entry_path)
    for check, what in (
        (reopen.value_faults, "the file holds weights that are no numbers"),
        (reopen.precision_faults, "the file doesn't hold the precision that it claims"),
        (reopen.signature_faults, "the file's signature isn't the recorded one"),
        (reopen.load_faults, "ONNX Runtime doesn't load the file"),
    ):
        faults = check(artifact, model)
        if faults:
            raise _fault(
                artifact.target,
                what,
                "; ".join(faults),
                f"a model that ONNX Runtime {version('onnxruntime')} loads, as it was recorded",
            )


def _checked_opset(opset: int | None) -> int:
    if opset is None:
        return DEFAULT_OPSET
    if opset not in OPSETS:
        raise EdgeproofError(
            "onnx: no such opset here",
            got=str(opset),
            want=f"{OPSETS[0]} to {OPSETS[-1]}",
            fix=f"leave the opset out to get {DEFAULT_OPSET}",
        )
    return opset


def _names_in_file(signature: Signature) -> dict[str, str]:
    """From each output's Keras name to its name in the file, where no two values share one."""
    taken = set(signature.input_names)
    return {name: f"{name}__output" if name in taken else name for name in signature.output_names}


def _translate(graph_def: GraphDef, graph: FrozenGraph, names: Mapping[str, str], opset: int) -> ModelProto:
    from converters.freeze import layer_names
    from converters.onnx_model.translate import culprit, translate

    inputs = {tensor: name for name, tensor in graph.input_tensors.items()}
    outputs = {tensor: names[name] for name, tensor in graph.output_tensors.items()}
    try:
        return translate(graph_def, inputs, outputs, opset)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, NotImplementedError) as error:
        node = culprit(error)
        where = "" if node is None else f"layer {layer_names(graph).of(node)} ({node}): "
        raise _fault(
            ExportTarget("onnx", "float32"),
            "tf2onnx can't translate the graph",
            f"{where}{type(error).__name__}: {error}",
            f"a graph that tf2onnx {version('tf2onnx')} translates",
        ) from error


def _refuse_untranslated(model: ModelProto, graph: FrozenGraph, target: ExportTarget) -> None:
    from converters.freeze import layer_names
    from converters.onnx_model.reopen import untranslated

    nodes = untranslated(model)
    if nodes:
        names = layer_names(graph)
        rows = [f"{node.op_type} in layer {names.of(node.name)}" for node in nodes]
        raise _fault(
            target,
            "ops that ONNX doesn't have",
            "; ".join(dict.fromkeys(rows)),
            f"ops that tf2onnx {version('tf2onnx')} translates",
        )


def _write(
    model: ModelProto, target: ExportTarget, out: Path, names: Mapping[str, str], notes: Sequence[str]
) -> Artifact:
    """Writes the file.

    Args:
        names: from each output's Keras name to its name in the model.
    """
    from converters.onnx_model.reopen import specs_of

    out.mkdir(parents=True, exist_ok=True)
    (out / ENTRY).write_bytes(model.SerializeToString(deterministic=True))
    inputs, outputs = specs_of(model.graph.input), specs_of(model.graph.output)
    keras_names = {in_file: name for name, in_file in names.items()}
    return Artifact(
        target=target,
        directory=out,
        entry=ENTRY,
        files=record_files(out),
        signature=Signature(inputs, tuple(replace(spec, name=keras_names[spec.name]) for spec in outputs)),
        input_names={spec.name: spec.name for spec in inputs},
        output_names=dict(names),
        notes=tuple(notes),
        tools={name: version(name) for name in _TOOLS},
    )


def _fault(target: ExportTarget, what: str, got: str, want: str) -> EdgeproofError:
    return EdgeproofError(
        f"{target}: {what}",
        got=got,
        want=want,
        fix="replace the layer named here by one of common ops, or leave this target out",
        status=ExitStatus.CONVERSION_FAILED,
    )
