"""Takes in an export that somebody else made: what it is, and which of its tensors is which.

    path ─► file.py: a model at all? ─► tflite.py, onnx.py, tfjs.py: what it says about itself
         ─► names.py: signature names, other names, shapes and dtypes ─► values.py: what is left

Every input and output is mapped exactly once, or the file is refused with the candidates.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from converters.artifact import Artifact, FileRecord, hash_file
from converters.signature import Signature, TensorSpec
from validation.expected import Reference
from validation.foreign import onnx, tfjs, tflite
from validation.foreign.file import FileFacts, FileTensor, check_content, unreadable
from validation.foreign.names import NameMap, Side, pair_up
from validation.foreign.values import ambiguous, map_by_values

_READERS = {"tflite": tflite.read, "onnx": onnx.read, "tfjs": tfjs.read}
_FORMATS = {".tflite": "tflite", ".lite": "tflite", ".onnx": "onnx", ".json": "tfjs"}


def adopt(*, path: Path, signature: Signature, reference: Reference | None = None) -> Artifact:
    """The artifact that a file from somewhere else is.

    Args:
        path: a `.tflite` or `.onnx` file, a TF.js graph model's directory or its `model.json`.
        signature: of the original, whose names the artifact gets.
        reference: what the original gives; without it, tensors that only their values tell apart
            are refused.

    Raises:
        EdgeproofError: the file can't be read, is not of this signature, or it can't be told which of
            its tensors is which.
    """
    facts = _read(path)
    inputs = pair_up(path, "input", signature.inputs, facts.inputs)
    outputs = pair_up(path, "output", signature.outputs, facts.outputs)
    ways = inputs.mappings(), outputs.mappings()
    build = partial(_artifact, facts, _records(facts), signature)
    if all(len(way) == 1 for way in ways):
        names, how = (ways[0][0], ways[1][0]), "shapes and dtypes"
    elif reference is None:
        sides = [side for side, way in zip((inputs, outputs), ways, strict=True) if len(way) != 1]
        raise ambiguous(path, sides, "names and shapes don't settle it, and no values were given")
    else:
        names, how = map_by_values(path, inputs, outputs, reference, build), "values"
    return replace(build(*names), notes=(*facts.notes, *_explain(inputs, outputs, names, how)))


def _explain(inputs: Side, outputs: Side, names: tuple[NameMap, NameMap], how: str) -> Iterator[str]:
    """A sentence for each side that names alone didn't settle."""
    for side, found in zip((inputs, outputs), names, strict=True):
        pairs = ", ".join(f"{spec.name} is {found[spec.name].name}" for spec in side.specs)
        if pairs:
            yield f"The {side.what}s have other names in the file and were told by their {how}: {pairs}."


def entry_of(path: Path) -> tuple[Path, str]:
    """The file to open, and its format, by names alone.

    Raises:
        EdgeproofError: a directory without a TF.js model, or a suffix that no export has.
    """
    entry = path / tfjs.ENTRY if path.is_dir() else path
    if path.is_dir() and not entry.exists():
        names = ", ".join(sorted(item.name for item in path.iterdir())[:8]) or "an empty directory"
        raise unreadable(
            path, names, f"a directory with {tfjs.ENTRY}", "name the file inside it that is meant"
        )
    suffix = entry.suffix.lower()
    if suffix not in _FORMATS:
        raise unreadable(
            path,
            f"the suffix {suffix or '(none)'}",
            ".tflite, .onnx, or a TF.js directory or its model.json",
            "name an exported file; edgeproof tells formats by their suffix",
        )
    return entry, _FORMATS[suffix]


def _read(path: Path) -> FileFacts:
    entry, format = entry_of(path)
    check_content(entry)
    return _READERS[format](entry)


def _records(facts: FileFacts) -> tuple[FileRecord, ...]:
    """Only the files that belong to it: it may lie in a folder with anything else."""
    directory = facts.entry.parent
    rows = [
        FileRecord(file.relative_to(directory).as_posix(), hash_file(file), file.stat().st_size)
        for file in facts.files
    ]
    return tuple(sorted(rows, key=lambda row: row.path))


def _artifact(
    facts: FileFacts,
    records: tuple[FileRecord, ...],
    signature: Signature,
    inputs: NameMap,
    outputs: NameMap,
) -> Artifact:
    """The record of a file with these names for its tensors."""
    tensors = {**inputs, **outputs}
    return Artifact(
        target=facts.target,
        directory=facts.entry.parent,
        entry=facts.entry.name,
        files=records,
        signature=Signature(_specs(inputs, signature.inputs), _specs(outputs, signature.outputs)),
        input_names={name: tensor.name for name, tensor in inputs.items()},
        output_names={name: tensor.name for name, tensor in outputs.items()},
        signature_key=facts.signature_key,
        quantization={name: t.quantization for name, t in tensors.items() if t.quantization},
    )


def _specs(names: NameMap, originals: tuple[TensorSpec, ...]) -> tuple[TensorSpec, ...]:
    """In the original's order, with the shapes and dtypes of the file as far as it tells them."""
    known = {spec.name: spec for spec in originals}
    ordered = [name for name in known if name in names] if names.keys() <= known.keys() else list(names)
    return tuple(_spec(name, names[name], known.get(name)) for name in ordered)


def _spec(name: str, tensor: FileTensor, original: TensorSpec | None) -> TensorSpec:
    shape = tensor.shape
    if shape is None:
        shape = original.shape if original else ()
    return TensorSpec(name, shape, tensor.dtype, original.value_range if original else None)
