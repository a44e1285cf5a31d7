"""Sets export and original up side by side, and has the export run once with all its tensors in sight."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from converters.errors import EdgeproofError
from converters.frozen import FrozenGraph
from validation.casts import from_file
from validation.coarser import PRECISIONS, ROUNDINGS
from validation.localize.bench import Bench
from validation.localize.experiment import Experiment
from validation.localize.file_graph import FileOp
from validation.localize.original_graph import OriginalGraph
from validation.localize.runs import OriginalRun, TwinRun
from validation.runtime import UNIT_ROUNDOFF

_INT8 = 2.0**-7
"""Half a step of 8 bits, relative to a value of a quarter of the range, as most are."""

_IN_8_BITS = frozenset({"tflite:int8", "tflite:int8_io", "tflite:dynamic_int8"})
"""Targets whose kernels multiply 8-bit numbers, and add the products up in int32."""

_ARITHMETIC = {**dict.fromkeys(_IN_8_BITS, _INT8), "onnx:float16": UNIT_ROUNDOFF["float16"]}
"""Greatest relative error of a result, in targets that round more than their weights."""


def set_up(bench: Bench, graph: FrozenGraph, inputs: Mapping[str, np.ndarray]) -> tuple[Experiment, str]:
    """The experiment, and what the layers are held against.

    Args:
        inputs: in the file's dtypes, by Keras name.
    """
    original = OriginalGraph(graph)
    actual = OriginalRun(original)
    target = str(bench.artifact.target)
    twin, truth = _twin(original, actual, exact_sums=target in _IN_8_BITS)
    quantization, specs = bench.artifact.quantization, {spec.name: spec for spec in graph.signature.inputs}
    rounding = ROUNDINGS.get(bench.artifact.target.precision)
    experiment = Experiment(
        bench=bench,
        original=original,
        actual=actual,
        twin=twin,
        inputs={bench.file.inputs[name]: array for name, array in inputs.items()},
        given={
            original.inputs[name]: from_file(array, specs[name], quantization.get(name))
            for name, array in inputs.items()
        },
        rounding=PRECISIONS[rounding] if rounding else None,
        arithmetic=max(UNIT_ROUNDOFF[bench.runtime.arithmetic], _ARITHMETIC.get(target, 0.0)),
    )
    return experiment, truth


def _twin(original: OriginalGraph, actual: OriginalRun, *, exact_sums: bool) -> tuple[TwinRun | None, str]:
    from validation.truth import NoTwinError

    try:
        return TwinRun(original, actual, exact_sums=exact_sums), "float64 twin of the original's graph"
    except NoTwinError as error:
        return None, f"the original itself: no float64 twin, because {error}"


def run_in_sight(bench: Bench, inputs: Mapping[str, np.ndarray]) -> tuple[dict[str, np.ndarray], list[str]]:
    """Every tensor of one run, by key; up to where the runtime stops, if it does."""
    try:
        return bench.run(inputs, _made_by(bench.file.ops)), []
    except EdgeproofError as error:
        note = f"with every tensor in sight the runtime stops: {' '.join(error.got.split())}"
    seen: dict[str, np.ndarray] = {}
    runs, fails = 0, len(bench.file.ops)
    while fails - runs > 1:
        middle = (runs + fails) // 2
        try:
            seen = bench.run(inputs, _made_by(bench.file.ops[:middle]))
            runs = middle
        except EdgeproofError:
            fails = middle
    return seen, [note]


def _made_by(ops: Sequence[FileOp]) -> list[str]:
    return [key for op in ops for key in op.outputs if op.observable]
