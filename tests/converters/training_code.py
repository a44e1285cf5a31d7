"""A user's module of training functions, as the tests of training write it to a file of its own."""

CODE = """
import keras
import numpy as np
import tensorflow as tf
from keras import layers

x = np.random.default_rng(0).uniform(0.5, 1, size=(24, 4)).astype("float32")
y = x.sum(1, keepdims=True)
WANTED = (x, y)


def model(*rows, optimizer="sgd", loss="mse", **kwargs):
    made = keras.Sequential([keras.Input((4,), name="x"), *rows])
    made.compile(optimizer, loss, **kwargs)
    return made


def rows(x=x, y=y):
    return tf.data.Dataset.from_tensor_slices((x, y))


def good(batch, seed):
    assert seed == 7
    return model(layers.Dense(1, name="y"), metrics=["mae"]), rows().batch(batch), rows().batch(batch)


def random_arrays():
    return model(layers.Dense(8), layers.Dropout(0.5), layers.Dense(1)), (x, y)


def single():
    return model(layers.Dense(1)), rows()


def own_batches():
    return model(layers.Dense(1)), rows().batch(3)


class Log(layers.Layer):
    def call(self, x):
        return tf.math.log(x)


def one_zero():
    changed = x.copy()
    changed[17, 2] = 0
    return changed


def forward_inf(batch):
    keep = layers.Dense(4, kernel_initializer="identity", trainable=False)
    made = model(keep, Log(name="log"), layers.Activation("sigmoid"), layers.Dense(1))
    return made, rows(one_zero()).batch(batch)


def inf_in_an_op(batch):
    given = keras.Input((4,))
    made = keras.Model(given, layers.Dense(1)(keras.ops.sigmoid(keras.ops.log(given))))
    made.compile("sgd", "mse")
    return made, rows(one_zero()).batch(batch)


def inf_in_a_nested_model(batch):
    inner = keras.Sequential([keras.Input((4,)), Log(name="log"), layers.ReLU()], name="inner")
    return model(inner, layers.Dense(1)), rows(one_zero()).batch(batch)


def exploding(batch):
    return model(layers.Dense(1, name="y"), optimizer=keras.optimizers.SGD(1e30)), rows().batch(batch)


def loss_nan(batch):
    def root(t, p):
        return tf.reduce_mean(tf.sqrt(t - p))
    return model(layers.Dense(1), loss=root), rows(y=y * 0 - 100).batch(batch)


def gradient_nan(batch):
    def root(t, p):
        return tf.reduce_mean(tf.sqrt(tf.abs(p * 0.0)))
    return model(layers.Dense(1, name="y"), loss=root), rows().batch(batch)


def data_nan(batch):
    changed = x.copy()
    changed[9, 0] = np.nan
    return model(layers.Dense(1)), rows(changed).batch(batch)


def targets_inf(batch):
    changed = y.copy()
    changed[9, 0] = np.inf
    return model(layers.Dense(1)), rows(y=changed).batch(batch)


def harmless_inf(batch):
    class Safe(layers.Layer):
        def call(self, x):
            return tf.where(x > 0, tf.math.log(x), 0.0)
    return model(Safe(), layers.Dense(1)), rows(one_zero()).batch(batch)


@tf.function
def doubled(number):
    return tf.constant(number) * 2


def retracing(batch):
    class Counting(keras.layers.Layer):
        calls = 0
        def call(self, x):
            self.calls += 1
            doubled(self.calls)
            return x
    return model(Counting(), layers.Dense(1), run_eagerly=True), rows().batch(batch)


def not_compiled():
    return keras.Sequential([keras.Input((4,), name="x"), layers.Dense(1)], name="plain"), rows()


def raises():
    raise KeyError("no data")


def needs_more(path, batch):
    pass


def alone():
    return model(layers.Dense(1))


def of_numbers():
    return 1, 2


def no_data():
    return model(layers.Dense(1)), 5


def empty():
    return model(layers.Dense(1)), (x[:0], y[:0])


def uneven():
    return model(layers.Dense(1)), (x, y[:3])


def wrong_shape():
    return model(layers.Dense(1)), (x[:, :3], y)
"""
