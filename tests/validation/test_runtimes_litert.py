"""What only LiteRT does: state that lives in the file, and delegates that take a part of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from converters.artifact import Artifact
from converters.errors import EdgeproofError
from tests.validation.hand_made import Line, Port, TFLiteGraph, write
from validation.runtimes import runtime

BOTH = pytest.mark.parametrize("name", ["litert-cpu", "litert-reference"])


def running_sum(folder: Path) -> Artifact:
    """y = x + the y of the call before: an RNN node with identity weights, its state a variable tensor."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    made = write("tflite", folder, {"x": Port((1, 2))}, {"y": Line("x")})
    graph = TFLiteGraph(schema)
    identity, zeros = np.eye(2, dtype=np.float32), np.zeros(2, np.float32)
    x = graph.add_tensor("x", Port((1, 2)))
    weights = [graph.add_tensor(name, Port((2, 2)), identity) for name in ("input", "recurrent")]
    bias, state = graph.add_tensor("bias", Port((2,)), zeros), graph.add_tensor("state", Port((1, 2)))
    graph.tensors[state].isVariable = True
    y = graph.add_tensor("y", Port((1, 2)))
    node: Any = schema.OperatorT()
    node.opcodeIndex, node.inputs, node.outputs = 0, [x, *weights, bias, state], [y]
    node.builtinOptionsType, node.builtinOptions = schema.BuiltinOptions.RNNOptions, schema.RNNOptionsT()
    graph.operators.append(node)
    graph.codes = [schema.BuiltinOperator.RNN]
    builder = flatbuffers.Builder(0)
    builder.Finish(graph.finish({"x": x}, {"y": y}, True).Pack(builder), file_identifier=b"TFL3")
    made.entry_path.write_bytes(bytes(builder.Output()))
    return made


@BOTH
@pytest.mark.parametrize("signature_key", ["serving_default", None], ids=["signature", "tensor-names"])
def test_a_state_that_leaks_from_call_to_call_shows(
    name: str, signature_key: str | None, tmp_path: Path
) -> None:
    """As in an app, which keeps its interpreter; a fresh one for every call would hide it."""
    artifact = replace(running_sum(tmp_path), signature_key=signature_key)
    feed = {"x": np.array([[1, -2]], np.float32)}
    for _ in range(2):  # a new session begins anew
        with runtime(name).open(artifact) as session:
            assert [session.run(feed)["y"].tolist() for _ in range(3)] == [[[1, -2]], [[2, -4]], [[3, -6]]]


@BOTH
def test_without_a_signature_the_file_is_resized_too(name: str, tmp_path: Path) -> None:
    made = write("tflite", tmp_path, {"x": Port((None, 3))}, {"y": Line("x", 2.0)}, signature=False)
    with runtime(name).open(made) as session:
        for rows in (1, 4, 2):
            values = np.arange(rows * 3, dtype=np.float32).reshape(rows, 3)
            assert np.array_equal(session.run({"x": values})["y"], 2 * values)


def test_nodes_that_xnnpack_leaves_alone_are_counted(tmp_path: Path) -> None:
    inputs = {"x": Port((None, 3)), "s": Port((None,), "int64")}
    made = write("tflite", tmp_path, inputs, {"y": Line("x", 2.0), "t": Line("s")})
    with runtime("litert-cpu").open(made) as session:
        session.run({"x": np.ones((1, 3), np.float32), "s": np.ones(1, np.int64)})
        assert ", XNNPACK runs 1 of 2 nodes in 1 part(s), " in session.device


def test_a_file_that_xnnpack_can_not_help_says_so(tmp_path: Path) -> None:
    made = write("tflite", tmp_path, {"s": Port((None,), "int64")}, {"t": Line("s")})
    with runtime("litert-cpu").open(made) as session:
        session.run({"s": np.ones(1, np.int64)})
        assert ", optimised kernels, XNNPACK took none of 1 nodes, " in session.device


def test_names_that_are_not_unique_need_a_signature(tmp_path: Path) -> None:
    made = write(
        "tflite", tmp_path, {"x": Port((1, 2))}, {"y": Line("x", 2.0), "z": Line("x", 3.0)}, signature=False
    )
    content = made.entry_path.read_bytes()
    made.entry_path.write_bytes(content.replace(b"\x01\x00\x00\x00z\x00", b"\x01\x00\x00\x00y\x00"))
    with pytest.raises(EdgeproofError) as caught, runtime("litert-cpu").open(made):
        pass
    assert str(caught.value) == (
        f"{made.entry_path} on litert-cpu: tensors share a name and the file has no signature\n"
        "  got:  y, y\n"
        "  want: a signature, or names that differ\n"
        "  fix:  convert the model again with a converter that writes signatures"
    )
