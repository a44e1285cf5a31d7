"""The zoo's signatures: ranks, dtypes, names, order, dynamic dimensions, model classes."""

from __future__ import annotations

from functools import cache

from tests.zoo_case import OPENVINO_TAKES_NONE, case


@case(quick=True)
def rank0_input(k):
    x = k.Input((), name="x")
    return k.Model(x, k.layers.Dense(3)(k.layers.Reshape((1,))(x)))


@case()
def rank1_input(k):
    x = k.Input((1,), name="x")
    return k.Model(x, k.layers.Dense(1)(x))


@case()
def rank2_input(k):
    x = k.Input((4, 3), name="x")
    return k.Model(x, k.layers.Dense(2)(x))


@case()
def rank3_input(k):
    x = k.Input((4, 3, 2), name="x")
    return k.Model(x, k.layers.Permute((3, 1, 2))(k.layers.Dense(2)(x)))


@case()
def rank4_input(k):
    x = k.Input((2, 3, 2, 3), name="x")
    return k.Model(x, k.layers.Dense(2)(x))


@case(quick=True)
def rank5_input(k):
    x = k.Input((2, 2, 2, 2, 3), name="x")
    return k.Model(x, k.layers.Dense(2)(x))


@case(quick=True)
def inputs_in_a_dict(k):
    """Names in an order that is not the alphabet's, so that a sorted mapping shows."""
    wide, deep = k.Input((4,), name="wide"), k.Input((3,), name="deep")
    joined = k.layers.Concatenate()([k.layers.Dense(4, "relu")(wide), deep])
    heads = {
        "score": k.layers.Dense(1, name="score")(joined),
        "label": k.layers.Dense(3, name="label")(joined),
    }
    return k.Model({"wide": wide, "deep": deep}, heads)


@case()
def inputs_in_a_list(k):
    """Both inputs have one shape and one dtype: only names tell them apart."""
    second, first = k.Input((4,), name="second"), k.Input((4,), name="first")
    return k.Model(
        [second, first], k.layers.Subtract()([k.layers.Dense(3)(second), k.layers.Dense(3)(first)])
    )


@case(quick=True)
def outputs_alike(k):
    """Outputs of one shape and one dtype, named against the alphabet."""
    x = k.Input((4,), name="x")
    names = ("zulu", "mike", "alpha")
    return k.Model(x, [k.layers.Dense(3, name=name)(x) for name in names])


@case(quick=True)
def input_is_output(k):
    x = k.Input((4,), name="x")
    return k.Model(x, [k.layers.Dense(3, name="scores")(x), x])


@case()
def output_inside(k):
    x = k.Input((4,), name="x")
    y = k.layers.Dense(3, name="scores")(x)
    return k.Model(x, [y, k.layers.Activation("softmax", name="shares")(y)])


@case(ranges={"x": (0, 255)}, quick=True)
def uint8_image(k):
    layers = k.layers
    x = k.Input((8, 8, 3), name="x", dtype="uint8")
    return k.Model(x, layers.Flatten()(layers.Conv2D(4, 3)(layers.Rescaling(1 / 255)(x))))


@case()
def bool_mask(k):
    x, keep = k.Input((5,), name="x"), k.Input((5,), name="keep", dtype="bool")
    y = k.ops.where(keep, x, k.ops.zeros_like(x))
    return k.Model([x, keep], k.layers.Dense(3)(y))


@case(ranges={"x": (-9, 9)})
def int32_arithmetic(k):
    x = k.Input((4,), name="x", dtype="int32")
    return k.Model(x, [k.ops.maximum(x * 3 - 7, 0), k.layers.Dense(2)(k.ops.cast(x, "float32"))])


@case(ranges={"x": (0, 11)})
def int64_ids(k):
    x = k.Input((4,), name="x", dtype="int64")
    return k.Model(x, k.layers.Flatten()(k.layers.Embedding(12, 3)(x)))


@case(gaps=OPENVINO_TAKES_NONE)
def float16_input(k):
    """Half-precision data into a float32 model."""
    x = k.Input((6,), name="x", dtype="float16")
    return k.Model(x, k.layers.Dense(3)(k.ops.cast(x, "float32")))


@case(refused={"tflite:*": ("half", "MatMul")})
def float16_model(k):
    x = k.Input((6,), name="x", dtype="float16")
    return k.Model(x, k.layers.Dense(3, dtype="float16", name="half")(x))


