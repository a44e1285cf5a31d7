"""Names, order, shapes and dtypes of Keras models, however their inputs and outputs are given."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from converters.errors import EdgeproofError
from converters.source import LoadOptions, SourceModel
from converters.sources import describe_source, open_source
from converters.sources.names import make_unique

CODE = '''
import keras
from keras import layers


@keras.saving.register_keras_serializable("mine")
class Keyed(keras.Model):
    """Takes a dictionary, gives a nested one, counts ids."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.table, self.dense = layers.Embedding(5, 3), layers.Dense(2)

    def call(self, inputs, training=False):
        told = self.dense(inputs["wide"])
        return {"z": told, "a": {"deep": [told + 1, keras.ops.sum(self.table(inputs["ids"]), 1)]}}


@keras.saving.register_keras_serializable("mine")
class Single(keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = layers.Dense(2)

    def call(self, image):
        return self.dense(image), image


@keras.saving.register_keras_serializable("mine")
class Listed(Single):
    def call(self, parts):
        return self.dense(parts[0]) + parts[1]


@keras.saving.register_keras_serializable("mine")
class TwoArguments(Single):
    def call(self, left, right):
        return self.dense(left) + right


class Scale(layers.Layer):
    def call(self, x):
        return x * 3.0
'''


@pytest.fixture
def code(tmp_path: Path) -> Path:
    (tmp_path / "own_layers.py").write_text(CODE)
    return tmp_path


def _saved(model: Any, directory: Path, **options: Any) -> SourceModel:
    model.save(directory / "model.keras")
    return describe_source(directory / "model.keras", LoadOptions(**options))


def _subclassed(code: Path, name: str, *first_call: Any) -> SourceModel:
    from converters.user_code import load_object

    model = load_object(f"own_layers:{name}", [code])()
    model(*first_call)
    return _saved(model, code, custom_objects=(f"own_layers:{name}",), code_directories=(code,))


def test_functional_model_keeps_its_own_names_and_order(tmp_path: Path) -> None:
    z, a = keras.Input((3,), name="z"), keras.Input((2, None), name="a", dtype="int32")
    outputs = [keras.layers.Dense(2, name="second")(z), keras.layers.Flatten(name="first")(z)]
    source = _saved(keras.Model([z, a], outputs), tmp_path)
    assert str(source.signature) == (
        "(z: float32[?, 3], a: int32[?, 2, ?]) -> (second: float32[?, 2], first: float32[?, 3])"
    )
    assert source.notes == ()


def _nested() -> keras.Model:
    """A nested structure, whose values tell which input went where."""
    x = {key: keras.Input((), name=key) for key in ("w", "k", "b")}
    scaled = x["w"] + 10 * x["k"] + 100 * x["b"]
    return keras.Model({"w": x["w"], "rest": [x["k"], {"b": x["b"]}]}, {"sum": scaled, "twice": 2 * scaled})


def test_values_reach_the_inputs_that_they_are_named_for(tmp_path: Path) -> None:
    source = _saved(_nested(), tmp_path)
    feed = {"w": tf.constant([1.0]), "k": tf.constant([2.0]), "b": tf.constant([3.0])}
    got = open_source(source).function(feed)
    assert set(source.signature.input_names) == {"w", "k", "b"}
    assert sorted(float(value[0]) for value in got.values()) == [321.0, 642.0]
    assert list(got) == list(source.signature.output_names)


def test_outputs_in_a_dictionary_have_the_names_of_their_layers(tmp_path: Path) -> None:
    x = keras.Input((3,), name="x")
    outputs = {"probability": keras.layers.Dense(1, name="p")(x), "logit": keras.layers.Dense(1, name="l")(x)}
    source = _saved(keras.Model(x, outputs), tmp_path)
    assert source.signature.output_names == tuple(open_source(source).trackable.output_names) == ("l", "p")
    assert source.notes == (
        "Outputs have the names of the layers that make them, not the dictionary's keys: "
        "'logit' is 'l', 'probability' is 'p'.",
    )


def test_sparse_or_ragged_input_is_refused(tmp_path: Path) -> None:
    x = keras.Input((3,), name="x", sparse=True)
    with pytest.raises(EdgeproofError) as caught:
        _saved(keras.Model(x, keras.layers.Dense(2)(x)), tmp_path)
    assert str(caught.value) == (
        f"{tmp_path / 'model.keras'}: a sparse input cannot be exported\n"
        "  got:  sparse tensor x\n"
        "  want: dense inputs\n"
        "  fix:  wrap the model in one that takes dense tensors and converts them"
    )


def test_outputs_of_one_layer_get_a_number_each(tmp_path: Path) -> None:
    x = keras.Input((4, 2), name="x")
    source = _saved(keras.Model(x, keras.layers.LSTM(3, return_state=True, name="l")(x)), tmp_path)
    assert source.signature.output_names == ("l", "l_1", "l_2")
    assert source.notes == ("Several outputs have the same name (l, l, l); here they are l, l_1, l_2.",)


@pytest.mark.parametrize(
    ("names", "unique"),
    [
        (["a", "b"], ("a", "b")),
        (["a", "a", "a"], ("a", "a_1", "a_2")),
        (["a", "a", "a_1"], ("a", "a_2", "a_1")),
    ],
)
def test_names_are_made_unique_without_taking_another_ones(names: list[str], unique: tuple[str, ...]) -> None:
    assert make_unique(names) == unique


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int64", "bool", "float16", "float64", "string"])
@pytest.mark.parametrize("rank", [0, 1, 5])
def test_input_of_any_rank_and_dtype(tmp_path: Path, dtype: str, rank: int) -> None:
    x = keras.Input((2,) * rank, name="x", dtype=dtype)
    if dtype == "string":
        y = keras.layers.StringLookup(vocabulary=["a"], name="y")(x)
    else:
        y = keras.ops.expand_dims(x, -1)
    source = _saved(keras.Model(x, y), tmp_path)
    assert source.signature.inputs[0].shape == (None, *[2] * rank)
    assert source.signature.inputs[0].dtype == dtype
    value = tf.fill([3, *[2] * rank], "a") if dtype == "string" else tf.zeros([3, *[2] * rank], dtype)
    got = open_source(source).function({"x": value})[source.signature.output_names[0]]
    assert got.dtype.name == source.signature.outputs[0].dtype


def test_scalar_without_a_batch(tmp_path: Path) -> None:
    x = keras.Input(batch_shape=(), name="x")
    source = _saved(keras.Model(x, keras.layers.Rescaling(2.0, name="y")(x)), tmp_path)
    assert str(source.signature) == "(x: float32[]) -> (y: float32[])"
    assert float(open_source(source).function({"x": tf.constant(3.0)})["y"]) == 6.0


def test_function_traces_with_dynamic_dimensions(tmp_path: Path) -> None:
    x = keras.Input((None, None, 1), name="x")
    y = keras.layers.GlobalMaxPooling2D(name="y")(keras.layers.Conv2D(2, 3, padding="same")(x))
    source = _saved(keras.Model(x, y), tmp_path)
    opened = open_source(source)
    spec = tf.TensorSpec((None, None, None, 1), tf.float32, name="x")
    traced = tf.function(opened.function, autograph=False).get_concrete_function({"x": spec})
    for shape in ((1, 4, 5, 1), (3, 7, 6, 1)):
        value = tf.random.stateless_normal(shape, (1, 2))
        np.testing.assert_allclose(traced(value)["y"], opened.function({"x": value})["y"], rtol=1e-5)


def test_layers_come_in_order_with_those_of_nested_models(tmp_path: Path) -> None:
    inner = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, name="deep")], name="inner")
    model = keras.Sequential([keras.Input((2,)), inner, keras.layers.ReLU(name="top")])
    opened = open_source(_saved(model, tmp_path))
    assert dict(opened.layers) == {"inner": "Sequential", "inner/deep": "Dense", "top": "ReLU"}


def test_sequential_input_has_the_same_name_however_many_models_there_were(tmp_path: Path) -> None:
    import tf_keras

    from tests.converters.legacy_models import save_sequential

    keras.Input((3,))
    layer = tf_keras.layers.Dense(2, input_shape=(3,), name="d")
    save_sequential([layer], tmp_path / "old.h5")
    names = [describe_source(tmp_path / "old.h5").signature.input_names for _ in range(2)]
    assert names == [("d_input",), ("d_input",)]


def test_subclassed_model_is_named_by_its_argument_and_its_keys(code: Path) -> None:
    source = _subclassed(
        code, "Keyed", {"wide": np.ones((1, 4), np.float32), "ids": np.ones((1, 6), np.int32)}
    )
    assert str(source.signature) == (
        "(wide: float32[?, 4], ids: int32[?, 6]) -> "
        "(z: float32[?, 2], a_deep_0: float32[?, 2], a_deep_1: float32[?, 3])"
    )
    assert source.notes == (
        "Names, shapes and dtypes of this subclassed model come from the first call of it.",
        "Dimensions after the batch are those of that call: wide: float32[?, 4], ids: int32[?, 6].",
    )
    feed = {"ids": tf.ones((2, 6), tf.int32), "wide": tf.ones((2, 4))}
    assert [tuple(v.shape) for v in open_source(source).function(feed).values()] == [(2, 2), (2, 2), (2, 3)]


@pytest.mark.parametrize(
    ("name", "first_call", "signature"),
    [
        (
            "Single",
            np.ones((2, 4), np.float32),
            "(image: float32[?, 4]) -> (output_0: float32[?, 2], output_1: float32[?, 4])",
        ),
        (
            "Listed",
            [np.ones((2, 4), np.float32), np.ones((2, 2), np.float32)],
            "(parts_0: float32[?, 4], parts_1: float32[?, 2]) -> (output_0: float32[?, 2])",
        ),
    ],
    ids=["one-argument", "a-list"],
)
def test_subclassed_model_without_keys(code: Path, name: str, first_call: Any, signature: str) -> None:
    assert str(_subclassed(code, name, first_call).signature) == signature


def test_subclassed_model_whose_shapes_are_not_all_recorded_is_refused(code: Path) -> None:
    with pytest.raises(EdgeproofError) as caught:
        _subclassed(code, "TwoArguments", np.ones((1, 4), np.float32), np.ones((1, 2), np.float32))
    told = ": the model cannot be traced with the shapes that it was saved with"
    assert caught.value.what == f"{code / 'model.keras'}{told}"
    assert "missing a required argument: 'right'" in caught.value.got
    assert caught.value.want == "a call with left[None, 4] to work"


def test_custom_layer_is_taken_from_the_named_module(code: Path) -> None:
    from converters.user_code import load_object

    layer: Callable[..., Any] = load_object("own_layers:Scale", [code])
    model = keras.Sequential([keras.Input((2,), name="x"), layer(name="y")])
    options = {"custom_objects": ("own_layers:Scale",), "code_directories": (code,)}
    got = open_source(_saved(model, code, **options)).function({"x": tf.ones((1, 2))})
    assert got["y"].numpy().tolist() == [[3.0, 3.0]]
    with pytest.raises(EdgeproofError) as caught:
        describe_source(code / "model.keras")
    assert str(caught.value) == (
        f"{code / 'model.keras'}: the model needs code that was not named\n"
        "  got:  custom object 'Scale' (saved from module own_layers) in layer 'y' (Scale)\n"
        "  want: every custom object named: nothing is imported because a model file says so\n"
        "  fix:  --custom-objects module:Scale, with your own module's name"
    )


def test_custom_layer_of_a_script_is_named_when_it_is_missing(tmp_path: Path) -> None:
    own = type("Own", (keras.layers.Layer,), {"__module__": "__main__"})
    path = tmp_path / "model.keras"
    keras.Sequential([keras.Input((2,)), own()]).save(path)
    with pytest.raises(EdgeproofError) as caught:
        describe_source(path)
    assert str(caught.value) == (
        f"{path}: the model cannot be opened\n"
        "  got:  Own, which nobody knows\n"
        "  want: a model whose layers are Keras' own or are named as custom objects\n"
        "  fix:  name your own code for it: --custom-objects module:Own"
    )


def test_custom_object_that_is_none_is_refused(code: Path) -> None:
    (code / "numbers_only.py").write_text("SIZE = 3\n")
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    with pytest.raises(EdgeproofError) as caught:
        _saved(model, code, custom_objects=("numbers_only:SIZE",), code_directories=(code,))
    assert str(caught.value) == (
        "numbers_only:SIZE: cannot be a custom object\n"
        "  got:  SIZE is a int\n"
        "  want: a class, a function, or a dictionary from names to those\n"
        "  fix:  name the layer, model, loss or function itself, as in layers:Swish"
    )
