"""Refusals name the layer that is meant, however TensorFlow has counted its scope."""

from __future__ import annotations

import pytest

from converters.freeze import freeze
from converters.layer_names import LayerNames
from converters.obstacles import find_obstacles
from converters.source import LoadOptions
from converters.sources import describe_source
from converters.target import ExportTarget

LAYERS = {
    "conv2d": "Conv2D",
    "conv2d_1": "Conv2D",
    "add": "Add",
    "bidirectional": "Bidirectional",
    "lstm_1": "LSTM",
}


@pytest.mark.parametrize(
    ("others", "node", "layer"),
    [
        (("m/conv2d/x",), "m/conv2d_1/Conv2D", "conv2d_1"),
        (("m/conv2d_1_1/x",), "m/conv2d_1/Conv2D", "conv2d"),
        (("m/conv2d_1/x",), "m/conv2d_1_1/Conv2D", "conv2d_1"),
        (("m/conv2d_1/x",), "m/conv2d_1_2/Conv2D", "conv2d_1"),
        ((), "m/conv2d/add", "conv2d"),
        ((), "m/bidirectional_1/forward_lstm_1/add", "bidirectional"),
        ((), "m/lstm_1_2/while/MatMul", "lstm_1"),
        ((), "m/elsewhere/Mul", "m/elsewhere"),
        ((), "add", "add"),
    ],
    ids=[
        "plain", "entered-twice", "entered-twice-second", "counted-on", "op-named-like-a-layer", "wrapped",
        "loop", "no-layer", "no-scope",
    ],
)  # fmt: skip
def test_nodes_belong_to_the_right_one_of_numbered_layers(others, node, layer):
    assert LayerNames([*others, node], LAYERS).of(node) == layer


def saved(directory, *names):
    """A saved net of layers that TF.js lacks, with names as Keras counts them."""
    import keras

    inputs = keras.Input((2, 2, 2, 1), name="x")
    x = inputs
    for name in names:
        x = keras.layers.Conv3DTranspose(1, 2, name=name)(x)
    keras.Model(inputs, x).save(directory / "model.keras")
    return describe_source(directory / "model.keras", LoadOptions())


def test_refusals_name_each_of_numbered_layers_in_a_net_built_after_another(tmp_path):
    names = ("conv3d_transpose", "conv3d_transpose_1", "conv3d_transpose_2")
    for number in range(2):
        (tmp_path / str(number)).mkdir()
        source = saved(tmp_path / str(number), *names)
    graph = freeze(source, tmp_path / "graph")
    obstacles = find_obstacles(graph, ExportTarget("tfjs", "float32"))
    assert [obstacle.layer for obstacle in obstacles] == [*names]
