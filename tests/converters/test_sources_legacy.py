"""Files of Keras 1 and 2: which library opens them, and that it computes what the model computed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
import tf_keras

from converters.errors import EdgeproofError
from converters.source import SourceModel
from converters.sources import describe_source, open_source
from tests.converters.legacy_models import (
    as_keras_1,
    as_keras_2_2,
    as_keras_2_13,
    rename_weights,
    save_sequential,
)

OLD = tf_keras.layers


def _output(source: SourceModel, x: np.ndarray) -> np.ndarray:
    name = source.signature.input_names[0]
    return np.asarray(open_source(source).function({name: x})[source.signature.output_names[0]])


def test_hdf5_that_keras_3_reads_with_the_batch_in_its_shape_is_opened_with_tf_keras(tmp_path: Path) -> None:
    layers = [OLD.Reshape((4, 4, 1), input_shape=(16,)), OLD.Conv2D(2, 3), OLD.Flatten(), OLD.Dense(2)]
    model = save_sequential(layers, tmp_path / "new.h5")
    source = describe_source(as_keras_2_2(tmp_path / "new.h5", tmp_path / "old.h5"))
    assert source.loader == "tf_keras"
    assert source.notes == (
        "The file was written by Keras 2.2.4. tf-keras opens it; Keras 3 opens it wrongly: its inputs have "
        "shapes [(None, None, 16)], tf-keras' have [(None, 16)].",
    )
    assert str(source.signature) == f"(reshape_input: float32[?, 16]) -> ({layers[-1].name}: float32[?, 2])"
    x = np.random.default_rng(1).normal(size=(3, 16)).astype(np.float32)
    np.testing.assert_allclose(_output(source, x), model(x), rtol=1e-6)


def test_hdf5_that_keras_3_reads_rightly_is_opened_with_keras_3(tmp_path: Path) -> None:
    path = tmp_path / "dense.h5"
    model = save_sequential([OLD.Dense(4, input_shape=(3,), name="a"), OLD.Dense(2, name="b")], path)
    source = describe_source(path)
    assert source.loader == "keras"
    assert source.notes[0].startswith(
        f"The file was written by Keras {tf_keras.__version__}. Keras 3 opens it,"
    )
    assert "and tf-keras computes the same from it" in source.notes[0]
    x = np.ones((2, 3), np.float32)
    np.testing.assert_allclose(_output(source, x), model(x), rtol=1e-6)


@pytest.mark.parametrize(
    ("layers", "why"),
    [
        (
            lambda: [OLD.LSTM(3, input_shape=(5, 2))],
            "keyword arguments passed to LSTM: {'time_major': False}",
        ),
        (
            lambda: [OLD.InputLayer((3,), name="in/put"), OLD.Dense(2)],
            "Error when deserializing class 'InputLayer'",
        ),
    ],
    ids=["time-major", "slash-in-a-name"],
)
def test_hdf5_that_keras_3_cannot_read_is_opened_with_tf_keras(
    tmp_path: Path, layers: Callable[[], list], why: str
) -> None:
    model = save_sequential(layers(), tmp_path / "model.hdf5")
    source = describe_source(tmp_path / "model.hdf5")
    assert source.loader == "tf_keras"
    assert "tf-keras opens it; Keras 3 cannot:" in source.notes[0]
    assert why in source.notes[0]
    x = np.random.default_rng(1).normal(size=(2, *model.input_shape[1:])).astype(np.float32)
    np.testing.assert_allclose(_output(source, x), model(x), rtol=1e-5)


def test_keras_file_of_2_13_is_opened_with_tf_keras(tmp_path: Path) -> None:
    model = save_sequential(
        [OLD.Conv2D(3, 3, input_shape=(6, 6, 1), name="c"), OLD.BatchNormalization(name="n")],
        tmp_path / "new.keras",
    )
    source = describe_source(as_keras_2_13(tmp_path / "new.keras", tmp_path / "old.keras"))
    assert (source.kind, source.loader) == ("keras", "tf_keras")
    assert source.notes[0].startswith(
        "The file was written by Keras 2.13.1. tf-keras opens it; Keras 3 cannot: "
    )
    x = np.random.default_rng(1).normal(size=(2, 6, 6, 1)).astype(np.float32)
    np.testing.assert_allclose(_output(source, x), model(x), rtol=1e-5)


def test_keras_1_network_computes_what_it_computed(tmp_path: Path) -> None:
    model = save_sequential(
        [
            OLD.Conv2D(
                3, (3, 2), strides=2, padding="same", activation="relu", input_shape=(8, 8, 1), name="c"
            ),
            OLD.Dropout(0.5, name="o"),
            OLD.BatchNormalization(name="n"),
            OLD.Flatten(name="f"),
            OLD.Dense(2, activation="softmax", name="d"),
        ],
        tmp_path / "new.h5",
    )
    convolution = {"nb_filter": 3, "nb_row": 3, "nb_col": 2, "subsample": [2, 2], "border_mode": "same"}
    convolution |= {"dim_ordering": "tf", "init": "glorot_uniform", "W_regularizer": None, "bias": True}
    convolution |= {"activation": "relu", "name": "c", "batch_input_shape": [None, 8, 8, 1]}
    norm = {"name": "n", "epsilon": 1e-3, "mode": 0, "axis": -1, "momentum": 0.99, "gamma_regularizer": None}
    dense = {"output_dim": 2, "activation": "softmax", "name": "d", "input_dim": None, "b_constraint": None}
    rows = [
        {"class_name": "Convolution2D", "config": convolution | {"input_dtype": "float32"}},
        {"class_name": "Dropout", "config": {"p": 0.5, "name": "o"}},
        {"class_name": "BatchNormalization", "config": norm},
        {"class_name": "Flatten", "config": {"name": "f"}},
        {"class_name": "Dense", "config": dense},
    ]
    source = describe_source(as_keras_1(tmp_path / "new.h5", tmp_path / "old.h5", rows))
    assert source.loader == "tf_keras"
    assert source.notes == (
        "The file was written by Keras 1. tf-keras opens it, its configuration rewritten.",
    )
    x = np.random.default_rng(1).normal(size=(2, 8, 8, 1)).astype(np.float32)
    np.testing.assert_allclose(_output(source, x), model(x), rtol=1e-5)


def test_keras_1_lstm_gets_its_twelve_weights_in_the_new_order(tmp_path: Path) -> None:
    layers = [OLD.LSTM(3, recurrent_activation="hard_sigmoid", input_shape=(5, 2), name="l")]
    model = save_sequential(layers, tmp_path / "new.h5")
    config = {
        "output_dim": 3,
        "inner_activation": "hard_sigmoid",
        "activation": "tanh",
        "inner_init": "orthogonal",
    }
    config |= {
        "forget_bias_init": "one",
        "consume_less": "cpu",
        "dropout_W": 0.0,
        "dropout_U": 0.0,
        "name": "l",
    }
    config |= {
        "batch_input_shape": [None, 5, 2],
        "input_dim": 2,
        "input_length": 5,
        "return_sequences": False,
    }
    old = as_keras_1(tmp_path / "new.h5", tmp_path / "old.h5", [{"class_name": "LSTM", "config": config}])
    i, f, c, o = zip(*(np.split(weight, 4, axis=-1) for weight in model.get_weights()), strict=True)
    rename_weights(old, "l", [*i, *c, *f, *o])
    x = np.random.default_rng(1).normal(size=(2, 5, 2)).astype(np.float32)
    np.testing.assert_allclose(_output(describe_source(old), x), model(x), rtol=1e-5)


def test_keras_1_network_with_channels_first_is_refused(tmp_path: Path) -> None:
    save_sequential([OLD.Dense(2, input_shape=(3,))], tmp_path / "new.h5")
    row = {"class_name": "Convolution2D", "config": {"dim_ordering": "th", "name": "c"}}
    old = as_keras_1(tmp_path / "new.h5", tmp_path / "old.h5", [row])
    with pytest.raises(EdgeproofError) as caught:
        describe_source(old)
    assert str(caught.value) == (
        f"{old}: images with the channels first cannot be exported\n"
        "  got:  layer 'c' (Convolution2D) with dim_ordering='th'\n"
        "  want: dim_ordering='tf', channels last\n"
        "  fix:  build the model with channels last in Keras, and set its weights from this one"
    )


def test_file_of_weights_only_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.weights.h5"
    keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).save_weights(path)
    with pytest.raises(EdgeproofError) as caught:
        describe_source(path)
    assert str(caught.value) == (
        f"{path}: the HDF5 file holds no model configuration\n"
        "  got:  groups layers, vars: weights only, or not a Keras file\n"
        "  want: a whole model: architecture and weights\n"
        "  fix:  build the model in Python, load these weights, and save it with model.save('model.keras')"
    )
