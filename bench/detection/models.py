"""The networks that faults are put into: small, varied, each layer named for what it does.

They are cases of the tests' zoo: seeded, with biases and statistics that aren't 0 and 1, so that a
fault in any of them has something to change.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any

from tests.zoo_case import Case


def towers(k: ModuleType) -> Any:
    """Two inputs of one shape, and three outputs of which two have one shape."""
    layers = k.layers
    left, right = k.Input((12,), name="left"), k.Input((12,), name="right")
    a = layers.Dense(16, "relu", name="left_tower")(left)
    b = layers.Dense(16, "tanh", name="right_tower")(right)
    both = layers.Concatenate(name="both")([a, b])
    deep = layers.Dense(16, "elu", name="deep")(both)
    shares = layers.Dense(5, "softmax", name="shares")(deep)
    scores = layers.Dense(5, name="scores")(deep)
    return k.Model([left, right], [shares, scores, layers.Dense(1, "sigmoid", name="odds")(deep)])


def cnn(k: ModuleType) -> Any:
    """Convolutions with BatchNorm, strides, dilation and pools, down to a softmax."""
    layers = k.layers
    x = k.Input((16, 16, 3), name="x")
    y = layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False, name="stem")(x)
    y = layers.ReLU(6.0, name="stem_relu6")(layers.BatchNormalization(name="stem_norm")(y))
    y = layers.Conv2D(12, 3, dilation_rate=2, padding="same", activation="relu", name="dilated")(y)
    y = layers.MaxPooling2D(2, name="pool")(y)
    y = layers.Conv2D(12, 3, padding="same", name="narrow")(y)
    y = layers.ReLU(name="narrow_relu")(layers.BatchNormalization(name="narrow_norm")(y))
    y = layers.AveragePooling2D(2, name="mean")(y)
    return k.Model(x, layers.Dense(6, "softmax", name="classes")(layers.Flatten(name="flat")(y)))


def mobile(k: ModuleType) -> Any:
    """Depthwise blocks in MobileNet's manner, with the activations of its versions."""
    layers = k.layers
    x = k.Input((16, 16, 3), name="x")
    y = layers.Conv2D(8, 3, strides=2, padding="same", name="stem")(x)
    y = layers.Activation("hard_silu", name="stem_swish")(y)
    y = layers.DepthwiseConv2D(3, padding="same", use_bias=False, name="depthwise")(y)
    y = layers.ReLU(6.0, name="depthwise_relu6")(layers.BatchNormalization(name="depthwise_norm")(y))
    y = layers.Conv2D(8, 1, name="project")(y)
    z = layers.LeakyReLU(0.2, name="leaky")(layers.Conv2D(16, 1, name="expand")(y))
    z = layers.DepthwiseConv2D(3, strides=2, padding="same", name="reduce")(z)
    z = layers.Conv2D(12, 1, name="linear")(layers.PReLU(shared_axes=[1, 2], name="prelu")(z))
    z = layers.GlobalAveragePooling2D(name="squeeze")(z)
    return k.Model(x, layers.Dense(6, name="logits")(z))


def residual(k: ModuleType) -> Any:
    """Preactivated residual blocks with padding of their own, as in ResNet V2."""
    layers = k.layers
    x = k.Input((12, 12, 3), name="x")
    y = layers.Conv2D(8, 3, padding="same", name="stem")(x)
    for block in ("a", "b"):
        z = layers.ReLU(name=f"{block}_pre_relu")(layers.BatchNormalization(name=f"{block}_pre_norm")(y))
        z = layers.Conv2D(8, 3, padding="same", use_bias=False, name=f"{block}_conv1")(z)
        z = layers.ReLU(name=f"{block}_relu")(layers.BatchNormalization(name=f"{block}_norm")(z))
        z = layers.Conv2D(8, 3, padding="same", name=f"{block}_conv2")(z)
        y = layers.Add(name=f"{block}_add")([y, z])
    y = layers.ZeroPadding2D(1, name="pad")(y)
    y = layers.MaxPooling2D(3, strides=2, name="pool")(y)
    y = layers.Activation("swish", name="swish")(y)
    return k.Model(x, layers.Dense(5, name="logits")(layers.GlobalAveragePooling2D(name="squeeze")(y)))


def recurrent(k: ModuleType) -> Any:
    """An LSTM, then a GRU."""
    layers = k.layers
    x = k.Input((7, 4), name="x")
    y = layers.LSTM(8, return_sequences=True, name="lstm")(x)
    y = layers.GRU(6, name="gru")(y)
    return k.Model(x, layers.Dense(3, name="logits")(y))


def attention(k: ModuleType) -> Any:
    """One block of a transformer."""
    layers = k.layers
    x = k.Input((6, 16), name="x")
    y = layers.MultiHeadAttention(2, 8, name="attend")(x, x)
    y = layers.LayerNormalization(name="norm1")(layers.Add(name="add1")([x, y]))
    z = layers.Dense(16, name="shrink")(layers.Dense(32, "gelu", name="widen")(y))
    y = layers.LayerNormalization(epsilon=1e-6, name="norm2")(layers.Add(name="add2")([y, z]))
    y = layers.GlobalAveragePooling1D(name="mean")(y)
    return k.Model(x, layers.Dense(4, "softmax", name="classes")(y))


