"""The zoo's layers: one builder for each kind of arithmetic."""

from __future__ import annotations

from tests.zoo_case import NO_ELU, OPENVINO_DIES, case


def _chain(k, shape, *layers, dtype=None):
    """A functional model with one input "x" and layers one after the other."""
    x = k.Input(shape, name="x", dtype=dtype)
    y = x
    for layer in layers:
        y = layer(y)
    return k.Model(x, y)


@case()
def dense_mlp(k):
    return _chain(k, (6,), k.layers.Dense(16, "relu"), k.layers.Dense(8, "tanh"), k.layers.Dense(3))


@case(quick=True)
def dense_wide(k):
    """As many weights as quantizers ask for before they act."""
    return _chain(k, (48,), k.layers.Dense(64, "relu"), k.layers.Dense(10, "softmax"))


@case()
def conv1d_causal_dilated(k):
    conv = k.layers.Conv1D(4, 3, padding="causal", dilation_rate=2, activation="relu")
    return _chain(k, (12, 3), conv, k.layers.Conv1D(2, 2, strides=2))


@case()
def conv2d_batchnorm(k):
    layers = k.layers
    head = (layers.Conv2D(8, 3, padding="same"), layers.BatchNormalization(), layers.ReLU(6.0))
    return _chain(k, (8, 8, 3), *head, layers.Conv2D(4, 3, strides=2), layers.Flatten(), layers.Dense(5))


@case(quick=True)
def conv2d_wide(k):
    layers = k.layers
    first = (layers.Conv2D(32, 3, padding="same", use_bias=False), layers.BatchNormalization(), layers.ReLU())
    return _chain(
        k, (8, 8, 8), *first, layers.Conv2D(32, 3), layers.GlobalAveragePooling2D(), layers.Dense(10)
    )


@case()
def conv2d_dilated(k):
    return _chain(k, (10, 10, 3), k.layers.Conv2D(4, 3, dilation_rate=2, padding="same"))


@case(quick=True)
def conv2d_grouped(k):
    return _chain(k, (6, 6, 4), k.layers.Conv2D(8, 3, groups=2, padding="same", activation="relu"))


@case()
def conv2d_depthwise(k):
    layers = k.layers
    first = layers.DepthwiseConv2D(3, depth_multiplier=2, padding="same")
    return _chain(k, (8, 8, 3), first, layers.SeparableConv2D(5, 3, strides=2, activation="relu"))


@case()
def conv1d_separable(k):
    return _chain(k, (12, 3), k.layers.SeparableConv1D(4, 3), k.layers.DepthwiseConv1D(2, strides=2))


@case()
def conv3d(k):
    layers = k.layers
    return _chain(
        k,
        (4, 6, 6, 2),
        layers.Conv3D(3, 3, padding="same", activation="relu"),
        layers.Flatten(),
        layers.Dense(4),
    )


@case(quick=True)
def maxpool3d(k):
    return _chain(k, (4, 6, 6, 2), k.layers.Conv3D(3, 2), k.layers.MaxPooling3D(2, name="pool"))


@case()
def conv1d_transposed(k):
    return _chain(k, (6, 3), k.layers.Conv1DTranspose(4, 3, strides=2, padding="same"))


@case()
def conv2d_transposed(k):
    return _chain(k, (5, 5, 3), k.layers.Conv2DTranspose(4, 3, strides=2, padding="same", activation="relu"))


@case(refused={"tfjs:*": ("up", "Conv3DBackpropInputV2")})
def conv3d_transposed(k):
    return _chain(k, (3, 4, 4, 2), k.layers.Conv3DTranspose(3, 2, strides=2, name="up"))


@case()
def pools(k):
    layers = k.layers
    x = k.Input((8, 8, 3), name="x")
    parts = [layers.MaxPooling2D(2)(x), layers.AveragePooling2D(3, strides=2, padding="same")(x)]
    flat = [layers.GlobalAveragePooling2D()(x), layers.GlobalMaxPooling2D()(x)]
    return k.Model(x, layers.Concatenate()([*(layers.Flatten()(part) for part in parts), *flat]))


@case(quick=True)
def lstm(k):
    return _chain(k, (6, 3), k.layers.LSTM(5, return_sequences=True), k.layers.LSTM(4), k.layers.Dense(2))


@case(sizes={"x": (7, 3)}, quick=True)
def lstm_dynamic_time(k):
    return _chain(k, (None, 3), k.layers.LSTM(5), k.layers.Dense(2))


@case()
def lstm_unrolled(k):
    return _chain(k, (4, 3), k.layers.LSTM(5, unroll=True), k.layers.Dense(2))


@case(gaps=OPENVINO_DIES)
def gru(k):
    return _chain(k, (6, 3), k.layers.GRU(5, return_sequences=True), k.layers.GRU(4, reset_after=False))


