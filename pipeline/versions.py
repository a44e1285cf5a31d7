"""What the results depend on besides the user's input: versions, and our own and the user's code."""

from __future__ import annotations

import ast
import hashlib
import platform
from collections.abc import Iterable, Sequence
from functools import cache
from importlib import metadata
from pathlib import Path

from converters.artifact import hash_file

PACKAGES = (
    "tensorflow",
    "keras",
    "tf-keras",
    "tensorflowjs",
    "onnx",
    "tf2onnx",
    "onnxconverter-common",
    "onnxruntime",
    "ai-edge-litert",
    "ai-edge-quantizer",
    "numpy",
)
"""Installed packages that take part in a conversion or a validation."""


@cache
def tool_versions() -> dict[str, str]:
    """Version of Python, edgeproof and each package of `PACKAGES` that is installed."""
    found = {"edgeproof": edgeproof_version(), "python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:  # its absence shows where it is needed
            continue
    return found


def edgeproof_version() -> str:
    """Version of this package; "0+source" for a checkout that isn't installed."""
    try:
        return metadata.version("edgeproof")
    except metadata.PackageNotFoundError:
        return "0+source"


@cache
def own_code_sha256() -> str:
    """Hash of the converters' source, so that a changed converter never meets an old result."""
    root = Path(__file__).resolve().parent.parent / "converters"
    return _hash_files(root, root.rglob("*.py"))


def user_code_sha256(references: Iterable[str], directories: Sequence[Path]) -> str:
    """Hash of the user's modules that these `module:name` import, directly or not.

    Only files in `directories` count; what they import from elsewhere is in `tool_versions`, or is
    nothing that this can know (`edgeproof run --fresh` then).
    """
    digest = hashlib.sha256()
    for directory in directories:
        files: set[Path] = set()
        for reference in references:
            _follow(directory, reference.partition(":")[0], files)
        digest.update(_hash_files(directory, files).encode())
    return digest.hexdigest()


def _follow(directory: Path, module: str, files: set[Path]) -> None:
    """Adds the files of a module, of its parent packages and of all that they import."""
    parts = module.split(".")
    for depth in range(1, len(parts) + 1):
        stem = directory.joinpath(*parts[:depth])
        for file in (stem.with_suffix(".py"), stem / "__init__.py"):
            if file.is_file() and file not in files:
                files.add(file)
                package = parts[:depth] if file.name == "__init__.py" else parts[: depth - 1]
                for name in _imports(file, package):
                    _follow(directory, name, files)


def _imports(file: Path, package: list[str]) -> list[str]:
    """Dotted names that a file imports; those that turn out to be functions cost nothing."""
    try:
        tree = ast.parse(file.read_bytes())
    except SyntaxError:  # whoever imports it says so, with the line
        return []
    names: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            names += [base, *(f"{base}.{alias.name}" if base else alias.name for alias in node.names)]
    return [name for name in names if name]


def _hash_files(root: Path, files: Iterable[Path]) -> str:
    rows = sorted((file.relative_to(root).as_posix(), hash_file(file)) for file in files)
    return hashlib.sha256(repr(rows).encode()).hexdigest()
