from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from converters.artifact import RECORD_NAME, Artifact
from converters.convert import convert
from converters.errors import EdgeproofError
from converters.obstacles import Obstacle, find_obstacles
from converters.serial import loads
from converters.target import ExportTarget
from tests.converters.tflite_helpers import FLOAT32, chain, exported, frozen


def _dense(directory: Path):
    import keras

    return exported(chain((3,), keras.layers.Dense(2, name="d")), directory)


def test_the_record_tells_the_artifact_without_its_place(tmp_path: Path) -> None:
    made = _dense(tmp_path)
    record = loads((made.directory / RECORD_NAME).read_text(encoding="utf-8"), Artifact)
    assert record == replace(made, directory=Path())


def test_base_is_made_on_the_way_and_leaves_nothing(tmp_path: Path) -> None:
    import keras

    graph = frozen(chain((3,), keras.layers.Dense(2)), tmp_path)
    made = convert(graph, ExportTarget("tflite", "float16"), tmp_path / "out")
    assert sorted(path.name for path in made.directory.iterdir()) == [RECORD_NAME, "model.tflite"]
    base = convert(graph, FLOAT32, tmp_path / "base")
    again = convert(graph, ExportTarget("tflite", "float16"), tmp_path / "again", base=base)
    assert again.files == made.files


def test_obstacles_are_refused_together_before_anything_is_written(tmp_path: Path) -> None:
    import keras

    layers = (
        keras.layers.Lambda(keras.ops.inv, name="inverse"),
        keras.layers.Flatten(),
        keras.layers.Dense(2, dtype="mixed_float16", activation="linear", use_bias=False, name="half"),
    )
    graph = frozen(chain((3, 3), *layers), tmp_path)
    with pytest.raises(EdgeproofError) as caught:
        convert(graph, FLOAT32, tmp_path / "out")
    assert str(caught.value) == (
        "tflite:float32: the model has 2 op(s) that tflite can't express\n"
        "  got:  layer inverse (MatrixInverse): TFLite has no linear algebra beyond matrix products\n"
        "        layer half (MatMul): TFLite computes in float32, and this layer computes in float16\n"
        "  want: ops that tflite runs without extensions\n"
        "  fix:  MatrixInverse: compute it outside of the model, or write it out for the size that you need\n"
        "        MatMul: load the model with dtype policy 'float32', the weights are cast on loading"
    )
    assert caught.value.status == 3
    assert not (tmp_path / "out").exists()


def test_op_that_a_pass_cures_is_no_obstacle_and_the_graph_stays_as_it_was(tmp_path: Path) -> None:
    import keras

    from converters.freeze import load_graph_def

    graph = frozen(chain((4, 4, 4, 1), keras.layers.MaxPooling3D(2, name="pool")), tmp_path)
    before = load_graph_def(graph).SerializeToString(deterministic=True)
    assert find_obstacles(graph, FLOAT32) == ()
    assert load_graph_def(graph).SerializeToString(deterministic=True) == before


def test_obstacle_reads_as_a_sentence() -> None:
    obstacle = Obstacle("pool", "MaxPool3D", FLOAT32, "TFLite has none", "use another")
    assert str(obstacle) == "layer pool (MaxPool3D): TFLite has none"
