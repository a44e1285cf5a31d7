"""What a converter leaves on disk, and the record that travels with it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from converters.errors import EdgeproofError
from converters.signature import Signature
from converters.target import ExportTarget

RECORD_NAME = "artifact.json"
"""Name of the record beside an artifact's files; not one of those files itself."""


@dataclass(frozen=True, slots=True)
class FileRecord:
    """One file of an artifact; `path` is relative to its directory, with forward slashes."""

    path: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Quantization:
    """Affine quantization of an input or output: real = scale * (q - zero_point)."""

    scale: float
    zero_point: int
    dtype: str


@dataclass(frozen=True, slots=True)
class Artifact:
    """One export of one model.

    Attributes:
        target: what it is.
        directory: where it lies.
        entry: the file that a runtime opens, relative to `directory`.
        files: every file, sorted by path.
        signature: of this file, under the Keras names; shapes and dtypes are the file's own.
        input_names: from each Keras name to the name in the file.
        output_names: likewise.
        signature_key: the signature to call, where the format has several (TFLite).
        quantization: of quantized inputs and outputs, by Keras name.
        calibrated: least and greatest value of each float input that an integer export was calibrated
            on, by Keras name; empty for all others, and where it isn't known.
        notes: what the converter had to do to get here, one sentence each, for the report.
        tools: version of each package that wrote it.
    """

    target: ExportTarget
    directory: Path
    entry: str
    files: tuple[FileRecord, ...]
    signature: Signature
    input_names: Mapping[str, str]
    output_names: Mapping[str, str]
    signature_key: str | None = None
    quantization: Mapping[str, Quantization] = field(default_factory=dict)
    calibrated: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    tools: Mapping[str, str] = field(default_factory=dict)

    @property
    def entry_path(self) -> Path:
        return self.directory / self.entry

    @property
    def size_bytes(self) -> int:
        return sum(record.size_bytes for record in self.files)


def hash_file(path: Path) -> str:
    """SHA-256 of a file's bytes, as hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def record_files(directory: Path) -> tuple[FileRecord, ...]:
    """Every file below a directory except the record, sorted by path."""
    found = [p for p in directory.rglob("*") if p.is_file() and p != directory / RECORD_NAME]
    rows = [FileRecord(p.relative_to(directory).as_posix(), hash_file(p), p.stat().st_size) for p in found]
    return tuple(sorted(rows, key=lambda row: row.path))


def check_files(directory: Path, files: tuple[FileRecord, ...], *, alone: bool = True) -> None:
    """Confirms that a directory holds these files, and nothing else.

    Args:
        alone: whether other files are a fault. An export that somebody else made may lie among others.

    Raises:
        EdgeproofError: a file is missing, extra, renamed, or its bytes differ.
    """
    want = {row.path: row.sha256 for row in files}
    got = {row.path: row.sha256 for row in (record_files(directory) if alone else _found(directory, want))}
    faults = [f"{path} is missing" for path in sorted(want.keys() - got.keys())]
    faults += [f"{path} is not in the record" for path in sorted(got.keys() - want.keys())]
    faults += [
        f"{path} has other bytes" for path in sorted(want.keys() & got.keys()) if want[path] != got[path]
    ]
    if faults:
        raise EdgeproofError(
            f"{directory}: files are not the ones that were recorded",
            got="; ".join(faults),
            want=f"the {len(want)} recorded file(s), unchanged",
            fix="export and validate again, or restore the files",
        )


def _found(directory: Path, paths: Iterable[str]) -> tuple[FileRecord, ...]:
    files = [(path, directory / path) for path in paths if (directory / path).is_file()]
    return tuple(FileRecord(path, hash_file(file), file.stat().st_size) for path, file in files)
