"""The ways in which engines in browsers run something else than was asked for, each shown to be closed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from converters.artifact import Artifact, record_files
from converters.errors import EdgeproofError
from converters.signature import Signature, TensorSpec
from converters.target import ExportTarget
from tests.validation.browsers import needs_chromium
from tests.validation.dense_files import write_dense
from tests.validation.hand_made import Line, Port, write
from validation.runtimes import runtime
from validation.runtimes.browser import server, shared

pytestmark = [needs_chromium, pytest.mark.heavy]
X = {"x": np.linspace(-1, 1, 48, dtype=np.float32).reshape(4, 12)}


@pytest.fixture(scope="module", autouse=True)
def _browsers() -> Iterator[None]:
    yield
    shared.discard_all()


@pytest.fixture
def thirds() -> tuple[np.ndarray, np.ndarray]:
    """Weights that no 16-bit float holds."""
    return np.full((12, 5), 1 / 3, np.float32), np.full(5, 1 / 7, np.float32)


def relative_error(name: str, artifact: Artifact, weights: np.ndarray, bias: np.ndarray) -> float:
    want = X["x"].astype(np.float64) @ weights + bias
    with runtime(name).open(artifact) as session:
        return float(np.abs(session.run(X)["y"] - want).max() / np.abs(want).max())


def test_textures_of_16_bits_are_a_row_of_their_own(tmp_path: Path, thirds: tuple) -> None:
    dense = write_dense("tfjs", tmp_path, *thirds)
    assert relative_error("chromium-tfjs-webgl", dense, *thirds) < 1e-6
    assert 2**-13 < relative_error("chromium-tfjs-webgl-f16", dense, *thirds) < 2**-9
    assert runtime("chromium-tfjs-webgl").arithmetic == "float32"
    assert runtime("chromium-tfjs-webgl-f16").arithmetic == "float16"


def test_small_tensors_are_computed_on_the_gpu(tmp_path: Path) -> None:
    line = write("tfjs", tmp_path, {"x": Port((None, 3))}, {"y": Line("x", 2.0)})
    # WebGPU leaves up to 6 elements to the CPU, and then says that nothing is proven.
    for name, rows in (("chromium-tfjs-webgl", 1), ("chromium-tfjs-webgpu", 3)):
        with runtime(name).open(line) as session:
            session.run({"x": np.ones((rows, 3), np.float32)})
            assert "GPU calls in the last batch" in session.device


@pytest.mark.parametrize("name", ["chromium-tfjs-webgl", "chromium-tfjs-webgpu"])
def test_integers_beyond_2_to_the_24_are_refused(name: str, tmp_path: Path) -> None:
    line = write("tfjs", tmp_path, {"x": Port((None, 8), "int32")}, {"y": Line("x", 1.0)})
    x = np.full((1, 8), 2**24, np.int32)
    with runtime(name).open(line) as session:
        assert session.run({"x": x})["y"].tolist() == x.tolist()
        with pytest.raises(EdgeproofError) as caught:
            session.run({"x": x + 1})
    assert caught.value.got.splitlines()[0] == (
        "Error: x holds 16777217: TF.js computes integers beyond 2^24 wrongly on a GPU backend"
    )


def test_a_model_that_onnx_runtime_moves_to_the_cpu_is_an_error(tmp_path: Path) -> None:
    with (
        runtime("chromium-ort-webgpu").open(_determinant(tmp_path)) as session,
        pytest.raises(EdgeproofError) as caught,
    ):
        session.run({"x": np.eye(3, dtype=np.float32)[None]})
    assert str(caught.value) == (
        f"{tmp_path / 'model.onnx'} on chromium-ort-webgpu: proving the device failed\n"
        "  got:  no work was dispatched to WebGPU (adapter google swiftshader)\n"
        "  want: a file that this runtime opens and runs\n"
        "  fix:  leave chromium-ort-webgpu out with --runtime, or change the layer that it cannot run"
    )


def _determinant(directory: Path) -> Artifact:
    """One op that ONNX Runtime has no WebGPU kernel for."""
    import onnx
    from onnx import TensorProto, helper

    ends = [("x", ["n", 3, 3]), ("y", ["n"])]
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in ends)
    graph = helper.make_graph([helper.make_node("Det", ["x"], ["y"])], "determinant", [x], [y])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, str(directory / "model.onnx"))
    specs = TensorSpec("x", (None, 3, 3), "float32"), TensorSpec("y", (None,), "float32")
    return Artifact(
        target=ExportTarget("onnx", "float32"),
        directory=directory,
        entry="model.onnx",
        files=record_files(directory),
        signature=Signature(specs[:1], specs[1:]),
        input_names={"x": "x"},
        output_names={"y": "y"},
    )


def test_what_is_read_back_from_webgpu_in_the_middle_is_an_error(tmp_path: Path) -> None:
    line = write("tfjs", tmp_path, {"x": Port((None, 1, 1, 2, 4))}, {"y": Line("x", 2.0)})
    model = json.loads(line.entry_path.read_text())
    kind = {"type": "DT_FLOAT"}
    (twice,) = (node for node in model["modelTopology"]["node"] if node["name"] == "y")
    twice["name"] = "twice"
    counts = {"name": "counts", "op": "Const", "attr": {"dtype": {"type": "DT_INT32"}}}
    tile = {"name": "y", "op": "Tile", "input": ["twice", "counts"], "attr": {"T": kind}}
    model["modelTopology"]["node"] += [counts, tile]
    model["weightsManifest"][0]["weights"].append({"name": "counts", "shape": [5], "dtype": "int32"})
    with (tmp_path / "shard.bin").open("ab") as shard:
        shard.write(np.array([1, 1, 3, 1, 1], "<i4").tobytes())
    line.entry_path.write_text(json.dumps(model))
    x = np.linspace(-1, 1, 16, dtype=np.float32).reshape(2, 1, 1, 2, 4)
    with runtime("chromium-tfjs-webgl").open(line) as session:
        np.testing.assert_array_equal(session.run({"x": x})["y"], np.tile(2 * x, (1, 1, 3, 1, 1)))
    with runtime("chromium-tfjs-webgpu").open(line) as session, pytest.raises(EdgeproofError) as caught:
        session.run({"x": x})
    assert caught.value.got.splitlines()[0] == (
        "Error: TF.js' Tile reads its input back from WebGPU, which loses values"
    )


def test_litert_says_which_adapter_it_selected(tmp_path: Path, thirds: tuple) -> None:
    dense = write_dense("tflite", tmp_path, *thirds)
    with runtime("chromium-litert-webgpu").open(dense) as session:
        session.run(X)
        device = session.device
    assert "webgpu backend" in device
    assert "adapter " in device
    assert "GPU calls in the last batch, fp32" in device


@pytest.mark.parametrize("name", ["chromium-tfjs-wasm", "chromium-ort-wasm", "chromium-litert-wasm"])
def test_a_page_without_isolation_is_refused_where_engines_would_drop_to_one_thread(
    name: str, tmp_path: Path, thirds: tuple, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared.discard_all()
    monkeypatch.setattr(server._Handler, "_isolate", lambda handler: None)
    dense = write_dense(min(runtime(name).formats), tmp_path, *thirds)
    with pytest.raises(EdgeproofError) as caught, runtime(name).open(dense):
        pass
    assert caught.value.what == f"{dense.entry_path} on {name}: starting the engine failed"
    assert caught.value.got.splitlines()[0] == (
        "Error: the page is not isolated: every engine would run on one thread, in silence"
    )
