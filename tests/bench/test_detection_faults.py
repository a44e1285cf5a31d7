"""Each fault of the catalogue changes the one place that it names, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from bench.detection.catalogue import KINDS, mutate
from bench.detection.models import FLOAT32, MODELS, TARGETS
from bench.detection.parsed import Op, ParsedFile, names_layer, open_file
from bench.detection.workshop import Exports, export
from converters.artifact import Artifact, check_files

FAST = ("cnn", "towers")
REST = tuple(name for name in MODELS if name not in FAST)

SEVERAL = {"layers-swapped": 2, "norm-epsilon": 2, "norm-epsilon-slightly": 2, "norm-dropped": 2}
"""Ops that a fault changes, where that is not one: a norm that stands alone is a product and a sum."""

ADDED = {"noise-left-on": 2, "values-clamped": 1, "activation-float16": 2}
"""Ops that a fault adds; the one before only gets another name for its result."""

AT_THE_ENDS = {"outputs-swapped", "inputs-swapped"}


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Exports]:
    return _Made(tmp_path_factory.mktemp("exports"))


class _Made(dict[str, Exports]):
    """Networks by name, exported when they are asked for."""

    def __init__(self, work: Path) -> None:
        self._work = work

    def __missing__(self, name: str) -> Exports:
        (self._work / name).mkdir()
        case = MODELS[name]
        self[name] = export(case.build(), case, TARGETS.get(name, FLOAT32), self._work / name)
        return self[name]


def changed(made: Exports, artifact: Artifact, mutant: Artifact) -> tuple[list[Op], int]:
    """The mutant's ops that the correct export has otherwise, and how many more it has."""
    before, after = (list(described(open_file(a, made.layers))) for a in (artifact, mutant))
    known = [facts for _, facts in before]
    return [op for op, facts in after if facts not in known], len(after) - len(before)


def described(file: ParsedFile) -> Iterator[tuple[Op, Any]]:
    """Every op with all that it is: operation, attributes, constants, quantization, what it reads."""
    for op in file.ops():
        constants = [file.constant(op, index) for index in range(file.inputs(op))]
        values = [None if c is None else (c.dtype.name, c.shape, c.tobytes()) for c in constants]
        yield op, (op.kind, values, _facts(file, op, [c is not None for c in constants]))


def _facts(file: Any, op: Op, constant: list[bool]) -> Any:
    if file.format == "tflite":
        tensors = op.graph.tensors
        reads = ["" if c or i < 0 else tensors[i].name for i, c in zip(op.raw.inputs, constant, strict=True)]
        kept = [tensors[i] for i, c in zip(op.raw.inputs, constant, strict=True) if c and i >= 0]
        own = [*kept, *(tensors[i] for i in op.raw.outputs)]
        options = vars(op.raw.builtinOptions) if op.raw.builtinOptions else {}
        makes = [tensors[i].name for i in op.raw.outputs]
        return options, reads, makes, [_quantization(tensor) for tensor in own]
    if file.format == "onnx":
        reads = ["" if c else name for name, c in zip(op.raw.input, constant, strict=True)]
        own = [a.SerializeToString() for a in op.raw.attribute if not a.HasField("g")]  # a loop's body is ops
        return own, reads, list(op.raw.output)
    names = op.raw.get("input", [])
    reads = ["" if c else name for name, c in zip(names, constant, strict=True)]
    rows = [
        file.rows[n.partition(":")[0]].get("quantization") for n, c in zip(names, constant, strict=True) if c
    ]
    return op.raw["name"], op.raw.get("attr"), reads, rows


def _quantization(tensor: Any) -> Any:
    params = tensor.quantization
    return params and [list(v) if v is not None else None for v in (params.scale, params.zeroPoint)]


def _check(kind: str, made: Exports, artifact: Artifact, work: Path) -> bool:
    """Whether the kind applies; what it did is confirmed."""
    settings: Mapping[str, Any] = {"layers": made.layers, "norms": made.norms}
    mutant = mutate(KINDS[kind], artifact, work / "first", **settings)
    if mutant is None:
        return False
    again = mutate(KINDS[kind], artifact, work / "second", **settings)
    assert again is not None
    assert (again.hit, again.artifact.files) == (mutant.hit, mutant.artifact.files), "not the same twice"
    assert mutant.artifact.files != artifact.files, "nothing was changed"
    check_files(artifact.directory, artifact.files)
    ops, more = changed(made, artifact, mutant.artifact)
    if kind in AT_THE_ENDS:
        assert mutant.hit.layers == ()
        return True
    assert more == ADDED.get(kind, 0)
    assert 1 <= len(ops) <= SEVERAL.get(kind, 1 + more), [op.names for op in ops]
    if not more:
        file = open_file(mutant.artifact, made.layers)
        found = {layer for op in ops for layer in file.layers_of(op)}
        assert found == set(mutant.hit.layers)
    return True


@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_changes_the_place_that_it_names(kind: str, workshop: Any, tmp_path: Path) -> None:
    for name in FAST:
        for artifact in workshop[name].artifacts.values():
            _check(kind, workshop[name], artifact, tmp_path)


@pytest.mark.heavy
@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_applies_somewhere(kind: str, workshop: Any, tmp_path: Path) -> None:
    hits = [
        _check(kind, workshop[name], artifact, tmp_path)
        for name in MODELS
        for artifact in workshop[name].artifacts.values()
    ]
    assert any(hits)


@pytest.mark.parametrize(
    ("name", "layer", "is_part"),
    [
        ("functional_1/conv_1/Relu;functional_1/norm_1/add", "norm", True),
        ("functional_1/conv_1/BiasAdd:0__1", "conv", True),
        ("conv", "conv", True),
        ("functional_1/conv_1/Relu", "con", False),
        ("functional_1/conv2_1/Relu", "conv", False),
        ("const_fold_opt__1", "conv", False),
    ],
)
def test_a_layer_is_a_whole_part_of_a_name(name: str, layer: str, is_part: bool) -> None:
    assert names_layer(name, layer) is is_part
