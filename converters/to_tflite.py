"""TFLite: float32 from the frozen graph, the other precisions from the float32 flatbuffer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from converters.artifact import Artifact, record_files
from converters.frozen import ConversionOptions, FrozenGraph
from converters.signature import Signature
from converters.target import ExportTarget
from converters.tflite import model_file
from converters.tflite.passthrough import part_outputs_from_inputs
from converters.tflite.unsupported import UNSUPPORTED, unsupported

__all__ = ["UNSUPPORTED", "confirm", "convert", "derive", "unsupported"]

ENTRY = "model.tflite"

_TOOLS = ("tensorflow", "ai-edge-litert")


def convert(graph: FrozenGraph, out: Path, options: ConversionOptions = ConversionOptions()) -> Artifact:
    """Writes `tflite:float32` into an empty directory.

    Dynamic dimensions stay dynamic.

    Raises:
        EdgeproofError: an op has no builtin form.
    """
    from converters.freeze import load_graph_def
    from converters.passes import apply_passes
    from converters.tflite.translate import translate

    graph_def = load_graph_def(graph)
    notes = apply_passes(graph_def, "tflite")
    model = model_file.parse(translate(graph_def, graph))
    notes = (*notes, *part_outputs_from_inputs(model))
    _sign(model, graph.signature)
    model_file.share_equal_buffers(model)
    (out / ENTRY).write_bytes(model_file.pack(model))
    return describe(ExportTarget("tflite", "float32"), out, model, graph.signature, notes)


def describe(
    target: ExportTarget, out: Path, model: model_file.Model, signature: Signature, notes: Sequence[str]
) -> Artifact:
    """The record of a file that has been written.

    Args:
        model: what was written.
        signature: gives the order of names.
    """
    inputs, outputs = model_file.signature_tensors(model)
    tensors = model.subgraphs[0].tensors
    found = Signature(
        tuple(model_file.spec_of(tensors[inputs[name]], name) for name in signature.input_names),
        tuple(model_file.spec_of(tensors[outputs[name]], name) for name in signature.output_names),
    )
    return Artifact(
        target=target,
        directory=out,
        entry=ENTRY,
        files=record_files(out),
        signature=found,
        input_names={name: name for name in signature.input_names},
        output_names={name: name for name in signature.output_names},
        signature_key=model_file.SIGNATURE_KEY,
        quantization={
            name: scale
            for name, index in {**inputs, **outputs}.items()
            if (scale := model_file.quantization_of(tensors[index]))
        },
        notes=tuple(notes),
        tools={name: version(name) for name in _tools(target)},
    )


def _tools(target: ExportTarget) -> tuple[str, ...]:
    """Packages that have a hand in a file of this precision."""
    return (*_TOOLS, "ai-edge-quantizer") if target.precision == "dynamic_int8" else _TOOLS


def _sign(model: model_file.Model, signature: Signature) -> None:
    """Ties the Keras names to the tensors, which are in the order that was asked for."""
    subgraph = model.subgraphs[0]
    inputs = dict(zip(signature.input_names, map(int, subgraph.inputs), strict=True))
    outputs = dict(zip(signature.output_names, map(int, subgraph.outputs), strict=True))
    model_file.set_signature(model, inputs, outputs)


def derive(
    base: Artifact, target: ExportTarget, out: Path, options: ConversionOptions = ConversionOptions()
) -> Artifact:
    """Writes another precision, made from the float32 flatbuffer, into an empty directory."""
    from converters.tflite.calibration import span
    from converters.tflite.quantize import quantize
    from converters.tflite.weights import share

    model, notes = quantize(base, target.precision, options.calibration)
    (out / ENTRY).write_bytes(model_file.pack(model))
    held = share(model, frozenset({"float32"}))
    if math.isnan(held):
        notes.append(f"the model has no weights to store in another type than {target.base} does")
    elif held > 0:
        notes.append(f"{held:.1%} of the weight elements stay float32")
    artifact = describe(target, out, model, base.signature, [*base.notes, *notes])
    if target.precision not in ("int8", "int8_io"):
        return artifact
    return replace(artifact, calibrated=span(base.signature, options.calibration))


def confirm(artifact: Artifact) -> None:
    """Opens the file again; raises unless precision, names, shapes and weights are right."""
    from converters.tflite.check import check

    check(artifact)
