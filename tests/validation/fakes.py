"""A runtime, an artifact and a reference without any framework, for tests of what goes wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from converters.artifact import Artifact, Quantization, record_files
from converters.signature import Signature, TensorSpec
from converters.target import ExportTarget
from validation.dtypes import is_float
from validation.expected import Reference
from validation.feed import Tensors
from validation.feed_layout import layout_of
from validation.input_variety import InputVariety
from validation.output_recorder import OutputRecorder
from validation.runtime import Arithmetic
from validation.tensor_files import write_tensors

Model = Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]]

X = TensorSpec("x", (None, 3), "float32")
Y = TensorSpec("y", (None, 3), "float32")
XY = Signature((X,), (Y,))


@dataclass
class FakeSession:
    model: Model
    device: str = "a fake"
    calls: list[Tensors] = field(default_factory=list)

    def run(self, feed: Tensors) -> dict[str, np.ndarray]:
        self.calls.append(feed)
        return self.model(feed)


@dataclass
class FakeRuntime:
    """Answers with a Python function; keeps the session for the test to look at."""

    model: Model
    name: str = "fake-cpu"
    hint: str | None = None
    formats: frozenset[str] = frozenset({"onnx"})
    groups: frozenset[str] = frozenset()
    arithmetic: Arithmetic = "float32"
    session: FakeSession | None = None

    def missing(self) -> str | None:
        return self.hint

    @contextmanager
    def open(self, artifact: Artifact) -> Iterator[FakeSession]:
        self.session = FakeSession(self.model)
        yield self.session


def make_artifact(
    directory: Path,
    inputs: tuple[TensorSpec, ...] = (X,),
    outputs: tuple[TensorSpec, ...] = (Y,),
    target: str = "onnx:float32",
    quantization: Mapping[str, Quantization] | None = None,
) -> Artifact:
    """A record around a file that no one opens."""
    directory.mkdir()
    (directory / "model.onnx").write_bytes(b"fake")
    return Artifact(
        target=ExportTarget(*target.split(":")),
        directory=directory,
        entry="model.onnx",
        files=record_files(directory),
        signature=Signature(inputs, outputs),
        input_names={spec.name: spec.name for spec in inputs},
        output_names={spec.name: spec.name for spec in outputs},
        quantization=quantization or {},
        notes=("made by hand",),
    )


def make_reference(
    directory: Path,
    model: Model,
    feeds: list[Tensors],
    signature: Signature = XY,
) -> Reference:
    """What `validation.reference.record` would find, with an epsilon of the greatest value as noise floor."""
    directory.mkdir()
    layout = layout_of(signature)
    recorders = [OutputRecorder(spec, layout, "float32", False) for spec in signature.outputs]
    variety, samples = InputVariety(layout.batched), 0
    paths: tuple[list[Path], list[Path], list[Path]] = ([], [], [])
    for number, feed in enumerate(feeds):
        answer = model(feed)
        count = layout.count(feed)
        noise = {spec.name: _floor(answer[spec.name]) for spec in signature.outputs if spec.dtype != "string"}
        for recorder in recorders:
            name = recorder.spec.name
            recorder.add(answer[name], count, noise[name] if is_float(recorder.spec.dtype) else None)
        variety.add(feed)
        samples += count
        for kind, tensors, written in zip(
            ("feed", "expected", "noise"), (feed, answer, noise), paths, strict=True
        ):
            written.append(directory / f"{kind}-{number:05}.npz")
            write_tensors(written[-1], tensors)
    return Reference(
        directory=directory,
        source_sha256="0" * 64,
        signature=signature,
        feeds=tuple(paths[0]),
        expected=tuple(paths[1]),
        samples=samples,
        origin="data",
        data="by hand",
        outputs=tuple(r.result({}, r.find_unproven(variety.fault)) for r in recorders),
        noise=tuple(paths[2]),
    )


def _floor(answer: np.ndarray) -> np.ndarray:
    if not is_float(answer.dtype.name):
        return np.zeros(answer.shape)
    finite = np.abs(answer[np.isfinite(answer)].astype(np.float64))
    return np.full(answer.shape, np.finfo(np.float32).eps * np.max(finite, initial=1e-30))
