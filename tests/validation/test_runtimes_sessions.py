"""What every session must do, on every CPU runtime."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from converters.artifact import Artifact
from converters.errors import EdgeproofError, ExitStatus
from converters.signature import TensorSpec
from tests.validation.hand_made import ENTRIES, Line, Port, write
from validation.runtimes import runtime, select
from validation.runtimes.wire import to_wire

NAMES = tuple(row.name for row in select(("cpu",)) if not row.formats.isdisjoint(ENTRIES))
"""Those of engines with environments of their own too, where they are installed."""

EVERY = pytest.mark.parametrize("name", NAMES)

NO_STRINGS = "onnxruntime-openvino"
"""OpenVINO has no tensors of strings, and leaves the node to the CPU."""


def make(name: str, directory: Path, inputs: dict[str, Port], outputs: dict[str, Line]) -> Artifact:
    return write(min(runtime(name).formats), directory, inputs, outputs)


_BITS = [0x7FC00001, 0xFFC12345, 0x80000000, 0x00000001, 0x807FFFFF, 0x7F800000, 0xFF800000]
SPECIAL = np.array(_BITS, np.uint32).view(np.float32)
"""NaNs with payloads, -0, denormals, infinities."""

EXACT = {
    "float32": SPECIAL,
    "float16": np.array([0x7E01, 0x8000, 0x0001, 0x7C00, 0xFC00, 0x3C00], np.uint16).view(np.float16),
    "float64": np.array([np.inf, -0.0, 1.5, -(2.0**100)]),
    "int32": np.array([1, -2, 2**31 - 1, -(2**31)], np.int32),
    "int64": np.array([1, -2, 2**31 - 1, -(2**31)], np.int64),
    "uint8": np.array([0, 1, 128, 255], np.uint8),
    "bool": np.array([True, False, True]),
}


@EVERY
def test_every_bit_passes_through(name: str, tmp_path: Path) -> None:
    inputs = {f"x_{dtype}": Port((None, len(values)), dtype) for dtype, values in EXACT.items()}
    outputs = {f"y_{dtype}": Line(f"x_{dtype}") for dtype in EXACT}
    artifact = make(name, tmp_path, inputs, outputs)
    tfjs = artifact.target.format == "tfjs"
    with runtime(name).open(artifact) as session:
        results = session.run({f"x_{dtype}": values[None, :] for dtype, values in EXACT.items()})
    for dtype, values in EXACT.items():
        result = results[f"y_{dtype}"]
        # TF.js answers in the dtype that it has for this one.
        assert (
            result.dtype == (to_wire(TensorSpec("x", (None,), dtype), values, "") if tfjs else values).dtype
        )
        result = result.astype(values.dtype)
        assert result.shape == (1, len(values))
        assert result.tobytes() == values.tobytes()


@pytest.mark.parametrize("name", [name for name in NAMES if name != NO_STRINGS])
def test_strings_of_any_kind_come_back_as_bytes(name: str, tmp_path: Path) -> None:
    artifact = make(name, tmp_path, {"x": Port((None, 3), "string")}, {"y": Line("x")})
    kinds = [np.array([["a", "ä€", ""]]), np.array([["a", "ä€", ""]], object)]
    kinds.append(np.array([[b"a", "ä€".encode(), b""]], object))
    with runtime(name).open(artifact) as session:
        results = [session.run({"x": array})["y"] for array in kinds]
    for result in results:
        assert result.dtype == object
        assert result.tolist() == [[b"a", "ä€".encode(), b""]]


@EVERY
def test_names_decide_where_the_order_in_the_file_is_reversed(name: str, tmp_path: Path) -> None:
    inputs = {"b": Port((None, 2)), "a": Port((None, 2))}
    artifact = make(name, tmp_path, inputs, {"twice_b": Line("b", 2.0), "thrice_a": Line("a", 3.0)})
    feed = {"a": np.ones((1, 2), np.float32), "b": np.full((1, 2), 10, np.float32)}
    with runtime(name).open(artifact) as session:
        results = session.run(feed)
    assert {key: array.tolist() for key, array in results.items()} == {
        "twice_b": [[20.0, 20.0]],
        "thrice_a": [[3.0, 3.0]],
    }


@EVERY
def test_keras_names_are_mapped_to_the_names_in_the_file(name: str, tmp_path: Path) -> None:
    made = make(name, tmp_path, {"x": Port((None, 2))}, {"p": Line("x", 2.0), "q": Line("x", 3.0)})
    swapped = Artifact(
        target=made.target,
        directory=made.directory,
        entry=made.entry,
        files=made.files,
        signature=made.signature,
        input_names=made.input_names,
        output_names={"p": "q", "q": "p"},
        signature_key=made.signature_key,
    )
    with runtime(name).open(swapped) as session:
        results = session.run({"x": np.ones((1, 2), np.float32)})
    assert results["p"].tolist() == [[3.0, 3.0]]
    assert results["q"].tolist() == [[2.0, 2.0]]


@EVERY
def test_one_session_takes_batches_and_lengths_of_any_size(name: str, tmp_path: Path) -> None:
    artifact = make(name, tmp_path, {"x": Port((None, None, 2))}, {"y": Line("x", 2.0)})
    shapes = [(1, 3, 2), (4, 5, 2), (1, 1, 2), (4, 5, 2)]
    with runtime(name).open(artifact) as session:
        for shape in shapes:
            values = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
            assert np.array_equal(session.run({"x": values})["y"], 2 * values)


@EVERY
def test_two_runs_agree_and_the_first_result_stays(name: str, tmp_path: Path) -> None:
    artifact = make(name, tmp_path, {"x": Port((None, 3))}, {"y": Line("x", 1.1)})
    values = np.random.default_rng(0).normal(size=(2, 3)).astype(np.float32)
    with runtime(name).open(artifact) as session:
        first = session.run({"x": values})["y"]
        kept = first.copy()
        session.run({"x": values + 1})
        second = session.run({"x": values})["y"]
        first += 1  # the caller's own
        third = session.run({"x": values})["y"]
    assert kept.tobytes() == second.tobytes() == third.tobytes()


@EVERY
def test_the_feed_is_left_alone(name: str, tmp_path: Path) -> None:
    artifact = make(name, tmp_path, {"x": Port((None, 3))}, {"y": Line("x")})
    values = np.ones((1, 3), np.float32)
    values.flags.writeable = False
    with runtime(name).open(artifact) as session:
        result = session.run({"x": values})["y"]
    result += 1
    assert values.tolist() == [[1.0, 1.0, 1.0]]


@EVERY
def test_a_feed_with_strides_is_read_in_its_own_order(name: str, tmp_path: Path) -> None:
    artifact = make(name, tmp_path, {"x": Port((None, 3))}, {"y": Line("x", 2.0)})
    values = np.arange(12, dtype=np.float32).reshape(3, 4).T[:, ::-1]
    with runtime(name).open(artifact) as session:
        assert np.array_equal(session.run({"x": values})["y"], 2 * values)


@EVERY
def test_two_outputs_may_be_one_tensor(name: str, tmp_path: Path) -> None:
    made = make(name, tmp_path, {"x": Port((None, 2))}, {"p": Line("x", 2.0), "q": Line("x", 3.0)})
    same = Artifact(
        made.target, made.directory, made.entry, made.files, made.signature, made.input_names,
        {"p": "p", "q": "p"}, made.signature_key,
    )  # fmt: skip
    with runtime(name).open(same) as session:
        results = session.run({"x": np.ones((1, 2), np.float32)})
    assert results["p"] is not results["q"]
    assert results["p"].tolist() == results["q"].tolist() == [[2.0, 2.0]]


_ONE = np.ones((1, 3), np.float32)
_FIXED = "feed this shape, or export the model with these dimensions left open"
REFUSED = {
    "unknown-name": (
        {"z": _ONE},
        "the feed has other inputs than the file",
        "z",
        "x",
        "feed every input once, under the name that the Keras model gives it",
    ),
    "extra-name": (
        {"x": _ONE, "z": _ONE},
        "the feed has other inputs than the file",
        "x, z",
        "x",
        "feed every input once, under the name that the Keras model gives it",
    ),
    "fixed-dimension": (
        {"x": np.ones((1, 4), np.float32)},
        "input x has another shape",
        "x: float32[1, 4]",
        "x: float32[?, 3]",
        _FIXED,
    ),
    "rank": (
        {"x": np.ones(3, np.float32)},
        "input x has another shape",
        "x: float32[3]",
        "x: float32[?, 3]",
        _FIXED,
    ),
    "dtype": (
        {"x": np.ones((1, 3))},
        "input x has another dtype",
        "x: float64[1, 3]",
        "x: float32[?, 3]",
        "feed the dtype that the file takes",
    ),
}


@EVERY
def test_a_feed_that_does_not_fit_is_refused(name: str, tmp_path: Path) -> None:
    artifact = make(name, tmp_path, {"x": Port((None, 3))}, {"y": Line("x")})
    with runtime(name).open(artifact) as session:
        for feed, what, got, want, fix in REFUSED.values():
            with pytest.raises(EdgeproofError) as caught:
                session.run(feed)
            assert str(caught.value) == (
                f"{artifact.entry_path} on {name}: {what}\n  got:  {got}\n  want: {want}\n  fix:  {fix}"
            )
        assert session.run({"x": _ONE})["y"].tolist() == _ONE.tolist()


@EVERY
def test_a_damaged_file_is_an_error_that_names_file_and_runtime(name: str, tmp_path: Path) -> None:
    artifact = make(name, tmp_path, {"x": Port((None, 3))}, {"y": Line("x", 2.0)})
    whole = artifact.entry_path.read_bytes()
    artifact.entry_path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(EdgeproofError) as caught, runtime(name).open(artifact):
        pass
    error = caught.value
    assert error.what == f"{artifact.entry_path} on {name}: opening the file failed"
    assert error.want == "a file that this runtime opens and runs"
    assert error.fix == f"leave {name} out with --runtime, or change the layer that it cannot run"
    assert error.status == ExitStatus.VERDICT_FAILED


@EVERY
def test_an_output_that_the_file_lacks_is_an_error(name: str, tmp_path: Path) -> None:
    made = make(name, tmp_path, {"x": Port((None, 3))}, {"y": Line("x", 2.0)})
    wrong = Artifact(
        made.target, made.directory, made.entry, made.files, made.signature, made.input_names,
        {"y": "logits"}, made.signature_key,
    )  # fmt: skip
    with pytest.raises(EdgeproofError) as caught, runtime(name).open(wrong) as session:
        session.run({"x": np.ones((1, 3), np.float32)})
    assert re.search(r": (outputs are missing|running it failed)$", caught.value.what)


CPU = r"\w+( \w+)?"
ORT = rf"ONNX Runtime \S+, CPUExecutionProvider, {{}} graph optimisations, 2 threads, {CPU}"
DEVICES = {
    "litert-cpu": rf"LiteRT \S+, XNNPACK runs 1 of 1 nodes in 1 part\(s\), 2 threads, {CPU}",
    "litert-reference": rf"LiteRT \S+, reference kernels, no delegate, 2 threads, {CPU}",
    "onnxruntime-cpu": ORT.format("all"),
    "onnxruntime-openvino": rf"ONNX Runtime \S+, 2 threads, {CPU}, OpenVINO\w+ runs 1 node\(s\)",
    "onnxruntime-unoptimized": ORT.format("no"),
    "tfjs-node-cpu": rf"TensorFlow.js 4\S+, cpu backend, execute, Node v\S+, {CPU}",
    "tfjs-node-wasm": r"TensorFlow.js 4\S+, wasm backend, tfjs-backend-wasm-simd.wasm, 1 thread\(s\), "
    rf"execute, Node v\S+, {CPU}",
}


@EVERY
def test_the_device_says_engine_version_and_instruction_set(name: str, tmp_path: Path) -> None:
    artifact = make(name, tmp_path, {"x": Port((None, 3))}, {"y": Line("x", 2.0)})
    with runtime(name).open(artifact) as session:
        session.run({"x": np.ones((1, 3), np.float32)})
        device = session.device
    assert re.fullmatch(DEVICES[name], device)
