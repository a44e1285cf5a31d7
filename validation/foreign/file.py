"""What a file from somewhere else says about itself, whatever its format."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from converters.artifact import Quantization
from converters.errors import EdgeproofError
from converters.target import ExportTarget

_LFS_POINTER = b"version https://git-lfs.github.com/spec/"


@dataclass(frozen=True, slots=True)
class FileTensor:
    """An input or output of a file.

    Attributes:
        name: by which the runtime knows it.
        aliases: other names that it has in the file.
        shape: None where the file doesn't even tell the rank.
        dtype: as in `TensorSpec`.
        quantization: of a quantized one.
    """

    name: str
    shape: tuple[int | None, ...] | None
    dtype: str
    aliases: tuple[str, ...] = ()
    quantization: Quantization | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        """Its names, each also without what converters add: `serving_default_x:0` is `x`."""
        names = (self.name, *self.aliases)
        bare = [re.sub(r":\d+$", "", name) for name in names]
        return (*names, *bare, *(name.removeprefix("serving_default_") for name in bare))

    def __str__(self) -> str:
        if self.shape is None:
            return f"{self.name}: {self.dtype}[unknown rank]"
        shape = ", ".join("?" if d is None else str(d) for d in self.shape)
        return f"{self.name}: {self.dtype}[{shape}]"


@dataclass(frozen=True, slots=True)
class FileFacts:
    """One readable file.

    Attributes:
        files: every file that belongs to it, the entry included.
        signature_key: the signature that `inputs` and `outputs` are of, where the format has several.
        notes: what had to be guessed, one sentence each.
    """

    entry: Path
    files: tuple[Path, ...]
    target: ExportTarget
    inputs: tuple[FileTensor, ...]
    outputs: tuple[FileTensor, ...]
    signature_key: str | None = None
    notes: tuple[str, ...] = ()


def unreadable(path: Path, got: str, want: str, fix: str = "") -> EdgeproofError:
    """The error for a file that can't be what its name says."""
    return EdgeproofError(
        f"{path}: not an export that can be read",
        got=got,
        want=want,
        fix=fix or "export it again, or copy the whole file",
    )


def check_content(path: Path) -> None:
    """Refuses what is no model at all.

    Raises:
        EdgeproofError: the file isn't there, is empty, or is a pointer of git-lfs.
    """
    if not path.is_file():
        raise unreadable(path, "no such file", "a file", "check the path")
    if path.stat().st_size == 0:
        raise unreadable(path, "an empty file", "a model")
    with path.open("rb") as stream:
        head = stream.read(len(_LFS_POINTER))
    if head == _LFS_POINTER:
        raise unreadable(path, "a git-lfs pointer", "the file that it points to", "run `git lfs pull`")


def unjudged(path: Path, what: str) -> EdgeproofError:
    """The error for a precision that no export target has."""
    return EdgeproofError(
        f"{path}: edgeproof has no limits for this precision",
        got=what,
        want="float32, float16, dynamic-range int8 or int8 (TFLite); float32, float16, uint16 or uint8 "
        "weights (TF.js); float32 or float16 (ONNX)",
        fix="export it in one of these precisions",
    )
