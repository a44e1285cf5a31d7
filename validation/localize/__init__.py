"""Which layer of an export is wrong: the one that creates an error, told from those that pass it on.

    localize(artifact=…, runtime_name=…, reference=…, graph=…, out=…) -> Localization

The export is cut at every tensor that it shares with the original, and each stretch is fed the original's
values: on the runtime itself, whichever it is, since a cut copy is an artifact like any other.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from converters.artifact import Artifact
from converters.errors import EdgeproofError
from converters.frozen import FrozenGraph
from validation.casts import from_file
from validation.expected import Reference
from validation.localization import LayerError, Localization
from validation.localize.bench import Bench
from validation.localize.experiment import Experiment, Finding
from validation.localize.file_graph import FileOp
from validation.localize.measuring import FACTOR, difference
from validation.localize.original_graph import OriginalGraph
from validation.localize.runs import OriginalRun, TwinRun
from validation.localize.sample import choose
from validation.localize.search import find_guilty
from validation.noise import PRECISIONS, ROUNDINGS
from validation.runtime import Runtime
from validation.runtimes import runtime

__all__ = ["localize", "localize_on"]


def localize(
    *,
    artifact: Artifact,
    runtime_name: str,
    reference: Reference,
    graph: FrozenGraph,
    out: Path,
    sample: int | None = None,
) -> Localization:
    """Which layers of an export create its error.

    Args:
        artifact: as it was judged.
        runtime_name: that it was judged on.
        reference: the original's answers.
        graph: the original, frozen.
        out: gets a directory with the smallest failing case, if there is one.
        sample: that shows the error; None has the worst one looked for.

    Returns:
        `guilty`: names of Keras layers, the first one first; layers that the export has fused stand
        together. `layers`: the same with numbers.

    Raises:
        EdgeproofError: the export can't be run or read here.
    """
    return localize_on(
        runtime(runtime_name), artifact=artifact, reference=reference, graph=graph, out=out, sample=sample
    )


def localize_on(
    chosen: Runtime,
    *,
    artifact: Artifact,
    reference: Reference,
    graph: FrozenGraph,
    out: Path,
    sample: int | None = None,
) -> Localization:
    """As `localize`, on a runtime that is given."""
    with tempfile.TemporaryDirectory(prefix="localize-") as work:
        bench = Bench(artifact, chosen, Path(work))
        looked_at = choose(bench, reference, sample)
        experiment = _experiment(bench, graph, looked_at.inputs)
        values = experiment.values()
        seen, notes = _as_it_runs(experiment)
        findings = find_guilty(experiment, values, seen)
        rows = tuple(_row(experiment, finding, findings, values, seen) for finding in findings)
    guilty = tuple(dict.fromkeys(layer for row in rows if row.guilty for layer in row.layers))
    matched = {layer for row in rows for layer in row.layers[-1:]}
    return Localization(
        guilty=guilty,
        summary=_summary(rows),
        sample=looked_at.number,
        limit=FACTOR,
        truth="float64 twin" if experiment.twin else "the original itself, and one ulp on inputs and weights",
        layers=rows,
        unmatched=tuple(layer for layer in experiment.original.layers if layer not in matched),
        notes=tuple(notes),
    )


def _experiment(bench: Bench, graph: FrozenGraph, inputs: Mapping[str, np.ndarray]) -> Experiment:
    original = OriginalGraph(graph)
    actual = OriginalRun(original)
    quantization, specs = bench.artifact.quantization, {spec.name: spec for spec in graph.signature.inputs}
    given = {
        original.inputs[name]: from_file(array, specs[name], quantization.get(name))
        for name, array in inputs.items()
    }
    rounding = ROUNDINGS.get(bench.artifact.target.precision)
    return Experiment(
        bench=bench,
        original=original,
        actual=actual,
        twin=_twin(original, actual),
        inputs={bench.file.inputs[name]: array for name, array in inputs.items()},
        given=given,
        rounding=PRECISIONS[rounding] if rounding else None,
    )


def _twin(original: OriginalGraph, actual: OriginalRun) -> TwinRun | None:
    from validation.truth import NoTwinError

    try:
        return TwinRun(original, actual)
    except NoTwinError:
        return None


def _as_it_runs(experiment: Experiment) -> tuple[dict[str, np.ndarray], list[str]]:
    """Every tensor of one run, by key; up to where the runtime stops, if it does."""
    bench = experiment.bench
    try:
        return bench.run(experiment.inputs, _made_by(bench.file.ops)), []
    except EdgeproofError as error:
        note = f"the runtime stops: {error.got}"
    seen: dict[str, np.ndarray] = {}
    runs, fails = 0, len(bench.file.ops)
    while fails - runs > 1:
        middle = (runs + fails) // 2
        try:
            seen = bench.run(experiment.inputs, _made_by(bench.file.ops[:middle]))
            runs = middle
        except EdgeproofError:
            fails = middle
    return seen, [note]


def _made_by(ops: Sequence[FileOp]) -> list[str]:
    return [key for op in ops for key in op.outputs]


def _row(
    experiment: Experiment,
    finding: Finding,
    findings: list[Finding],
    values: Mapping[str, np.ndarray],
    seen: Mapping[str, np.ndarray],
) -> LayerError:
    match = finding.match
    tensor, key = match.boundary.tensor, match.key
    given = [other.match.boundary.tensor for other in findings]
    ops, _ = experiment.bench.file.cone([key], {other.match.key for other in findings})
    low, high = _range(values[tensor])
    return LayerError(
        layers=experiment.original.group(tensor, given),
        tensor=tensor,
        file_tensor=experiment.bench.file.tensors[key].names[0],
        ops=tuple(op.kind for op in ops),
        inherited=difference(values[tensor], match.from_file(seen[key])).relative if key in seen else np.inf,
        alone=finding.error.relative,
        noise_ratio=finding.ratio,
        low=low,
        high=high,
        dtype=match.dtype,
        scale=match.quantization.scale if match.quantization else None,
        zero_point=match.quantization.zero_point if match.quantization else None,
        sqnr_db=finding.error.sqnr_db,
        guilty=finding.wrong,
        fault=finding.fault,
    )


def _range(values: np.ndarray) -> tuple[float, float]:
    """Least and greatest finite value; NaN where there is none."""
    numbers = np.zeros(0) if values.dtype == object else values.astype(np.float64)
    finite = numbers[np.isfinite(numbers)]
    return (float(finite.min()), float(finite.max())) if finite.size else (np.nan, np.nan)


def _summary(rows: tuple[LayerError, ...]) -> str:
    guilty = [row for row in rows if row.guilty]
    if not guilty:
        return "no layer alone is wrong"
    first = guilty[0]
    name = " + ".join(first.layers)
    return f"{name} creates the error: {first.fault or f'{first.noise_ratio:.3g} times its own noise'}"
