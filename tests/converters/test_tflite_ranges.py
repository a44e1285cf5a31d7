"""Int8 exports whose measured ranges would cost them most of their values."""

from __future__ import annotations

import numpy as np
import pytest

from converters.convert import convert
from converters.frozen import ConversionOptions
from converters.target import ExportTarget
from converters.tflite import static_int8
from tests.converters.exporting import answers, freeze_keras, of_keras

RNG = np.random.default_rng(0)


def pools(k):
    """Max pools raise the minimum of what is concatenated above that of what the average pool reads."""
    x = k.Input((8, 8, 3), name="x")
    parts = [k.layers.MaxPooling2D(2)(x), k.layers.AveragePooling2D(2)(x)]
    return k.Model(x, k.layers.Concatenate(name="y")([k.layers.Flatten()(part) for part in parts]))


def added_mask(k):
    """-1e9 is added to the scores of the future."""
    x = k.Input((6, 8), name="x")
    attend = k.layers.MultiHeadAttention(2, 8, flash_attention=False, name="y")
    return k.Model(x, attend(x, x, use_causal_mask=True))


def chosen_mask(k):
    """The least float stands in the place of the scores of the future."""
    x = k.Input((6, 8), name="x")
    attend = k.layers.GroupQueryAttention(4, num_query_heads=4, num_key_value_heads=2, name="y")
    return k.Model(x, attend(x, x, use_causal_mask=True))


def sqnr_db(got: np.ndarray, want: np.ndarray) -> float:
    noise = got.astype(np.float64) - want
    return float(10 * np.log10(np.square(want.astype(np.float64)).sum() / np.square(noise).sum()))


@pytest.mark.parametrize(
    ("build", "least_db", "notes"), [(pools, 40, 0), (added_mask, 25, 1), (chosen_mask, 25, 1)]
)
def test_int8_keeps_what_its_ranges_would_cut_off(build, least_db, notes, tmp_path, monkeypatch):
    import keras

    keras.utils.set_random_seed(0)
    model = build(keras)
    graph = freeze_keras(model, tmp_path / "frozen")
    shape = [64, *model.inputs[0].shape[1:]]
    np.savez(tmp_path / "calibration.npz", x=RNG.uniform(-2, 2, shape).astype("f4"))
    options = ConversionOptions(calibration=(tmp_path / "calibration.npz",))
    feed = {"x": RNG.uniform(-2, 2, shape).astype("f4")}
    want = of_keras(model, feed)["y"]

    def measure(folder: str) -> tuple[float, list[str]]:
        artifact = convert(graph, ExportTarget("tflite", "int8"), tmp_path / folder, options)
        told = [note for note in artifact.notes if "the mask reaches down to" in note]
        return sqnr_db(answers(artifact, "litert-cpu", feed)["y"], want), told

    cured_db, told = measure("cured")
    assert cured_db > least_db
    assert len(told) == notes
    monkeypatch.setattr(static_int8, "fit_ranges", lambda model: [])
    plain_db, _ = measure("plain")
    assert cured_db > plain_db + 5, "TensorFlow's quantizer does as well by itself: the cure can go"
