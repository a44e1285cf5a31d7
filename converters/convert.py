"""One target of a frozen graph: refused, or converted, opened again, confirmed and recorded."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from converters.artifact import RECORD_NAME, Artifact
from converters.frozen import ConversionOptions, FrozenGraph
from converters.obstacles import refuse_obstacles
from converters.progress import advance
from converters.serial import dumps
from converters.target import ExportTarget


class Converter(Protocol):
    """What `converters.to_<format>` gives."""

    def convert(self, graph: FrozenGraph, out: Path, options: ConversionOptions) -> Artifact:
        """Writes the format's float32 file into an empty directory."""

    def derive(self, base: Artifact, target: ExportTarget, out: Path, options: ConversionOptions) -> Artifact:
        """Writes another precision, made from the float32 artifact."""

    def confirm(self, artifact: Artifact) -> None:
        """Opens the files again; raises unless precision, names, shapes and weights are right."""


def convert(
    graph: FrozenGraph,
    target: ExportTarget,
    out: Path,
    options: ConversionOptions = ConversionOptions(),
    base: Artifact | None = None,
) -> Artifact:
    """Writes one target into an empty directory, with its record `artifact.json`.

    Args:
        graph: what to convert.
        target: what to make of it.
        out: made if it isn't there.
        options: what the conversion may need.
        base: the float32 artifact of the same format and graph; made on the way, and thrown away,
            when it is needed and not given.

    Raises:
        EdgeproofError: ops that the format lacks, with their layers; a converter that failed; a
            file that isn't what it claims to be.
    """
    advance(str(target), 0, 3, "look for obstacles")
    refuse_obstacles(graph, target)
    out.mkdir(parents=True, exist_ok=True)
    advance(str(target), 1, 3, "convert")
    artifact = _written(graph, target, out, options, base)
    advance(str(target), 2, 3, "confirm")
    _converter(target).confirm(artifact)
    # Without the place: the same files in another place have the same record.
    record = dumps(replace(artifact, directory=Path()))
    (out / RECORD_NAME).write_text(record, encoding="utf-8")
    advance(str(target), 3, 3)
    return artifact


def _written(
    graph: FrozenGraph,
    target: ExportTarget,
    out: Path,
    options: ConversionOptions,
    base: Artifact | None,
) -> Artifact:
    converter = _converter(target)
    if target.is_base:
        return converter.convert(graph, out, options)
    if base is not None:
        return converter.derive(base, target, out, options)
    with tempfile.TemporaryDirectory(prefix="edgeproof-base-") as scratch:
        made = convert(graph, target.base, Path(scratch), options)
        return converter.derive(made, target, out, options)


def _converter(target: ExportTarget) -> Converter:
    return cast(Converter, import_module(f"converters.to_{target.format}"))
