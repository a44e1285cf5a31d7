"""SavedModels of TensorFlow 1 and 2, of Keras 2 and 3: which signature, which names, in which order."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from converters.errors import EdgeproofError
from converters.source import LoadOptions
from converters.sources import describe_source, open_source

WRITTEN = f"The SavedModel was written by TensorFlow {tf.__version__}; its signature "


def _of_tf1(path: Path, *keys: str) -> np.ndarray:
    """A graph with a variable under each signature key, and the variable's value."""
    tf1 = tf.compat.v1
    with tf1.Graph().as_default(), tf1.Session() as session:
        given = tf1.placeholder(tf.float32, [None, 3], name="given")
        weights = tf1.get_variable("weights", [3, 2], initializer=tf1.random_normal_initializer(seed=1))
        session.run(tf1.global_variables_initializer())
        ends = {"score": given @ weights, "half": given @ weights / 2}
        signature = tf1.saved_model.predict_signature_def({"image": given}, ends)
        builder = tf1.saved_model.Builder(str(path))
        builder.add_meta_graph_and_variables(session, ["serve"], dict.fromkeys(keys, signature))
        builder.save()
        return session.run(weights)


def test_tensorflow_1_model_computes_what_it_computed(tmp_path: Path) -> None:
    weights = _of_tf1(tmp_path / "m", "predict_images")
    source = describe_source(tmp_path / "m")
    assert (source.kind, source.loader) == ("saved_model", "tensorflow")
    assert str(source.signature) == "(image: float32[?, 3]) -> (half: float32[?, 2], score: float32[?, 2])"
    assert source.notes == (f"{WRITTEN}'predict_images' is used.",)
    x = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    got = open_source(source).function({"image": tf.constant(x)})
    np.testing.assert_allclose(got["score"], x @ weights, rtol=1e-5)


def test_signature_is_chosen_by_its_key(tmp_path: Path) -> None:
    _of_tf1(tmp_path / "m", "first", "second")
    source = describe_source(tmp_path / "m", LoadOptions(signature_key="second"))
    assert source.notes == (f"{WRITTEN}'second' is used.", "It has other signatures as well: first.")


@pytest.mark.parametrize(
    ("key", "what", "want"),
    [
        (None, "which signature to take is not clear", "one signature, or one called serving_default"),
        ("third", "no signature 'third'", "'third'"),
    ],
)
def test_signatures_are_listed_when_the_choice_is_not_clear(
    tmp_path: Path, key: str | None, what: str, want: str
) -> None:
    _of_tf1(tmp_path / "m", "second", "first")
    with pytest.raises(EdgeproofError) as caught:
        describe_source(tmp_path / "m", LoadOptions(signature_key=key))
    assert str(caught.value) == (
        f"{tmp_path / 'm'}: {what}\n"
        "  got:  first, second\n"
        f"  want: {want}\n"
        "  fix:  choose one with --signature"
    )


def test_keras_3_export_keeps_names_and_order(tmp_path: Path) -> None:
    z, a = keras.Input((3,), name="z"), keras.Input((2,), name="a")
    dense = keras.layers.Dense(2)
    model = keras.Model([z, a], [dense(z), *[keras.layers.Dense(1)(a) for _ in range(11)]])
    model.export(tmp_path / "m", verbose=False)
    source = describe_source(tmp_path / "m")
    assert source.signature.input_names == ("z", "a")
    assert source.signature.output_names == tuple(f"output_{i}" for i in range(12))
    feed = {"a": tf.ones((2, 2)), "z": tf.ones((2, 3))}
    got = open_source(source).function(feed)
    assert list(got) == list(source.signature.output_names)
    np.testing.assert_allclose(got["output_0"], model([feed["z"], feed["a"]])[0], rtol=1e-6)


def test_keras_2_saved_model_keeps_names_and_order(tmp_path: Path) -> None:
    z, a = tf_keras.Input((3,), name="z"), tf_keras.Input((2,), name="a")
    outputs = [tf_keras.layers.Dense(2, name="late")(z), tf_keras.layers.Dense(1, name="early")(a)]
    tf_keras.Model([z, a], outputs).save(tmp_path / "m", save_format="tf")
    source = describe_source(tmp_path / "m")
    assert str(source.signature) == (
        "(z: float32[?, 3], a: float32[?, 2]) -> (late: float32[?, 2], early: float32[?, 1])"
    )


def test_function_of_a_saved_model_can_be_traced(tmp_path: Path) -> None:
    _of_tf1(tmp_path / "m", "serving_default")
    opened = open_source(describe_source(tmp_path / "m"))
    spec = {"image": tf.TensorSpec((None, 3), tf.float32, name="image")}
    traced = tf.function(opened.function, autograph=False).get_concrete_function(spec)
    assert traced(tf.ones((5, 3)))["score"].shape == (5, 2)


def test_saved_model_without_its_variables_is_refused(tmp_path: Path) -> None:
    _of_tf1(tmp_path / "m", "serving_default")
    for file in (tmp_path / "m" / "variables").iterdir():
        file.unlink()
    with pytest.raises(EdgeproofError) as caught:
        describe_source(tmp_path / "m")
    assert caught.value.what == f"{tmp_path / 'm'}: the SavedModel cannot be opened"
    assert caught.value.want == "a whole SavedModel: saved_model.pb, variables/, and assets/ if it has any"


@pytest.mark.parametrize("content", [b"not a protobuf", b""], ids=["garbage", "empty"])
def test_saved_model_whose_graph_cannot_be_read_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "saved_model.pb").write_bytes(content)
    with pytest.raises(EdgeproofError) as caught:
        describe_source(tmp_path)
    assert caught.value.what == f"{tmp_path}: the SavedModel cannot be opened"
    assert caught.value.got.startswith("saved_model.pb")


def test_module_without_signatures_is_refused(tmp_path: Path) -> None:
    tf.saved_model.save(tf.Module(), str(tmp_path / "m"))
    with pytest.raises(EdgeproofError) as caught:
        describe_source(tmp_path / "m")
    assert str(caught.value) == (
        f"{tmp_path / 'm'}: which signature to take is not clear\n"
        "  got:  no signatures at all\n"
        "  want: one signature, or one called serving_default\n"
        "  fix:  save the model with a signature, as model.export() does"
    )
