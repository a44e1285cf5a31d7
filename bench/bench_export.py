"""Exports and validates against the vendors' own way, and writes docs/benchmarks.md: `make bench`.

Each repetition does everything once, so that whatever else the machine does falls on all sides.
It needs the machine alone, and takes about half an hour on two cores.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from bench import models, page, vendors
from bench.measure import Run, one_after_the_other, run
from converters.to_onnx import DEFAULT_OPSET
from pipeline.state import RESULT_NAME

ROOT = Path(__file__).parent.parent
EDGEPROOF = str(Path(sys.executable).with_name("edgeproof"))
TARGETS = ("tflite:float32", "tfjs:float32", "onnx:float32")
VERDICT = re.compile(r"^(?:pass|fail|error) +\S+:\S+ +(\S+) .* ([\d.]+) s$", re.MULTILINE)
"""A line of `edgeproof run`: the runtime, and the seconds that its verdict took."""
RECIPE = """
[model]
name = "bench"
path = "model.keras"

[data]
samples = {samples}
batch = 1
range = [0, 255]

[export]
targets = ["tflite:float32", "tfjs:float32", "onnx:float32"]
"""


@dataclass
class Measured:
    """Everything about one network.

    Attributes:
        export: our three exports, one `Run` a repetition.
        whole: the same with the validation on every CPU runtime, reports and the bundle.
        vendor: the vendors' steps, by name.
        laps: seconds of our stages in one process.
        verdicts: seconds of each runtime's verdict in `whole`, a dictionary a repetition.
        sample_s: seconds of one sample on each runtime, the median of those that the verdict timed.
        size_bytes: of each target, ours and theirs.
        latency: of each format, ours and theirs.
    """

    name: str
    export: list[Run] = field(default_factory=list)
    whole: list[Run] = field(default_factory=list)
    vendor: dict[str, list[Run]] = field(default_factory=dict)
    laps: list[dict[str, float]] = field(default_factory=list)
    verdicts: list[dict[str, float]] = field(default_factory=list)
    sample_s: list[dict[str, float]] = field(default_factory=list)
    size_bytes: dict[str, tuple[int, int]] = field(default_factory=dict)
    latency: dict[str, dict[str, dict[str, float]]] = field(default_factory=dict)

    @property
    def vendors_together(self) -> list[Run]:
        return [one_after_the_other(turn) for turn in zip(*self.vendor.values(), strict=True)]


def main() -> None:
    arguments = _arguments()
    with tempfile.TemporaryDirectory(prefix="edgeproof-bench-") as scratch:
        measured = [_measure(name, arguments, Path(scratch) / name) for name in arguments.models]
    text = page.write(measured, arguments.repeat, arguments.samples)
    arguments.output.write_text(text, encoding="utf-8")
    print(f"wrote {arguments.output}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.bench_export", description=__doc__)
    known = [*models.NAMES, models.TINY]
    parser.add_argument("models", nargs="*", default=list(models.NAMES), help=f"of {', '.join(known)}")
    parser.add_argument("--repeat", type=int, default=3, help="repetitions")
    parser.add_argument("--samples", type=int, default=2, help="inputs of the validation")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "benchmarks.md")
    arguments = parser.parse_args()
    if unknown := set(arguments.models) - set(known):
        parser.error(f"no such model: {', '.join(sorted(unknown))}; known are {', '.join(known)}")
    return arguments


def _measure(name: str, arguments: argparse.Namespace, work: Path) -> Measured:
    work.mkdir()
    model = work / "model.keras"
    run([sys.executable, "-m", "bench.models", name, str(model)], work / "log")
    (work / "recipe.toml").write_text(RECIPE.format(samples=arguments.samples))
    measured = Measured(name)
    for turn in range(arguments.repeat):
        print(f"{name}: repetition {turn + 1} of {arguments.repeat}", flush=True)
        _repeat(measured, model, work)
    _compare(measured, work)
    return measured


def _repeat(measured: Measured, model: Path, work: Path) -> None:
    for folder in ("ours", "whole", "theirs", "laps"):
        shutil.rmtree(work / folder, ignore_errors=True)
    (work / "theirs").mkdir()
    log = work / "log"
    export = (EDGEPROOF, "export", str(model), "-t", ",".join(TARGETS), "-o", str(work / "ours"))
    measured.export.append(run(export, log))
    for step in vendors.steps(model, work / "theirs", DEFAULT_OPSET):
        measured.vendor.setdefault(step.name, []).append(run(step.command, log))
    places = ("-o", str(work / "whole"), "--bundles", str(work / "whole" / "bundles"))
    lines = work / "lines"
    lines.write_bytes(b"")
    measured.whole.append(run((EDGEPROOF, "run", str(work / "recipe.toml"), *places), lines))
    measured.verdicts.append({name: float(took) for name, took in VERDICT.findall(lines.read_text())})
    judged = json.loads((work / "whole" / RESULT_NAME).read_text())["verdicts"]
    measured.sample_s.append({row["runtime"]: row["latency"]["p50_ms"] / 1000 for row in judged})
    measured.laps.append(_json("bench.laps", str(model), str(work / "laps")))


def _compare(measured: Measured, work: Path) -> None:
    """Sizes, and latencies where both sides run in the same engine."""
    ours, theirs = work / "ours", work / "theirs"
    pairs = {
        "tflite": (ours / "tflite-float32" / "model.tflite", theirs / "model.tflite"),
        "onnx": (ours / "onnx-float32" / "model.onnx", theirs / "model.onnx"),
        "tfjs": (ours / "tfjs-float32", theirs / "tfjs"),
    }
    for format, (mine, other) in pairs.items():
        measured.size_bytes[format] = (_size(mine), _size(other))
        if mine.is_file():
            measured.latency[format] = _json("bench.latency", format, str(mine), str(other))


def _size(path: Path) -> int:
    """Of a file, or of a directory's files but our own record."""
    if path.is_file():
        return path.stat().st_size
    return sum(
        file.stat().st_size for file in path.rglob("*") if file.is_file() and file.name != "artifact.json"
    )


def _json(module: str, *arguments: str) -> dict:
    """The last line that a module of ours prints in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments], check=False, cwd=ROOT, capture_output=True, text=True
    )
    if done.returncode != 0:
        sys.exit(f"{module} ended with status {done.returncode}:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    main()