def text(k: ModuleType) -> Any:
    """Word numbers through an embedding, a causal convolution and a pool."""
    layers = k.layers
    x = k.Input((12,), name="words", dtype="int32")
    y = layers.Embedding(50, 8, name="embed")(x)
    y = layers.Conv1D(12, 3, padding="causal", activation="relu", name="causal")(y)
    y = layers.Conv1D(12, 3, strides=2, activation="softplus", name="strided")(y)
    y = layers.GlobalMaxPooling1D(name="strongest")(y)
    return k.Model(x, layers.Dense(1, "sigmoid", name="mood")(layers.Dense(8, "selu", name="hidden")(y)))


def unet(k: ModuleType) -> Any:
    """Down, up by three kinds of enlargement, and across."""
    layers = k.layers
    x = k.Input((12, 12, 2), name="x")
    fine = layers.Conv2D(6, 3, padding="same", activation="relu", name="fine")(x)
    coarse = layers.Conv2D(8, 3, strides=2, padding="same", activation="tanh", name="coarse")(fine)
    bottom = layers.Conv2D(8, 3, padding="same", name="bottom")(layers.MaxPooling2D(2, name="pool")(coarse))
    smooth = layers.UpSampling2D(2, interpolation="bilinear", name="smooth")(bottom)
    y = layers.Concatenate(name="across")([coarse, smooth])
    y = layers.Conv2DTranspose(6, 3, strides=2, padding="same", name="transposed")(y)
    y = layers.Concatenate(name="whole")([fine, y])
    near = layers.UpSampling2D(2, name="near")(coarse)
    y = layers.Conv2D(4, 1, name="mix")(layers.Concatenate(name="all")([y, near]))
    return k.Model(x, layers.Conv2D(2, 3, padding="same", activation="sigmoid", name="mask")(y))


def integers(k: ModuleType) -> Any:
    """Arithmetic on integers of both signs, and what is looked up with its results."""
    from bench.detection.whole import Whole

    x = k.Input((6,), name="x", dtype="int32")
    hours = Whole("floor_divide", name="hours", dtype="int32")(x)
    rest = Whole("mod", name="rest", dtype="int32")(x)
    held = Whole("clip", name="held", dtype="int32")(Whole("cumsum", name="total", dtype="int32")(x))
    hot = Whole("one_hot", name="hot")(rest)
    return k.Model(x, [hours, held, k.layers.Dense(3, name="score")(k.layers.Flatten(name="flat")(hot))])


def numbers(k: ModuleType) -> Any:
    """Functions whose corners decide: halves, zero, and large values."""
    from bench.detection.whole import Whole

    x = k.Input((6,), name="x")
    y = k.layers.Dense(6, name="dense")(x)
    parts = [Whole(kind, name=kind)(x) for kind in ("round", "floor", "positive", "softplus", "shrunk")]
    return k.Model(x, k.layers.Dense(4, name="mixed")(k.layers.Concatenate(name="parts")([y, *parts])))


def wide(k: ModuleType) -> Any:
    """Wide enough for quantizers to act on every layer."""
    layers = k.layers
    x = k.Input((12, 12, 8), name="x")
    y = layers.Conv2D(32, 3, padding="same", use_bias=False, name="first")(x)
    y = layers.ReLU(6.0, name="first_relu6")(layers.BatchNormalization(name="first_norm")(y))
    y = layers.DepthwiseConv2D(3, strides=2, padding="same", name="depthwise")(y)
    y = layers.Conv2D(32, 3, activation="relu", name="second")(y)
    y = layers.GlobalAveragePooling2D(name="squeeze")(y)
    return k.Model(x, layers.Dense(10, name="logits")(layers.Dense(64, "relu", name="hidden")(y)))


def single(k: ModuleType) -> Any:
    """A batch of one sample, fixed: what such a file keeps from call to call is the last sample's."""
    layers = k.layers
    x = k.Input((10,), batch_size=1, name="x")
    y = layers.Dense(12, "relu", name="first")(x)
    y = layers.Multiply(name="gated")([layers.Dense(12, "tanh", name="second")(y), y])
    return k.Model(x, layers.Dense(5, name="logits")(y))


RANGES: Mapping[str, Mapping[str, tuple[float, float]]] = {
    "text": {"words": (0, 49)},
    "integers": {"x": (-9, 9)},
    "numbers": {"x": (-5, 5)},
}
"""Least and greatest input, where the zoo's own [-2, 2] doesn't do."""

DOMAINS: Mapping[str, Mapping[str, tuple[float, float]]] = {
    "integers": {"x": (-1e6, 1e6)},
    "numbers": {"x": (-80.0, 80.0)},
}
"""Inputs that count, where the signature allows what a correct export can't do: TF.js divides integers as
float32, wrong from 2^24 on, and LiteRT's softplus is wrong from 89 on (docs/known-faults.md)."""

TARGETS: Mapping[str, tuple[str, ...]] = {"wide": ("tflite:int8", "tflite:dynamic_int8", "tfjs:uint8")}
"""What a network is exported to; the others to float32 in each format."""

FLOAT32 = ("tflite:float32", "onnx:float32", "tfjs:float32")

BUILDERS = (
    *(towers, cnn, mobile, residual, recurrent, attention),
    *(text, unet, integers, numbers, wide, single),
)

MODELS: Mapping[str, Case] = {
    builder.__name__: Case(
        builder.__name__,
        builder,
        ranges=RANGES.get(builder.__name__, {}),
        custom_objects=("bench.detection.whole:Whole",) if builder in (integers, numbers) else (),
    )
    for builder in BUILDERS
}
