"""Opens a finished file again and confirms what its record claims."""

from __future__ import annotations

import numpy as np

from converters.artifact import Artifact
from converters.errors import EdgeproofError, ExitStatus
from converters.tflite import model_file
from converters.tflite.weights import weights

STORED_AS = {
    "float32": frozenset({"float32"}),
    "float16": frozenset({"float16"}),
    "dynamic_int8": frozenset({"int8"}),
    "int8": frozenset({"int8"}),
    "int8_io": frozenset({"int8"}),
}
"""Type of the weights in a file of each precision."""


def check(artifact: Artifact) -> None:
    """Confirms ops, state, names, shapes, weights and precision of the written file.

    Raises:
        EdgeproofError: the file isn't what the record says.
    """
    model = model_file.read(artifact.entry_path)
    _check_ops(model, artifact)
    _check_state(model, artifact)
    _check_ends(model, artifact)
    _check_numbers(model, artifact)
    _check_precision(model, artifact)
    _check_end_types(artifact)


def _check_ops(model: model_file.Model, artifact: Artifact) -> None:
    foreign = [name for name in model_file.op_names(model) if name.startswith("CUSTOM:")]
    if foreign:
        raise _fault(
            artifact,
            "holds ops that LiteRT doesn't run by itself",
            got=", ".join(sorted(foreign)),
            want="builtin ops only",
            fix="replace the layers that need these ops",
        )


def _check_state(model: model_file.Model, artifact: Artifact) -> None:
    """A variable tensor lives from one invocation to the next, and so would the answer."""
    variables = [
        tensor.name.decode()
        for subgraph in model.subgraphs
        for tensor in subgraph.tensors
        if tensor.isVariable or model_file.dtype_of(tensor) == "RESOURCE"
    ]
    if variables:
        raise _fault(
            artifact,
            "keeps state from one invocation to the next",
            got=f"variable tensors {', '.join(variables)}",
            want="an answer that depends on the inputs alone",
            fix="please report this model; build its recurrent layers with unroll=True meanwhile",
        )


def _check_ends(model: model_file.Model, artifact: Artifact) -> None:
    tensors = model.subgraphs[0].tensors
    recorded = (artifact.signature.inputs, artifact.signature.outputs)
    for kind, specs, found in zip(
        ("inputs", "outputs"), recorded, model_file.signature_tensors(model), strict=True
    ):
        want = {spec.name: str(spec) for spec in specs}
        got = {name: str(model_file.spec_of(tensors[index], name)) for name, index in found.items()}
        if got != want:
            raise _fault(
                artifact,
                f"{kind} are not the recorded ones",
                got=", ".join(got.values()) or "none",
                want=", ".join(want.values()),
                fix="export the model again",
            )


def _check_numbers(model: model_file.Model, artifact: Artifact) -> None:
    for weight in weights(model):
        values = weight.values
        if values is None or values.dtype.kind != "f":
            continue
        bad = int(np.count_nonzero(np.isnan(values)))
        if bad:
            raise _fault(
                artifact,
                f"weight {weight.name} isn't made of numbers",
                got=f"{bad} NaN among {values.size} values",
                want="finite weights, as in a model that was trained without overflow",
                fix="look at the model's own weights; train again with a smaller learning rate",
            )


def _check_precision(model: model_file.Model, artifact: Artifact) -> None:
    """A file without any weight can't break the promise; one whose weights are all float32 does."""
    promised = STORED_AS[artifact.target.precision]
    held = list(weights(model))
    if held and not any(weight.dtype in promised for weight in held):
        raise _fault(
            artifact,
            f"no weight is stored as {', '.join(promised)}",
            got=", ".join(f"{weight.name}: {weight.dtype}" for weight in held[:5]),
            want=f"what {artifact.target} promises",
            fix="leave this target out: TFLite can't quantize the layers that hold these weights",
        )


def _check_end_types(artifact: Artifact) -> None:
    """An int8 input or output without a scale can't be read, a float one with a scale is a lie."""
    specs = (*artifact.signature.inputs, *artifact.signature.outputs)
    wrong = [str(spec) for spec in specs if (spec.dtype == "int8") != (spec.name in artifact.quantization)]
    if wrong:
        raise _fault(
            artifact,
            "inputs or outputs have another type than their quantization says",
            got=", ".join(wrong),
            want="int8 with a scale, or the original's type",
            fix="export the model again",
        )


def _fault(artifact: Artifact, what: str, *, got: str, want: str, fix: str) -> EdgeproofError:
    where = f"{artifact.entry_path} ({artifact.target})"
    return EdgeproofError(
        f"{where}: {what}", got=got, want=want, fix=fix, status=ExitStatus.CONVERSION_FAILED
    )
