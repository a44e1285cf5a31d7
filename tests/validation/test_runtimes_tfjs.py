"""What only TF.js does: control flow, weights as outputs, tensors that have to be freed by hand."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from converters.artifact import Artifact, record_files
from converters.errors import EdgeproofError
from converters.signature import Signature, TensorSpec
from converters.target import ExportTarget
from validation.runtimes import runtime

BACKENDS = pytest.mark.parametrize("name", ["tfjs-node-cpu", "tfjs-node-wasm"])
FLOAT = {"type": "DT_FLOAT"}


def node(name: str, op: str, *sources: str, **attr: Any) -> dict[str, Any]:
    return {"name": name, "op": op, "input": list(sources), "attr": attr}


def write(
    folder: Path, nodes: list[dict[str, Any]], x: TensorSpec, y: TensorSpec, weights: Mapping[str, np.ndarray]
) -> Artifact:
    """A graph model with these nodes, input `x` and output `y`."""
    specs = [{"name": n, "shape": list(a.shape), "dtype": a.dtype.name} for n, a in weights.items()]
    model = {
        "format": "graph-model",
        "modelTopology": {"node": nodes, "versions": {"producer": 1}},
        "weightsManifest": [{"paths": ["shard.bin"], "weights": specs}] if specs else [],
    }
    (folder / "shard.bin").write_bytes(b"".join(array.tobytes() for array in weights.values()))
    (folder / "model.json").write_text(json.dumps(model))
    return Artifact(
        target=ExportTarget("tfjs", "float32"),
        directory=folder,
        entry="model.json",
        files=record_files(folder),
        signature=Signature((x,), (y,)),
        input_names={"x": "x"},
        output_names={"y": "y"},
    )


@BACKENDS
def test_a_shape_that_depends_on_values_is_executed_asynchronously(name: str, tmp_path: Path) -> None:
    nodes = [node("x", "Placeholder", dtype={"type": "DT_BOOL"}), node("y", "Where", "x")]
    spec = TensorSpec("x", (None,), "bool"), TensorSpec("y", (None, 1), "int32")
    artifact = write(tmp_path, nodes, *spec, {})
    with runtime(name).open(artifact) as session:
        assert session.run({"x": np.array([True, False, True])})["y"].tolist() == [[0], [2]]
        assert session.run({"x": np.array([False, True])})["y"].tolist() == [[1]]
        assert ", executeAsync, " in session.device


@BACKENDS
def test_an_output_that_is_a_weight_survives_the_first_run(name: str, tmp_path: Path) -> None:
    nodes = [node("x", "Placeholder", dtype=FLOAT), node("y", "Const", dtype=FLOAT)]
    weights = {"y": np.array([1.5, -2.5], np.float32)}
    spec = TensorSpec("x", (None,), "float32"), TensorSpec("y", (2,), "float32")
    artifact = write(tmp_path, nodes, *spec, weights)
    with runtime(name).open(artifact) as session:
        for _ in range(3):
            assert session.run({"x": np.ones(1, np.float32)})["y"].tolist() == [1.5, -2.5]


@BACKENDS
def test_a_slice_is_not_its_whole_buffer(name: str, tmp_path: Path) -> None:
    """TF.js 4.22: `Tensor.bytes()` gives the buffer behind the view that the cpu backend's slice is."""
    int32 = {"type": "DT_INT32"}
    nodes = [
        node("x", "Placeholder", dtype=FLOAT),
        node("begin", "Const", dtype=int32),
        node("size", "Const", dtype=int32),
        node("y", "Slice", "x", "begin", "size", T=FLOAT),
    ]
    weights = {"begin": np.array([1], np.int32), "size": np.array([2], np.int32)}
    spec = TensorSpec("x", (None,), "float32"), TensorSpec("y", (2,), "float32")
    artifact = write(tmp_path, nodes, *spec, weights)
    with runtime(name).open(artifact) as session:
        assert session.run({"x": np.array([1, 2, 3, 4], np.float32)})["y"].tolist() == [2.0, 3.0]


@BACKENDS
def test_a_batch_that_fails_leaves_the_session_usable(name: str, tmp_path: Path) -> None:
    nodes = [
        node("x", "Placeholder", dtype=FLOAT),
        node("w", "Const", dtype=FLOAT),
        node("y", "MatMul", "x", "w", T=FLOAT),
    ]
    spec = TensorSpec("x", (None, None), "float32"), TensorSpec("y", (None, 1), "float32")
    artifact = write(tmp_path, nodes, *spec, {"w": np.ones((3, 1), np.float32)})
    with runtime(name).open(artifact) as session:
        with pytest.raises(EdgeproofError) as caught:
            session.run({"x": np.ones((1, 4), np.float32)})
        for _ in range(3):
            assert session.run({"x": np.ones((1, 3), np.float32)})["y"].tolist() == [[3.0]]
    assert caught.value.what == f"{artifact.entry_path} on {name}: running it failed"
    assert "inner shapes (4) and (3)" in caught.value.got


@BACKENDS
def test_an_op_that_tfjs_lacks_is_named(name: str, tmp_path: Path) -> None:
    nodes = [node("x", "Placeholder", dtype=FLOAT), node("y", "Erfc", "x", T=FLOAT)]
    spec = TensorSpec("x", (None,), "float32"), TensorSpec("y", (None,), "float32")
    with (
        pytest.raises(EdgeproofError) as caught,
        runtime(name).open(write(tmp_path, nodes, *spec, {})) as session,
    ):
        session.run({"x": np.ones(1, np.float32)})
    assert "Erfc" in caught.value.got


@pytest.mark.timeout(60)
@BACKENDS
def test_a_request_may_be_larger_than_a_pipe(name: str, tmp_path: Path) -> None:
    nodes = [node("x", "Placeholder", dtype=FLOAT), node("y", "Neg", "x", T=FLOAT)]
    spec = TensorSpec("x", (None,), "float32"), TensorSpec("y", (None,), "float32")
    sent = np.arange(2**20, dtype=np.float32)
    with runtime(name).open(write(tmp_path, nodes, *spec, {})) as session:
        for size in (2**14, 2**14 + 1, 2**20):
            assert np.array_equal(session.run({"x": sent[:size]})["y"], -sent[:size])