@case()
def float64_input(k):
    """Double-precision data into a float32 model."""
    x = k.Input((6,), name="x", dtype="float64")
    return k.Model(x, k.layers.Dense(3)(k.ops.cast(x, "float32")))


@case(refused={"tflite:*": ("double", "MatMul")}, gaps=OPENVINO_TAKES_NONE)
def float64_model(k):
    x = k.Input((6,), name="x", dtype="float64")
    return k.Model(x, k.layers.Dense(3, dtype="float64", name="double")(x))


@case(sizes={"x": (9, 7, 3)}, quick=True)
def dynamic_spatial(k):
    layers = k.layers
    x = k.Input((None, None, 3), name="x")
    y = layers.Conv2D(4, 3, padding="same", activation="relu")(x)
    return k.Model(x, [layers.GlobalAveragePooling2D()(y), layers.Conv2D(2, 1, name="mask")(y)])


@case(sizes={"x": (9, 3)})
def dynamic_time(k):
    x = k.Input((None, 3), name="x")
    return k.Model(x, k.layers.Conv1D(4, 3, padding="same", activation="relu")(x))


@case()
def fixed_batch(k):
    x = k.Input(batch_shape=(2, 5), name="x")
    return k.Model(x, k.layers.Dense(3, "relu")(x))


@cache
def _tower(k):
    """A subclassed model; made on demand since its base class loads Keras."""

    @k.saving.register_keras_serializable("zoo")
    class Tower(k.Model):
        def __init__(self, units=4, **kwargs):
            super().__init__(**kwargs)
            self.units = units
            self.hidden, self.normal = k.layers.Dense(units, "relu"), k.layers.BatchNormalization()
            self.head, self.drop = k.layers.Dense(3), k.layers.Dropout(0.5)

        def call(self, inputs, training=False):
            y = self.normal(self.hidden(inputs), training=training)
            return self.head(self.drop(y, training=training))

        def get_config(self):
            return super().get_config() | {"units": self.units}

    return Tower


def __getattr__(name):
    if name != "Tower":
        raise AttributeError(name)
    import keras

    return _tower(keras)


@case(custom_objects=("tests.zoo_shapes:Tower",), quick=True)
def subclassed(k):
    import numpy as np

    model = _tower(k)()
    model(np.zeros((1, 5), np.float32))
    return model


@case()
def sequential(k):
    return k.Sequential(
        [k.Input((5,), name="x"), k.layers.Dense(4, "relu"), k.layers.Dropout(0.5), k.layers.Dense(2)]
    )


@case()
def shared_layers(k):
    """One encoder called twice, and a model inside the model."""
    left, right = k.Input((4,), name="left"), k.Input((4,), name="right")
    encoder = k.Sequential([k.Input((4,)), k.layers.Dense(5, "tanh"), k.layers.Dense(3)], name="encoder")
    return k.Model([left, right], k.layers.Dot(1)([encoder(left), encoder(right)]))


@case(ranges={"x": (0.0, 255.0)})
def preprocessing(k):
    layers = k.layers
    x = k.Input((6, 6, 3), name="x")
    normal = layers.Normalization(mean=[120.0, 110.0, 100.0], variance=[900.0, 1600.0, 2500.0])
    return k.Model(x, layers.Flatten()(layers.Conv2D(3, 3)(normal(x))))


@case()
def top_k(k):
    x = k.Input((9,), name="x")
    values, places = k.ops.top_k(k.layers.Dense(9)(x), 3)
    return k.Model(x, [values, places])


@case()
def argmax(k):
    x = k.Input((9,), name="x")
    return k.Model(x, k.ops.argmax(k.layers.Dense(9)(x), axis=-1))


@case()
def reshaping(k):
    layers = k.layers
    x = k.Input((6, 4), name="x")
    parts = [layers.ZeroPadding1D(1)(x), layers.Cropping1D(1)(layers.ZeroPadding1D((2, 2))(x))]
    total = layers.Add()([parts[0], layers.Cropping1D((0, 0))(parts[1])])
    return k.Model(x, layers.Permute((2, 1))(layers.Reshape((4, 8))(total)))


@case()
def merges(k):
    layers = k.layers
    a, b = k.Input((4,), name="a"), k.Input((4,), name="b")
    kinds = (layers.Add, layers.Multiply, layers.Maximum, layers.Minimum, layers.Average, layers.Subtract)
    return k.Model([a, b], layers.Concatenate()([kind()([a, b]) for kind in kinds]))
