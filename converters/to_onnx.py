"""ONNX: float32 from the frozen graph, float16 from the float32 file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from converters.artifact import Artifact, record_files
from converters.errors import EdgeproofError, ExitStatus
from converters.frozen import ConversionOptions, FrozenGraph
from converters.graph_edit import layer_of
from converters.signature import Signature, TensorSpec
from converters.target import ExportTarget

if TYPE_CHECKING:
    from onnx import ModelProto

ENTRY = "model.onnx"

DEFAULT_OPSET = 18
"""The newest opset that tf2onnx 1.17 emits (`tf2onnx.constants.OPSET_TO_IR_VERSION` ends there).

ONNX Runtime 1.31 and ONNX Runtime Web 1.30 run it and newer ones, so tf2onnx sets the limit.
"""

OPSETS = range(13, DEFAULT_OPSET + 1)
"""Opsets that may be asked for; older ones lack operators that common layers need."""

UNSUPPORTED: Mapping[str, tuple[str, str]] = {}
"""TensorFlow ops that nothing cures: why, and what to do."""

_TOOLS = ("tensorflow", "tf2onnx", "onnx", "onnxruntime", "onnxconverter-common")
_FLOAT16_SHARE = 0.9
"""Least share of float constants that an `onnx:float16` file holds in float16.

