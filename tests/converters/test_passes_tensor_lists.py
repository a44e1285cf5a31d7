"""Each loop converts with the pass, runs at several sizes in one interpreter, and fails without it."""

from __future__ import annotations

from pathlib import Path

import pytest

from converters import passes
from converters.errors import EdgeproofError
from tests.converters.tflite_helpers import chain, exported, normal, worst


def _build(kind: str):
    import keras

    layers, ops = keras.layers, keras.ops
    if kind == "convlstm":
        return chain((None, 4, 4, 2), layers.ConvLSTM2D(3, 3, return_sequences=True))
    if kind == "states":
        x = keras.Input((None, 3), name="x")
        return keras.Model(x, layers.LSTM(4, return_sequences=True, return_state=True)(x))
    if kind == "scan":

        def running(t):
            return ops.scan(lambda c, row: (c + row, c * row), ops.zeros_like(t[0]), t)[1]

        return chain((None, 3), layers.Lambda(running))
    return chain(
        (None, 3),
        *{
            "lstm": [layers.LSTM(4, return_sequences=True), layers.LSTM(3)],
            "gru": [layers.GRU(4, go_backwards=True, reset_after=False, return_sequences=True)],
            "masked": [layers.Masking(), layers.Bidirectional(layers.LSTM(4, return_sequences=True))],
            "simple": [layers.SimpleRNN(4, name="simple_rnn")],
            "cells": [layers.RNN([layers.LSTMCell(4), layers.GRUCell(5)], return_sequences=True)],
            "map": [layers.Lambda(lambda t: ops.map(lambda row: ops.cumsum(row, axis=0), t))],
        }[kind],
    )


SIZES = [(4, 6, 3), (1, 9, 3), (2, 1, 3), (4, 6, 3)]
NOTE = "{} loop(s) keep their steps in plain tensors, so batch and time stay dynamic"


@pytest.mark.parametrize(
    ("kind", "loops"),
    [
        ("lstm", 2),
        ("gru", 1),
        ("masked", 2),
        ("simple", 1),
        ("cells", 1),
        ("states", 1),
        ("map", 1),
        ("scan", 1),
    ],
)
def test_loop_keeps_batch_and_time_dynamic(kind: str, loops: int, tmp_path: Path) -> None:
    model = _build(kind)
    artifact = exported(model, tmp_path)
    assert artifact.notes == (NOTE.format(loops),)
    assert artifact.signature.inputs[0].shape == (None, None, 3)
    assert worst(model, artifact, normal(*SIZES)) < 2e-6


def test_convolutional_loop_keeps_batch_and_time_dynamic(tmp_path: Path) -> None:
    model = _build("convlstm")
    assert worst(model, exported(model, tmp_path), normal((2, 3, 4, 4, 2), (1, 5, 4, 4, 2))) < 2e-6


def test_without_the_pass_the_converter_gives_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(passes.PASSES, "tflite", ())
    with pytest.raises(EdgeproofError) as caught:
        exported(_build("simple"), tmp_path)
    assert caught.value.what == "tflite: TensorFlow's converter can't express the model"
    assert (
        "layer simple_rnn (tf.TensorListReserve): 'tf.TensorListReserve' op requires element_shape to be "
        "static during TF Lite transformation pass"
    ) in caught.value.got
    assert caught.value.status == 3


def test_same_question_twice_gets_the_same_answer(tmp_path: Path) -> None:
    """A fused LSTM with variable tensors would answer from where the last call left off."""
    import keras

    model = chain((5, 3), keras.layers.LSTM(4), batch=1)
    first, second = normal((1, 5, 3), (1, 5, 3))
    assert worst(model, exported(model, tmp_path), [first, second, first, first]) < 2e-6


def test_int8_loop_holds_int8_weights(tmp_path: Path) -> None:
    from converters.tflite import model_file
    from converters.tflite.weights import share

    model = _build("lstm")
    artifact = exported(model, tmp_path, "dynamic_int8")
    assert share(model_file.read(artifact.entry_path), frozenset({"int8"})) == 1.0
