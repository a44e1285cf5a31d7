"""Stands in for every framework: steps that write a few bytes, and misbehave where a test asks for it.

`FAKE_TROUBLE` in the environment says what goes wrong: "onnx:float32=segfault litert-cpu=hang". The keys
are names of steps, targets and runtimes.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from converters.artifact import Artifact, record_files
from converters.errors import EdgeproofError, ExitStatus
from converters.frozen import ConversionOptions, FrozenGraph
from converters.progress import advance
from converters.signature import Signature
from converters.source import LoadOptions, SourceModel
from converters.target import ExportTarget
from converters.training import TrainingPlan, TrainingRecord
from tests.pipeline.makers import SIGNATURE, output
from validation.ahead import Recording
from validation.expected import Reference
from validation.feeds import FeedSpec
from validation.verdict import Verdict

TROUBLE = "FAKE_TROUBLE"
COUNT = "FAKE_COUNT"
"""Names a file that gets a line for every step that is really done."""


def train(plan: TrainingPlan, out: Path) -> TrainingRecord:
    _begin("train")
    (out / "model.keras").write_text(f"{plan.epochs} epochs")
    return TrainingRecord(
        experiment_id="e1",
        model_type="Sequential",
        final_loss=0.5,
        metrics={},
        epochs=plan.epochs,
        batch=plan.batch,
        optimizer="sgd",
        seed=plan.seed,
        model=out / "model.keras",
        started_at="2026-01-01T00:00:00+00:00",
        seconds=1.0,
    )


def describe_source(path: Path, options: LoadOptions = LoadOptions()) -> SourceModel:
    _begin("source")
    return SourceModel(path, "keras", "keras", "5" * 64, SIGNATURE, options)


def freeze(source: SourceModel, out: Path) -> FrozenGraph:
    _begin("freeze")
    (out / "graph.pb").write_text("graph")
    return FrozenGraph(out, "6" * 64, SIGNATURE, {"x": "x:0"}, {"y": "y:0"}, {}, source.sha256)


def write_feeds(spec: FeedSpec, signature: Signature, out: Path) -> tuple[Path, ...]:
    _begin("calibration")
    (out / "feed-00000.npz").write_text(str(spec.samples))
    return (out / "feed-00000.npz",)


def record(*, source: SourceModel, spec: FeedSpec, out: Path, precisions: tuple[str, ...] = ()) -> Reference:
    _begin("reference")
    return Reference(
        out, source.sha256, source.signature, (), (), 4, "data", "four samples", (), truth="float64 twin"
    )


def convert(
    graph: FrozenGraph,
    target: ExportTarget,
    out: Path,
    options: ConversionOptions = ConversionOptions(),
    base: Artifact | None = None,
) -> Artifact:
    _begin(str(target))
    entry = {"tflite": "model.tflite", "onnx": "model.onnx", "tfjs": "model.json"}[target.format]
    (out / entry).write_text(f"{target} from {base.target if base else graph.sha256} {options.opset}")
    return Artifact(target, out, entry, record_files(out), SIGNATURE, {"x": "x"}, {"y": "y"})


def ask_ahead(*, artifact: Artifact, runtime_name: str, recording: Recording) -> float:
    _begin(f"{runtime_name}-ahead")
    while recording.directory.is_dir():
        time.sleep(0.01)
    return 0.5


def judge(*, artifact: Artifact, runtime_name: str, reference: Reference, label: str) -> Verdict:
    trouble = _begin(runtime_name)
    target = str(artifact.target)
    advance(f"{label} on {runtime_name}", 1, 1)
    if trouble == "unavailable":
        return Verdict(label, target, runtime_name, "", "unavailable", "not installed: apt install it")
    passed = trouble != "fail" and _trouble(f"{target}@{runtime_name}") != "fail"
    word = "pass" if passed else "fail"
    return Verdict(label, target, runtime_name, "made up", word, f"made up to {word}", 4, (output(passed),))


def _begin(name: str) -> str:
    if COUNT in os.environ:
        with Path(os.environ[COUNT]).open("a") as stream:
            stream.write(f"{name}\n")
    trouble = _trouble(name)
    if trouble == "segfault":
        os.kill(os.getpid(), signal.SIGSEGV)
    elif trouble == "hang":
        time.sleep(600)
    elif trouble == "slow":
        time.sleep(4)
    elif trouble == "full-disk":
        raise OSError(28, "No space left on device")
    elif trouble == "bug":
        raise ZeroDivisionError("unforeseen")
    elif trouble == "refuse":
        raise EdgeproofError(
            f"{name}: refused",
            got="an op",
            want="another",
            fix="change the layer",
            status=ExitStatus.CONVERSION_FAILED,
        )
    return trouble


def _trouble(name: str) -> str:
    pairs = dict(pair.split("=") for pair in os.environ.get(TROUBLE, "").split())
    return pairs.get(name, "")
