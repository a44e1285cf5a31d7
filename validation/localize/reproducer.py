"""The smallest failing case: the guilty layers alone, one input, and a script that shows the difference.

reproducer/
  model.onnx, model.tflite or model.json   the export, cut down to the guilty layers
  input.npz       what they are given
  expected.npz    what they should give, and how far they may be off
  reproduce.py    (reproduce.cjs, reproduce.html for TF.js) imports the vendor's packages only
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from converters.errors import EdgeproofError
from validation.localization import LayerError
from validation.localize.bench import Bench
from validation.localize.experiment import Experiment, Finding
from validation.localize.measuring import FACTOR, difference
from validation.localize.rows import name_of
from validation.localize.scripts import Case, write_script
from validation.tensor_files import write_tensors


@dataclass(frozen=True, slots=True)
class Written:
    """What came of it.

    Attributes:
        directory: with the case; "" where there is none.
        notes: why not, one sentence each.
    """

    directory: str = ""
    notes: tuple[str, ...] = ()


def write_reproducer(
    experiment: Experiment,
    findings: Sequence[Finding],
    rows: Sequence[LayerError],
    values: Mapping[str, np.ndarray],
    out: Path,
) -> Written:
    """Writes the case of the first guilty layers; nothing where none is guilty.

    Args:
        out: becomes the directory of the case, in place of an earlier one.
    """
    wrong = [number for number, finding in enumerate(findings) if finding.wrong]
    if not wrong:
        return Written()
    finding, row = findings[wrong[0]], rows[wrong[0]]
    try:
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        _write(experiment, finding, row, experiment.feeds([f.match for f in findings], values), out)
    except (EdgeproofError, OSError) as error:
        shutil.rmtree(out, ignore_errors=True)
        why = error.got if isinstance(error, EdgeproofError) else str(error)
        return Written(notes=(f"no smaller failing case: {why}",))
    return Written(str(out))


def _write(
    experiment: Experiment,
    finding: Finding,
    row: LayerError,
    feeds: Mapping[str, np.ndarray],
    directory: Path,
) -> None:
    bench, key = experiment.bench, finding.match.key
    needed = bench.file.cone([key], feeds.keys())[1]
    expected, floor = _expected(finding), finding.judged_by
    inputs = {name: array for name, array in feeds.items() if name in needed}
    one = _one_sample(bench, inputs, finding, expected, FACTOR * floor.max_abs)
    if one is not None:
        inputs, expected = one
    artifact = bench.cut(inputs, [key], directory)
    case = Case(
        artifact=artifact,
        runtime=bench.runtime.name,
        layers=name_of(row),
        ops=row.ops,
        output=artifact.output_names[key],
        quantization=finding.match.quantization,
        limit=FACTOR * floor.max_abs,
        rms_limit=FACTOR * floor.rms,
        fault=row.fault,
        channel=None if finding.channel is None else (_axis(finding), finding.channel),
    )
    write_tensors(directory / "input.npz", {artifact.input_names[name]: a for name, a in inputs.items()})
    write_tensors(directory / "expected.npz", {artifact.output_names[key]: expected})
    write_script(case, directory)


def _expected(finding: Finding) -> np.ndarray:
    """What the layers should give, in the file's layout."""
    match, truth = finding.match, finding.truth
    plain = replace(match, quantization=None, dtype="float32" if truth.dtype.kind == "f" else match.dtype)
    return plain.to_file(truth)


def _axis(finding: Finding) -> int:
    """Of the channels in the file's layout."""
    last = finding.truth.ndim - 1
    return last if finding.match.permutation is None else finding.match.permutation.index(last)


def _one_sample(
    bench: Bench,
    inputs: Mapping[str, np.ndarray],
    finding: Finding,
    expected: np.ndarray,
    limit: float,
) -> tuple[dict[str, np.ndarray], np.ndarray] | None:
    """Inputs and answer of the sample that is most wrong, where it fails by itself."""
    sizes = {array.shape[:1] for array in (*inputs.values(), expected)}
    if len(sizes) != 1 or sizes in ({()}, {(1,)}):
        return None
    plain = replace(finding.match, permutation=None)
    try:
        actual = plain.from_file(bench.run(inputs, [finding.match.key])[finding.match.key])
        if actual.shape != expected.shape:
            return _rows(inputs, expected, 0)
        rows = [_difference(finding, expected[[i]], actual[[i]]) for i in range(len(expected))]
        worst = int(np.argmax(rows))
        chosen = _rows(inputs, expected, worst)
        alone = plain.from_file(bench.run(chosen[0], [finding.match.key])[finding.match.key])
    except EdgeproofError:
        return None
    return chosen if _difference(finding, chosen[1], alone) > limit else None


def _difference(finding: Finding, expected: np.ndarray, actual: np.ndarray) -> float:
    """The greatest, of the channel that is wrong where only one is."""
    if finding.channel is not None:
        axis = _axis(finding)
        expected, actual = expected.take(finding.channel, axis), actual.take(finding.channel, axis)
    return difference(expected, actual).max_abs


def _rows(
    inputs: Mapping[str, np.ndarray], expected: np.ndarray, row: int
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    return {name: array[row : row + 1] for name, array in inputs.items()}, expected[row : row + 1]
