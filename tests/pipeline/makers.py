"""Small made-up records: artifacts with files on disk, verdicts, validations, run states."""

from __future__ import annotations

from pathlib import Path

from converters.artifact import Artifact, Quantization, record_files
from converters.signature import Signature, TensorSpec
from converters.source import SourceModel
from converters.target import ExportTarget
from pipeline.state import RunState, label_of
from validation.result import SCHEMA, Validation, write_result
from validation.verdict import (
    Comparison,
    Outcome,
    OutputVerdict,
    Tolerance,
    Verdict,
)

LEAST_RECIPE = '[model]\nname = "net"\npath = "net.keras"\n'
"""The least that a recipe must say."""

SIGNATURE = Signature((TensorSpec("x", (None, 2), "float32"),), (TensorSpec("y", (None, 1), "float32"),))


def artifact(directory: Path, target: ExportTarget, content: str = "weights") -> Artifact:
    """An artifact whose files are on disk."""
    folder = directory / target.slug
    (folder / "parts").mkdir(parents=True)
    (folder / "model.bin").write_text(f"{target} {content}")
    (folder / "parts" / "shard.bin").write_text(content)
    return Artifact(
        target=target,
        directory=folder,
        entry="model.bin",
        files=record_files(folder),
        signature=SIGNATURE,
        input_names={"x": "x:0"},
        output_names={"y": "Identity"},
        quantization={"x": Quantization(0.5, 3, "int8")},
    )


def output(passed: bool = True) -> OutputVerdict:
    comparison = Comparison(
        name="y",
        count=4,
        mismatched=0 if passed else 1,
        max_abs=0.5,
        max_rel_range=1e-7 if passed else 0.25,
        rmse=0.1,
        cosine=1.0,
        sqnr_db=60.0,
        quantiles={"p50": 0.0, "p90": 0.1, "p99": 0.4, "p99.9": 0.5},
        expected_min=-1.0,
        expected_max=1.0,
        nan_expected=0,
        nan_actual=0,
        inf_expected=0,
        inf_actual=0,
        worst_index=(0, 0),
        worst_expected=1.0,
        worst_actual=0.5,
    )
    return OutputVerdict(comparison, Tolerance("max_rel_range", 1e-5, "ten times the noise"), passed)


def verdict(
    on: Artifact | str, runtime: str, outcome: Outcome = "pass", target: str = "tflite:float32"
) -> Verdict:
    """A verdict on an artifact, or on something of that name."""
    ran = outcome in ("pass", "fail")
    return Verdict(
        artifact=on if isinstance(on, str) else label_of(on),
        target=target if isinstance(on, str) else str(on.target),
        runtime=runtime,
        device="made up" if ran else "",
        verdict=outcome,
        reason=f"it is {outcome}",
        samples=4 if ran else 0,
        outputs=(output(outcome == "pass"),) if ran else (),
    )


def validation(*verdicts: Verdict) -> Validation:
    return Validation(
        schema=SCHEMA,
        ok=all(verdict.verdict == "pass" for verdict in verdicts),
        source={"path": "net.keras", "kind": "keras", "loader": "keras", "sha256": "5" * 64, "notes": []},
        inputs=SIGNATURE.inputs,
        outputs=SIGNATURE.outputs,
        data="made up",
        samples=4,
        verdicts=verdicts,
        tools={"edgeproof": "0"},
    )


def state(work: Path, *artifacts: Artifact, allow: tuple[ExportTarget, ...] = ()) -> RunState:
    return RunState(
        name="net",
        version="1.0",
        recipe_text="[model]\n",
        source=SourceModel(work / "net.keras", "keras", "keras", "5" * 64, SIGNATURE),
        artifacts=artifacts,
        failures=(),
        allow_failing=allow,
        result_sha256="",
    )


def work_directory(path: Path, result: Validation) -> Path:
    """A work directory with a result and a report."""
    path.mkdir(parents=True, exist_ok=True)
    write_result(result, path / "result.json")
    (path / "report.md").write_text("# report")
    (path / "report.html").write_text("<p>report")
    return path