@case()
def bidirectional(k):
    return _chain(
        k, (6, 3), k.layers.Bidirectional(k.layers.LSTM(4, return_sequences=True)), k.layers.Dense(2)
    )


@case(gaps=OPENVINO_DIES)
def simple_rnn_masked(k):
    """The ReLU makes about half of the steps 0, which the mask then hides."""
    return _chain(k, (6, 1), k.layers.ReLU(), k.layers.Masking(0.0), k.layers.SimpleRNN(5), k.layers.Dense(2))


@case(gaps=OPENVINO_DIES)
def convlstm2d(k):
    return _chain(k, (3, 5, 5, 2), k.layers.ConvLSTM2D(3, 3, padding="same"))


@case(ranges={"x": (0, 19)}, sizes={"x": (7,)}, gaps=OPENVINO_DIES, quick=True)
def embedding_masked_gru(k):
    embed = k.layers.Embedding(20, 6, mask_zero=True)
    return _chain(k, (None,), embed, k.layers.GRU(5), k.layers.Dense(3), dtype="int32")


@case(ranges={"x": (0, 19)})
def embedding_pooled(k):
    layers = k.layers
    return _chain(
        k, (6,), layers.Embedding(20, 6), layers.GlobalAveragePooling1D(), layers.Dense(3), dtype="int32"
    )


@case(quick=True)
def attention(k):
    layers = k.layers
    x = k.Input((5, 8), name="x")
    y = layers.LayerNormalization()(x + layers.MultiHeadAttention(2, 4)(x, x))
    return k.Model(x, y + layers.Dense(8)(layers.Dense(12, "gelu")(y)))


@case()
def attention_causal_grouped(k):
    x = k.Input((5, 8), name="x")
    attend = k.layers.GroupQueryAttention(4, num_query_heads=4, num_key_value_heads=2)
    return k.Model(x, attend(x, x, use_causal_mask=True))


@case(ranges={"x": (-4.0, 4.0)})
def gelu_exact(k):
    return _chain(k, (6,), k.layers.Dense(8, "gelu"), k.layers.Dense(3))


@case(gaps=NO_ELU, ranges={"x": (-5.0, 5.0)}, quick=True)
def activations(k):
    names = (
        "relu relu6 elu selu softplus softsign sigmoid tanh silu mish hard_sigmoid hard_silu exponential gelu"
    )
    x = k.Input((4,), name="x")
    parts = [k.layers.Activation(name)(x) for name in names.split()]
    parts += [k.layers.LeakyReLU(0.15)(x), k.layers.PReLU()(x), k.layers.Softmax()(x)]
    return k.Model(x, k.layers.Concatenate()(parts))


@case()
def leaky_relu(k):
    return _chain(k, (6, 6, 2), k.layers.Conv2D(4, 3), k.layers.LeakyReLU(0.2), k.layers.Conv2D(2, 2))


@case()
def norms(k):
    layers = k.layers
    x = k.Input((6, 6, 4), name="x")
    parts = [layers.LayerNormalization(), layers.GroupNormalization(2), layers.UnitNormalization()]
    parts += [layers.BatchNormalization(), layers.RMSNormalization()]
    return k.Model(x, layers.Concatenate()([part(x) for part in parts]))


@case()
def resize_nearest_bilinear(k):
    x = k.Input((4, 4, 2), name="x")
    near = k.layers.UpSampling2D(2, interpolation="nearest")(x)
    smooth = k.layers.Resizing(8, 8, interpolation="bilinear")(x)
    return k.Model(x, k.layers.Concatenate()([near, smooth]))


@case()
def resize_bicubic(k):
    return _chain(k, (4, 4, 2), k.layers.Resizing(7, 7, interpolation="bicubic", name="resize"))


@case()
def einsum_dense(k):
    return _chain(k, (5, 6), k.layers.EinsumDense("abc,cd->abd", output_shape=(None, 4), bias_axes="d"))


@case()
def softmax_1000(k):
    wide = k.initializers.RandomNormal(stddev=1.0, seed=1)
    return _chain(k, (16,), k.layers.Dense(1000, "softmax", kernel_initializer=wide))


@case(gaps={"onnxruntime-openvino": ("error", "Non-zero status code returned while running")})
def mel_spectrogram(k):
    sizes = {"sequence_length": 32, "sequence_stride": 16, "fft_length": 32, "num_mel_bins": 6}
    layer = k.layers.MelSpectrogram(**sizes, sampling_rate=256, min_freq=1, max_freq=120, name="mel")
    return _chain(k, (96,), layer)


@case()
def fourier_filter(k):
    x = k.Input((24,), name="x")
    real, imag = k.ops.rfft(x)
    return k.Model(x, k.ops.irfft((real * 0.5 + imag, imag * 2.0 - 1.0)))
