from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from converters.artifact import hash_file
from converters.convert import convert
from converters.errors import EdgeproofError
from converters.freezable import refuse_size
from converters.freeze import freeze_model, load_graph_def
from converters.frozen import RECORD_NAME, ConversionOptions, FrozenGraph
from converters.graph_edit import all_nodes
from converters.serial import loads
from converters.target import PRECISIONS, ExportTarget
from tests.converters.open_keras import InMemory
from tests.converters.tflite_helpers import chain, frozen
from tests.zoo import ZOO

ROOT = Path(__file__).resolve().parents[2]


def _run(graph, feeds):
    """The frozen graph in TensorFlow itself; outputs in the signature's order."""
    import tensorflow as tf

    graph_def = load_graph_def(graph)
    wrapped = tf.compat.v1.wrap_function(lambda: tf.import_graph_def(graph_def, name=""), [])
    tensors = [
        [wrapped.graph.get_tensor_by_name(name) for name in names.values()]
        for names in (graph.input_tensors, graph.output_tensors)
    ]
    return wrapped.prune(*tensors)(*[tf.constant(feeds[name]) for name in graph.input_tensors])


@pytest.mark.parametrize("case", ["lstm_dynamic_time", "bidirectional", "norms", "inputs_in_a_dict", "top_k"])
def test_frozen_graph_computes_the_same_without_variables_or_hints(case: str, tmp_path: Path) -> None:
    model = InMemory(ZOO[case].build())
    graph = freeze_model(model, "0" * 64, tmp_path)
    feeds = ZOO[case].feeds(model.signature)
    want = list(model.function(feeds).values())
    for got, expected in zip(_run(graph, feeds), want, strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)
    nodes = list(all_nodes(load_graph_def(graph)))
    assert not [node.name for node in nodes if "Variable" in node.op or node.op == "NoOp"]
    assert not [name for node in nodes for name in node.input if name.startswith("^")]
    assert not [key for node in nodes for key in node.attr if key.startswith("_")]


def test_outputs_keep_names_and_order_though_two_are_one_tensor_and_one_is_an_input(tmp_path: Path) -> None:
    import keras

    x = keras.Input((3,), name="x")
    y = keras.layers.Dense(2, name="y")(x)
    graph = frozen(keras.Model(x, [y, x, y]), tmp_path)
    assert dict(graph.input_tensors) == {"x": "x:0"}
    assert dict(graph.output_tensors) == {"y": "y:0", "x": "x_1:0", "y_1": "y_1:0"}
    first, second, third = _run(graph, {"x": np.ones((1, 3), np.float32)})
    np.testing.assert_array_equal(first, third)
    np.testing.assert_array_equal(second, np.ones((1, 3)))


def test_a_node_that_has_the_name_of_an_output_makes_room(tmp_path: Path) -> None:
    import keras

    x = keras.Input((3,), name="Identity")
    graph = frozen(keras.Model(x, keras.layers.Dense(2, name="NoOp")(x)), tmp_path)
    assert dict(graph.output_tensors) == {"NoOp": "NoOp:0"}
    assert _run(graph, {"Identity": np.ones((4, 3), np.float32)})[0].shape == (4, 2)


def test_tensors_that_the_model_captured_become_constants(tmp_path: Path) -> None:
    import keras
    import tensorflow as tf

    captured = tf.constant(np.arange(3, dtype=np.float32))
    graph = frozen(chain((3,), keras.layers.Lambda(lambda t: t * captured)), tmp_path)
    assert [node.name for node in load_graph_def(graph).node if node.op == "Placeholder"] == ["x"]
    np.testing.assert_array_equal(_run(graph, {"x": np.ones((1, 3), np.float32)})[0], [[0, 1, 2]])


def test_grouped_convolution_is_inlined(tmp_path: Path) -> None:
    graph = frozen(ZOO["conv2d_grouped"].build(), tmp_path)
    ops = {node.op for node in all_nodes(load_graph_def(graph))}
    assert "Conv2D" in ops
    assert "StatefulPartitionedCall" not in ops


