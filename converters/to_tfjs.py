"""TF.js graph models: float32 from the frozen graph, narrower weights from the float32 files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from converters.artifact import Artifact, record_files
from converters.errors import EdgeproofError, ExitStatus
from converters.frozen import ConversionOptions, FrozenGraph
from converters.signature import Signature
from converters.target import ExportTarget
from converters.tfjs_model.unsupported import UNSUPPORTED, unsupported

__all__ = ["UNSUPPORTED", "confirm", "convert", "derive", "unsupported"]

ENTRY = "model.json"

_TOOLS = ("tensorflow", "tensorflowjs")


def convert(graph: FrozenGraph, out: Path, options: ConversionOptions) -> Artifact:
    """Writes `tfjs:float32` into an empty directory: `model.json` and shards of at most 4 MB.

    The signature in `model.json` has the Keras names and dtypes; TF.js itself computes every
    float in float32 and every integer in int32.

    Raises:
        EdgeproofError: TF.js lacks an op, or an integer constant doesn't fit into int32.
    """
    from converters.freeze import load_graph_def
    from converters.passes import apply_passes
    from converters.tfjs_model import graph as steps
    from converters.tfjs_model import weights

    target = ExportTarget("tfjs", "float32")
    graph_def = load_graph_def(graph)
    notes = [*apply_passes(graph_def, "tfjs")]
    signature = steps.signature_def(graph.signature, graph.input_tensors, graph.output_tensors)
    optimized = steps.optimize(graph_def, signature)
    del graph_def
    _refuse_unknown(steps.unknown_ops(optimized), graph, target)
    entries = steps.extract_weights(optimized)
    try:
        notes += weights.narrow(entries)
    except OverflowError as error:
        raise fault(target, "an integer is too large", str(error), "integers within int32") from error
    out.mkdir(parents=True, exist_ok=True)
    manifest = weights.write(entries, out, {})
    _write_model(out, steps.as_json(optimized), steps.as_json(signature), manifest)
    return _record(out, notes, target, graph.signature, (graph.input_tensors, graph.output_tensors))


def derive(base: Artifact, target: ExportTarget, out: Path, options: ConversionOptions) -> Artifact:
    """Writes the float32 model again with its weights in float16, uint16 or uint8.

    Inputs, outputs and arithmetic stay float32: TF.js widens the weights when it loads them.

    Raises:
        EdgeproofError: the model has no weight that could be stored in fewer bits.
    """
    from converters.tfjs_model import weights

    model = json.loads(base.entry_path.read_text(encoding="utf-8"))
    entries = weights.read(model["weightsManifest"], base.directory)
    names, notes = weights.quantizable(entries, target.precision)
    if not names:
        raise fault(
            target,
            "there is no weight to store in fewer bits",
            f"{len(entries)} constant(s), none a float32 tensor of more than one element",
            "a model with float32 weights",
            fix="take tfjs:float32",
        )
    out.mkdir(parents=True, exist_ok=True)
    manifest = weights.write(entries, out, {target.precision: names})
    _write_model(out, model["modelTopology"], model["signature"], manifest)
    notes = [*base.notes, *notes]
    return _record(out, notes, target, base.signature, (base.input_names, base.output_names))


def confirm(artifact: Artifact) -> None:
    """Opens the files again and holds them against what the artifact claims.

    Raises:
        EdgeproofError: a shard is missing or has another length than the manifest says, a weight is
            NaN, or names, shapes or the precision are others than claimed.
    """
    from converters.tfjs_model import reopen

    model = json.loads(artifact.entry_path.read_text(encoding="utf-8"))
    for check in (
        reopen.shard_faults,
        reopen.signature_faults,
        reopen.precision_faults,
        reopen.value_faults,
    ):
        faults = check(artifact, model)
        if faults:
            raise fault(
                artifact.target,
                "the files are not what they claim to be",
                "; ".join(faults),
                "a complete TF.js model with the names, shapes and precision of its record",
                fix="export it again; if that doesn't help, report it with the log",
            )


def fault(target: ExportTarget, what: str, got: str, want: str, fix: str = "") -> EdgeproofError:
    """A conversion that failed."""
    return EdgeproofError(
        f"{target}: {what}",
        got=got,
        want=want,
        fix=fix or "replace the layer named here by one of common ops, or leave this target out",
        status=ExitStatus.CONVERSION_FAILED,
    )


def _refuse_unknown(unknown: Sequence[tuple[str, str]], graph: FrozenGraph, target: ExportTarget) -> None:
    from converters.freeze import layer_names

    if unknown:
        names = layer_names(graph)
        rows = [f"{op} in layer {names.of(node)}" for node, op in unknown]
        raise fault(
            target,
            "ops that TF.js doesn't have",
            "; ".join(dict.fromkeys(rows)),
            f"ops on the list of tensorflowjs {version('tensorflowjs')}",
        )


def _write_model(out: Path, topology: Any, signature: Any, manifest: Any) -> None:
    """Writes `model.json` with sorted keys, so that the same model gives the same bytes."""
    model = {
        "format": "graph-model",
        "generatedBy": version("tensorflow"),
        "convertedBy": f"TensorFlow.js Converter v{version('tensorflowjs')}",
        "signature": signature,
        "modelTopology": topology,
        "weightsManifest": manifest,
    }
    text = json.dumps(model, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    (out / ENTRY).write_text(text, encoding="utf-8")


def _record(
    out: Path,
    notes: Sequence[str],
    target: ExportTarget,
    signature: Signature,
    names: tuple[Mapping[str, str], Mapping[str, str]],
) -> Artifact:
    """What was written.

    Args:
        names: from each Keras name to its tensor, for inputs and for outputs.
    """
    return Artifact(
        target=target,
        directory=out,
        entry=ENTRY,
        files=record_files(out),
        signature=signature,
        input_names=dict(names[0]),
        output_names=dict(names[1]),
        notes=tuple(notes),
        tools={name: version(name) for name in _TOOLS},
    )