The rest feeds operators that ONNX Runtime has in float32 only (Resize, CumSum, TopK …).
"""


def convert(graph: FrozenGraph, out: Path, options: ConversionOptions = ConversionOptions()) -> Artifact:
    """Writes `onnx:float32` into an empty directory.

    Inputs keep the layout of the Keras model; inputs and outputs have its names and order.

    Raises:
        EdgeproofError: the opset isn't one of `OPSETS`, tf2onnx can't translate an op, or ONNX
            Runtime can't load the result.
    """
    from converters.freeze import load_graph_def
    from converters.onnx_model.canonical import canonicalize
    from converters.onnx_model.padding import protect_padding
    from converters.passes import apply_passes

    opset = _checked_opset(options.opset)
    graph_def = load_graph_def(graph)
    notes = apply_passes(graph_def, "onnx")
    names = _names_in_file(graph.signature)
    model = _translate(graph_def, graph, names, opset)
    canonicalize(model, graph.signature.input_names, [*names.values()])
    notes += protect_padding(model, opset)
    return _write(model, ExportTarget("onnx", "float32"), out, names, notes, graph.layers)


def derive(
    base: Artifact, target: ExportTarget, out: Path, options: ConversionOptions = ConversionOptions()
) -> Artifact:
    """Writes `onnx:float16` from the float32 artifact: inputs and outputs stay float32.

    Raises:
        EdgeproofError: ONNX Runtime can't load the result.
    """
    import onnx

    from converters.onnx_model.canonical import canonicalize
    from converters.onnx_model.half import halve

    model, notes = halve(onnx.load(base.entry_path))
    canonicalize(model, base.signature.input_names, [*base.output_names.values()])
    return _write(model, target, out, base.output_names, [*base.notes, *notes], {})


def confirm(artifact: Artifact) -> None:
    """Opens the file again and holds it against what the artifact claims.

    Raises:
        EdgeproofError: the file is invalid, doesn't load, holds NaN, or has other names, shapes or
            another precision than claimed.
    """
    import onnx

    from converters.onnx_model import reopen

    model = onnx.load(artifact.entry_path)
    _checked(artifact, model, {})
    got = Signature(reopen.specs_of(model.graph.input), reopen.specs_of(model.graph.output))
    want = Signature(
        _renamed(artifact.signature.inputs, artifact.input_names),
        _renamed(artifact.signature.outputs, artifact.output_names),
    )
    if got != want:
        raise _fault(artifact.target, "names, shapes or dtypes changed on the way", str(got), str(want))
    broken = reopen.broken_constants(model)
    if broken:
        raise _fault(
            artifact.target,
            "the file holds NaN or infinite weights",
            ", ".join(broken),
            "finite weights",
            fix="look for NaN in the original's weights; train it again from a good checkpoint",
        )
    _confirm_precision(artifact.target, reopen.float_elements(model))


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


def _translate(graph_def, graph: FrozenGraph, names: Mapping[str, str], opset: int) -> ModelProto:
    from converters.onnx_model.translate import translate

    target = ExportTarget("onnx", "float32")
    inputs = {tensor: name for name, tensor in graph.input_tensors.items()}
    outputs = {tensor: names[name] for name, tensor in graph.output_tensors.items()}
    try:
        return translate(graph_def, inputs, outputs, opset)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, NotImplementedError) as error:
        raise _fault(
            target,
            "tf2onnx can't translate the graph",
            f"{type(error).__name__}: {error}",
            f"a graph of ops that tf2onnx {version('tf2onnx')} knows",
        ) from error


def _write(
    model: ModelProto,
    target: ExportTarget,
    out: Path,
    names: Mapping[str, str],
    notes: Sequence[str],
    layers: Mapping[str, str],
) -> Artifact:
    """Writes the file and confirms it."""
    from converters.onnx_model import reopen

    out.mkdir(parents=True, exist_ok=True)
    (out / ENTRY).write_bytes(model.SerializeToString(deterministic=True))
    inputs = reopen.specs_of(model.graph.input)
    outputs = reopen.specs_of(model.graph.output)
    keras_names = {in_file: name for name, in_file in names.items()}
    artifact = Artifact(
        target=target,
        directory=out,
        entry=ENTRY,
        files=record_files(out),
        signature=Signature(inputs, _renamed(outputs, keras_names)),
        input_names={spec.name: spec.name for spec in inputs},
        output_names=dict(names),
        notes=tuple(notes),
        tools={name: version(name) for name in _TOOLS},
    )
    _checked(artifact, model, layers)
    return artifact


def _checked(artifact: Artifact, model: ModelProto, layers: Mapping[str, str]) -> None:
    """Confirms that the file is valid and that ONNX Runtime loads it."""
    import onnx

    from converters.onnx_model import reopen

    unknown = reopen.untranslated(model)
    if unknown:
        rows = [f"{node.op_type} in layer {layer_of(node.name, layers)}" for node in unknown]
        raise _fault(
            artifact.target,
            "ops that ONNX doesn't have",
            "; ".join(dict.fromkeys(rows)),
            "ONNX operators only",
        )
    try:
        onnx.checker.check_model(model)
        reopen.load_in_runtime(artifact.entry_path)
    except Exception as error:
        raise _fault(
            artifact.target,
            "ONNX Runtime doesn't load what tf2onnx wrote",
            str(error).strip(),
            f"a model that ONNX Runtime {version('onnxruntime')} loads",
        ) from error


def _confirm_precision(target: ExportTarget, elements: Mapping[str, int]) -> None:
    if target.precision != "float16":
        return
    total, half = sum(elements.values()), elements.get("float16", 0)
    if not half or half < _FLOAT16_SHARE * total:
        raise _fault(
            target,
            "the file doesn't hold the precision that it claims",
            f"{half} of {total} float constants in float16",
            f"at least {_FLOAT16_SHARE:.0%} of them",
            fix="take onnx:float32: this model has no weights that float16 would make smaller",
        )


def _renamed(specs: Sequence[TensorSpec], names: Mapping[str, str]) -> tuple[TensorSpec, ...]:
    return tuple(TensorSpec(names[s.name], s.shape, s.dtype, s.value_range) for s in specs)


def _fault(target: ExportTarget, what: str, got: str, want: str, fix: str = "") -> EdgeproofError:
    return EdgeproofError(
        f"{target}: {what}",
        got=got,
        want=want,
        fix=fix or "replace the layer named here by one of common ops, or leave this target out",
        status=ExitStatus.CONVERSION_FAILED,
    )
