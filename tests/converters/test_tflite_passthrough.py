"""Outputs that are inputs, in TFLite files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from converters.tflite import model_file
from converters.tflite.passthrough import part_outputs_from_inputs
from tests.validation.hand_made import Line, Port, write


def passing_on(directory: Path, port: Port) -> model_file.Model:
    """A file whose only output is its input: no operator writes it."""
    artifact = write("tflite", directory, {"x": port}, {"y": Line("x")}, signature=False)
    model = model_file.read(artifact.entry_path)
    graph = model.subgraphs[0]
    graph.operators, graph.outputs = [], np.array(graph.inputs)
    return model


@pytest.mark.parametrize(
    "x",
    [
        np.array([[np.nan, -0.0, np.inf], [1e-45, -1.5, 3e38]], np.float32),
        np.array([[-(2**31), 2**31 - 1, 0]], np.int32),
        np.array([[0, 255, 7]], np.uint8),
    ],
    ids=lambda x: str(x.dtype),
)
def test_the_output_gets_a_tensor_of_its_own_with_the_same_bits(x: np.ndarray, tmp_path: Path) -> None:
    from ai_edge_litert.interpreter import Interpreter

    model = passing_on(tmp_path, Port((None, 3), str(x.dtype)))
    assert part_outputs_from_inputs(model) == [
        "output 0 is an input: copied, since LiteRT.js gives it no value otherwise"
    ]
    graph = model.subgraphs[0]
    assert set(map(int, graph.inputs)).isdisjoint(map(int, graph.outputs))
    interpreter = Interpreter(model_content=model_file.pack(model))
    (place,) = interpreter.get_input_details()
    interpreter.resize_tensor_input(place["index"], x.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(place["index"], x)
    interpreter.invoke()
    got = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    assert (got.dtype, got.tobytes()) == (x.dtype, x.tobytes())


@pytest.mark.parametrize("port", [Port((None, 3), "bool"), Port((1, 1, 1, 1, 1, 2))], ids=["bool", "rank 6"])
def test_what_litert_js_cannot_take_anyway_stays_as_it_is(port: Port, tmp_path: Path) -> None:
    model = passing_on(tmp_path, port)
    before = model_file.pack(model)
    assert part_outputs_from_inputs(model) == []
    assert model_file.pack(model) == before
