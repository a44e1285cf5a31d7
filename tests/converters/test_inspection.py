"""What is told about a model before anything is converted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tf_keras

from converters.inspection import Inspection, LayerRow, inspect_model
from converters.serial import dumps, loads
from converters.source import LoadOptions
from converters.sources import describe_source
from converters.target import PRECISIONS, ExportTarget
from tests.zoo import ZOO


def _inspect(model: Any, directory: Path, **options: Any) -> Inspection:
    model.save(directory / "model.keras")
    return inspect_model(describe_source(directory / "model.keras", LoadOptions(**options)))


def _chain(*layers: Any, shape: tuple[int | None, ...] = (6,), dtype: str = "float32") -> keras.Model:
    return keras.Sequential([keras.Input(shape, name="x", dtype=dtype), *layers])


def test_layers_parameters_and_sizes_are_told(tmp_path: Path) -> None:
    inner = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="deep")], name="inner")
    frozen = keras.layers.Dense(4, name="frozen", trainable=False)
    told = _inspect(_chain(frozen, inner, keras.layers.Dropout(0.5, name="drop")), tmp_path)
    assert told.layers == (
        LayerRow("frozen", "Dense", ((None, 4),), 28, "float32"),
        LayerRow("inner", "Sequential", ((None, 3),), 15, "float32"),
        LayerRow("inner/deep", "Dense", ((None, 3),), 15, "float32"),
        LayerRow("drop", "Dropout", ((None, 3),), 0, "float32"),
    )
    assert (told.parameters, told.trainable_parameters) == (43, 15)
    assert told.weights_bytes == 43 * 4
    assert told.size_bytes == (tmp_path / "model.keras").stat().st_size
    assert (told.model_type, told.loader, told.dtypes, dict(told.ops)) == (
        "Sequential",
        "keras",
        ("float32",),
        {},
    )
    assert loads(dumps(told), Inspection) == told


def test_model_of_tf_keras_is_told_alike(tmp_path: Path) -> None:
    rows = [tf_keras.layers.LSTM(2, input_shape=(5, 3), name="l"), tf_keras.layers.Dense(1, name="d")]
    tf_keras.Sequential(rows).save(tmp_path / "model.h5")
    told = inspect_model(describe_source(tmp_path / "model.h5"))
    assert told.loader == "tf_keras"
    assert told.layers == (
        LayerRow("l", "LSTM", ((None, 2),), 48, "float32"),
        LayerRow("d", "Dense", ((None, 1),), 3, "float32"),
    )


def test_saved_model_is_told_by_its_ops(tmp_path: Path) -> None:
    pool = keras.layers.MaxPooling3D(2)
    _chain(pool, keras.layers.Flatten(), keras.layers.Dense(2), shape=(4, 4, 4, 1)).export(
        tmp_path / "m", verbose=False
    )
    told = inspect_model(describe_source(tmp_path / "m"))
    assert told.layers == ()
    assert told.ops["MaxPool3D"] == 1
    assert (told.parameters, told.trainable_parameters) == (18, 18)
    assert [(row.target, row.layer, row.kind) for row in told.difficulties if row.fix] == [
        ("tflite", "MaxPool3D", "op")
    ]


@pytest.mark.parametrize("case_id", [case_id for case_id, case in ZOO.items() if case.refused])
def test_what_the_converters_refuse_is_told_beforehand(case_id: str, tmp_path: Path) -> None:
    case = ZOO[case_id]
    told = _inspect(case.build(), tmp_path, custom_objects=case.custom_objects)
    reasons = {name: case.refusal(ExportTarget(name, "float32")) for name in PRECISIONS}
    want = {(name, why[0]) for name, why in reasons.items() if why is not None}
    assert want <= {(row.target, row.layer) for row in told.difficulties if row.fix}
    assert {(row.target, row.layer) for row in told.difficulties if row.refused} <= want


@pytest.mark.parametrize(
    ("layer", "shape", "want"),
    [
        (lambda: keras.layers.Conv2D(4, 1, groups=2, name="l"), (4, 4, 4), {"onnx", "tfjs"}),
        (lambda: keras.layers.Conv2D(4, 1, name="l"), (4, 4, 4), set()),
        (lambda: keras.layers.Dense(2, activation="gelu", name="l"), (6,), {"onnx", "tfjs"}),
        (lambda: keras.layers.LSTM(2, name="l"), (4, 3), {"tflite", "tfjs"}),
        (lambda: keras.layers.LSTM(2, unroll=True, name="l"), (4, 3), set()),
        (lambda: keras.layers.Bidirectional(keras.layers.GRU(2), name="l"), (4, 3), {"tflite", "tfjs"}),
        (lambda: keras.layers.Conv3D(2, 1, dilation_rate=2, name="l"), (4, 4, 4, 1), {"tflite"}),
        (lambda: keras.layers.Dense(300, activation="softmax", name="l"), (6,), {"tflite:int8*"}),
        (lambda: keras.layers.Dense(2, dtype="float64", name="l"), (6,), {"tflite"}),
        (lambda: keras.layers.Dense(2, dtype="mixed_float16", name="l"), (6,), {"tflite"}),
    ],
    ids=[
        "grouped", "not-grouped", "exact-gelu", "lstm", "unrolled-lstm", "wrapped-gru", "dilated-3d",
        "wide-softmax", "float64", "mixed-float16",
    ],
)  # fmt: skip
def test_difficulties_are_told_per_target(
    layer: Any, shape: tuple[int, ...], want: set[str], tmp_path: Path
) -> None:
    told = _inspect(_chain(layer(), shape=shape), tmp_path)
    assert {row.target for row in told.difficulties if row.layer == "l"} == want


def test_lookup_is_refused_everywhere(tmp_path: Path) -> None:
    lookup = keras.layers.StringLookup(vocabulary=["a"], name="words")
    told = _inspect(_chain(lookup, dtype="string"), tmp_path)
    assert {row.target for row in told.difficulties if row.layer == "words" and row.refused} == set(
        PRECISIONS
    )


def test_numbers_that_float16_cannot_hold_are_told(tmp_path: Path) -> None:
    dense = keras.layers.Dense(2, use_bias=False, name="d")
    model = _chain(dense, shape=(3,))
    dense.set_weights([np.array([[1e5, 1], [1e-9, 1], [0, 2]], np.float32)])
    told = _inspect(model, tmp_path)
    assert [(row.layer, row.why) for row in told.difficulties if row.target == "*:float16"] == [
        ("d/kernel", "1 of 6 numbers are beyond ±65504 and would become infinite or be clipped"),
        ("d/kernel", "1 of 6 numbers are nearer to 0 than float16 can hold and would become 0"),
    ]


def test_weights_that_are_no_numbers_are_refused_everywhere(tmp_path: Path) -> None:
    dense = keras.layers.Dense(1, use_bias=False, name="d")
    model = _chain(dense, shape=(2,))
    dense.set_weights([np.array([[np.nan], [1]], np.float32)])
    refused = [row for row in _inspect(model, tmp_path).difficulties if row.refused]
    assert [(row.target, row.why) for row in refused] == [
        (name, "1 NaN or Inf in it") for name in ("tflite", "tfjs", "onnx")
    ]


def test_lambda_is_told_by_name(tmp_path: Path) -> None:
    told = _inspect(_chain(keras.layers.Lambda(lambda x: x * x, name="own")), tmp_path, trust=True)
    assert {row.target for row in told.difficulties if row.layer == "own"} == {"tflite", "tfjs", "onnx"}
