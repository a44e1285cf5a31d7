"""Exports of one small model, each with a fault where a test wants it."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from converters import to_onnx, to_tfjs, to_tflite
from converters.artifact import Artifact, record_files
from converters.freeze import freeze
from converters.frozen import ConversionOptions, FrozenGraph
from converters.source import LoadOptions
from converters.sources import describe_source
from validation.expected import Reference
from validation.feeds import FeedSpec
from validation.localization import Localization
from validation.localize import localize
from validation.reference import record

if TYPE_CHECKING:
    from onnx import GraphProto

CONVERTERS = {"onnx": to_onnx, "tflite": to_tflite, "tfjs": to_tfjs}
RUNTIMES = {"onnx": "onnxruntime-cpu", "tflite": "litert-cpu", "tfjs": "tfjs-node-cpu"}

Change = Callable[[np.ndarray], Any]


@dataclass(frozen=True)
class Model:
    """A model with its frozen graph, its answers and its exports by format."""

    graph: FrozenGraph
    reference: Reference
    exports: dict[str, Artifact]
    directory: Path

    def localize(self, artifact: Artifact, runtime: str = "") -> Localization:
        return localize(
            artifact=artifact,
            runtime_name=runtime or RUNTIMES[artifact.target.format],
            reference=self.reference,
            graph=self.graph,
            out=artifact.directory.with_name(f"{artifact.directory.name}-case"),
        )

    def changed(self, format: str, layer: str, rank: int, change: Change) -> Artifact:
        """The export with the weight of a layer that has this rank changed in place."""
        export = self.exports[format]
        out = Path(tempfile.mkdtemp(prefix=f"{format}-{layer}-", dir=self.directory)) / "export"
        shutil.copytree(export.directory, out)
        EDITS[format](out, layer, rank, change)
        return replace(export, directory=out, files=record_files(out))

    def rewritten(self, change: Callable[[GraphProto], Any]) -> Artifact:
        """The ONNX export with its graph changed in place."""
        import onnx

        export = self.exports["onnx"]
        out = Path(tempfile.mkdtemp(prefix="onnx-rewritten-", dir=self.directory)) / "export"
        shutil.copytree(export.directory, out)
        model = onnx.load(out / export.entry)
        change(model.graph)
        onnx.save(model, out / export.entry)
        return replace(export, directory=out, files=record_files(out))


def make_model(model: Any, directory: Path, *formats: str, samples: np.ndarray | None = None) -> Model:
    """Random weights that are all of a size to matter, saved, frozen, exported and recorded.

    Args:
        samples: for the one input; None takes natural ones.
    """
    random = np.random.default_rng(0)
    for weight in model.weights:
        if not weight.path.endswith("kernel"):
            weight.assign(random.uniform(0.5, 1.5, weight.shape))
    model.save(directory / "model.keras")
    source = describe_source(directory / "model.keras", LoadOptions())
    graph = freeze(source, directory / "graph")
    exports = {}
    for format in formats:
        (directory / format).mkdir()
        exports[format] = CONVERTERS[format].convert(graph, directory / format, ConversionOptions())
    (directory / "reference").mkdir()
    spec = FeedSpec(samples=8, directed=False, searched=0)
    if samples is not None:
        np.savez(directory / "samples.npz", samples)
        spec = replace(spec, npz=directory / "samples.npz", samples=None)
    return Model(graph, record(source=source, spec=spec, out=directory / "reference"), exports, directory)


def _onnx(out: Path, layer: str, rank: int, change: Change) -> None:
    import onnx
    from onnx import numpy_helper

    model = onnx.load(out / "model.onnx")
    weight = next(w for w in model.graph.initializer if len(w.dims) == rank and layer in w.name)
    values = numpy_helper.to_array(weight).copy()
    change(values)
    weight.CopyFrom(numpy_helper.from_array(values, weight.name))
    onnx.save(model, out / "model.onnx")


def _tflite(out: Path, layer: str, rank: int, change: Change) -> None:
    from converters.tflite import model_file

    model = model_file.read(out / "model.tflite")
    named = [tensor for tensor in model.subgraphs[0].tensors if layer in tensor.name.decode()]
    arrays = [(tensor, model_file.array_of(model, tensor)) for tensor in named]
    tensor, found = next((t, a) for t, a in arrays if a is not None and a.ndim == rank)
    values = found.copy()
    change(values)
    model.buffers[tensor.buffer].data = np.frombuffer(values.tobytes(), np.uint8)
    (out / "model.tflite").write_bytes(model_file.pack(model))


def _tfjs(out: Path, layer: str, rank: int, change: Change) -> None:
    [group] = json.loads((out / "model.json").read_text())["weightsManifest"]
    path, at = out / group["paths"][0], 0
    content = bytearray(path.read_bytes())
    for row in group["weights"]:
        size = 4 * int(np.prod(row["shape"], dtype=int))
        if len(row["shape"]) == rank and layer in row["name"]:
            break
        at += size
    values = np.frombuffer(bytes(content[at : at + size]), "<f4").reshape(row["shape"]).copy()
    change(values)
    content[at : at + size] = values.tobytes()
    path.write_bytes(bytes(content))


EDITS = {"onnx": _onnx, "tflite": _tflite, "tfjs": _tfjs}