def test_stateful_layer_is_refused_by_name(tmp_path: Path) -> None:
    import keras

    model = chain((4, 2), keras.layers.LSTM(3, stateful=True, name="memory"), batch=2)
    with pytest.raises(EdgeproofError) as caught:
        frozen(model, tmp_path)
    got = caught.value.got
    assert got.startswith("AssignVariableOp at ")
    assert str(caught.value) == (
        "layer memory: changes its state while the model runs\n"
        f"  got:  {got}\n"
        "  want: a model whose answer depends on its inputs alone\n"
        "  fix:  build the layer with stateful=False, or pass the state in and out as tensors; "
        "replace random numbers at inference by inputs"
    )
    assert caught.value.status == 3


def test_lookup_table_is_refused_by_name(tmp_path: Path) -> None:
    import keras

    x = keras.Input((2,), name="x", dtype="int64")
    model = keras.Model(x, keras.layers.IntegerLookup(vocabulary=[3, 5], name="vocabulary")(x))
    with pytest.raises(EdgeproofError) as caught:
        frozen(model, tmp_path)
    assert str(caught.value) == (
        "layer vocabulary: holds something that can't be made a constant\n"
        f"  got:  {caught.value.got}\n"
        "  want: weights and arithmetic only, no lookup table, hash table or variable\n"
        "  fix:  move vocabulary lookups out of the model and give it their integer results"
    )


def test_weights_beyond_two_gigabytes_are_refused_before_they_are_copied() -> None:
    import tensorflow as tf

    huge = SimpleNamespace(shape=tf.TensorShape([2**29]), dtype=tf.float32)
    with pytest.raises(EdgeproofError) as caught:
        refuse_size(SimpleNamespace(graph=SimpleNamespace(variables=[huge])))
    assert str(caught.value) == (
        "the model's weights have 2,147,483,648 bytes\n"
        "  got:  1 variables of 2.00 GiB in all\n"
        "  want: at most 1.94 GiB, what one TensorFlow graph with constants can hold\n"
        "  fix:  split the model into parts, or store its weights in a smaller dtype"
    )


def test_loaded_graph_is_a_copy_and_is_read_from_disk_once(tmp_path: Path) -> None:
    import keras

    graph = frozen(chain((3,), keras.layers.Dense(2)), tmp_path)
    del load_graph_def(graph).node[:]
    graph.graph_path.unlink()
    assert load_graph_def(graph).node


def test_the_record_tells_the_graph_without_its_place(tmp_path: Path) -> None:
    import keras

    graph = frozen(chain((3,), keras.layers.Dense(2)), tmp_path)
    record = loads((graph.directory / RECORD_NAME).read_text(encoding="utf-8"), FrozenGraph)
    assert record == replace(graph, directory=Path())
    assert hash_file(graph.graph_path) == record.sha256


def hashes(*cases: str) -> dict[str, str]:
    """Of the graph and of every precision of TFLite, for cases of the zoo one after the other."""
    found = {}
    for case in cases:
        model, out = ZOO[case].build(), Path(tempfile.mkdtemp())
        graph = frozen(model, out)
        np.savez(out / "batch.npz", **ZOO[case].feeds(InMemory(model).signature, samples=8))
        options = ConversionOptions(calibration=(out / "batch.npz",))
        found[f"{case} graph"] = graph.sha256
        base = None
        for precision in PRECISIONS["tflite"]:
            target = ExportTarget("tflite", precision)
            made = convert(graph, target, out / target.slug, options, base)
            base = base or made
            found[f"{case} {precision}"] = made.files[0].sha256
    return found


ELSEWHERE = """
import json
from tests.converters.test_freeze import hashes
print(json.dumps(hashes("dense_mlp", "conv2d_grouped", "lstm")))
"""


def test_every_byte_is_the_same_in_two_processes_with_different_pasts() -> None:
    environment = {**os.environ, "PYTHONHASHSEED": "2"}
    command = [sys.executable, "-c", ELSEWHERE]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=True)
    first, second = hashes("lstm", "conv2d_grouped"), json.loads(done.stdout.splitlines()[-1])
    assert first == {key: second[key] for key in first}
