"""Which layer of an export is wrong: the one that creates an error, told from those that pass it on.

    localize(artifact=…, runtime_name=…, reference=…, graph=…, out=…) -> Localization

    sample        which inputs: those on which the export is most wrong
    file_graph    the file as a graph
    cutting       copies of the file cut anywhere (onnx_cut, tflite_cut, tfjs_cut)
    original_graph, runs   the original as layers, in its own arithmetic and in float64
    matching      tensors that both have, by name (naming) and by value, in either layout (layouts)
    experiment    each stretch between them alone, fed the original's values
    search        which of the matches are none, and which layers are wrong
    hidden        faults that show only while nobody looks
    reproducer    the smallest failing case, for a bug report

Everything runs on the runtime that was judged, whichever it is: a cut copy is an artifact like any other.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from converters.artifact import Artifact
from converters.frozen import FrozenGraph
from validation.expected import Reference
from validation.localization import Localization
from validation.localize.bench import Bench
from validation.localize.hidden import find_hidden
from validation.localize.measuring import FACTOR
from validation.localize.reproducer import write_reproducer
from validation.localize.rows import make_rows, summarize
from validation.localize.sample import choose
from validation.localize.search import find_guilty
from validation.localize.start import run_in_sight, set_up
from validation.runtime import Runtime
from validation.runtimes import runtime
from validation.weights.check import accuse, find_wrong

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
        out: becomes the directory of the smallest failing case, if there is one.
        sample: that shows the error; None has the worst one looked for.

    Returns:
        `guilty`: names of Keras layers, the first one first; layers that the export has fused stand
        together. `layers`: the same with numbers, one row for each tensor that both have.

    Raises:
        EdgeproofError: the export can't be read or takes none of the samples.
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
    with tempfile.TemporaryDirectory(prefix="edgeproof-localize-") as work:
        bench = Bench(artifact, chosen, Path(work))
        looked_at = choose(bench, reference, sample)
        experiment, truth = set_up(bench, graph, looked_at.inputs)
        values = experiment.values()
        seen, notes = run_in_sight(bench, experiment.inputs)
        findings, hidden = find_guilty(experiment, values, seen), ""
        if not any(finding.wrong for finding in findings):
            findings, hidden = find_hidden(experiment, findings, values)
        rows = make_rows(experiment, findings, values, seen)
        if hidden:
            rows = tuple(replace(row, fault=row.fault or hidden) if row.guilty else row for row in rows)
        case = write_reproducer(experiment, findings, rows, values, out)
        if not any(row.guilty for row in rows):
            rows = accuse(rows, find_wrong(artifact, reference))
    matched = {layer for row in rows for layer in row.layers[-1:]}
    return Localization(
        guilty=tuple(dict.fromkeys(layer for row in rows if row.guilty for layer in row.layers)),
        summary=summarize(rows),
        sample=looked_at.number,
        limit=FACTOR,
        truth=truth,
        layers=rows,
        unmatched=tuple(layer for layer in experiment.original.layers if layer not in matched),
        notes=(*notes, *case.notes),
        reproducer=case.directory,
    )
