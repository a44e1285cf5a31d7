"""What localization reads in a TF.js file before it cuts it: which results each op has."""

from __future__ import annotations

import json

import numpy as np
import pytest

from converters.artifact import Artifact
from converters.signature import Signature, TensorSpec
from converters.target import ExportTarget
from validation.localize import tfjs_cut


@pytest.fixture
def behind(tmp_path):
    """A file where an op takes the third result of another one, which takes the input."""

    def write(op):
        nodes = [
            {"name": "x", "op": "Placeholder", "attr": {"dtype": {"type": "DT_FLOAT"}}},
            {"name": "before", "op": "Relu", "input": ["x"]},
            {"name": "several", "op": op, "input": ["before"]},
            {"name": "y", "op": "Tanh", "input": ["several:2"]},
        ]
        model = {"format": "graph-model", "modelTopology": {"node": nodes}, "weightsManifest": []}
        (tmp_path / "model.json").write_text(json.dumps(model))
        return Artifact(
            target=ExportTarget("tfjs", "float32"),
            directory=tmp_path,
            entry="model.json",
            files=(),
            signature=Signature((TensorSpec("x", (2,), "float32"),), (TensorSpec("y", (2,), "float32"),)),
            input_names={"x": "x"},
            output_names={"y": "y"},
        )

    return write


@pytest.mark.parametrize("op", ["While", "StatelessIf", "IdentityN", "Unpack", "NonMaxSuppressionV5"])
def test_what_lies_behind_a_further_result_is_computed_from_what_the_op_takes(behind, op):
    file = tfjs_cut.read(behind(op))
    made = ("several", "several:1", "several:2")
    assert [row.outputs for row in file.ops] == [("before",), made, ("y",)]
    ops, taken = file.cone(["y"], {"before"})
    assert ([row.kind for row in ops], taken) == ([op, "Tanh"], {"before"})


def test_a_cut_before_a_loop_keeps_the_loop(behind, tmp_path):
    artifact, out = behind("StatelessWhile"), tmp_path / "cut"
    out.mkdir()
    tfjs_cut.write(artifact, {"before": np.zeros(2, "f4")}, ["y"], out)
    nodes = json.loads((out / "model.json").read_text())["modelTopology"]["node"]
    assert [(node["name"], node["op"], node.get("input")) for node in nodes] == [
        ("before__fed", "Placeholder", None),
        ("several", "StatelessWhile", ["before__fed"]),
        ("y", "Tanh", ["several:2"]),
    ]
