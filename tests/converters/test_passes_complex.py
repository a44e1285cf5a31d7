"""Complex numbers and Fourier transforms in real numbers, held against TensorFlow's own and NumPy's."""

from __future__ import annotations

import numpy as np
import pytest

from converters.passes import complex_for_tflite, complex_parts
from converters.passes.fourier import LONGEST_PRIME
from tests.converters.test_passes_composed import before_and_after

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(2, 2, 3, 24)).astype("f4")


def parts(tensor):
    import tensorflow as tf

    return tf.stack([tf.math.real(tensor), tf.math.imag(tensor)])


def ops():
    import tensorflow as tf

    return tf, tf.signal, tf.complex


CASES = {
    "irfft": lambda x, y, tf, signal, c: signal.irfft(c(x, y)),
    "irfft-odd": lambda x, y, tf, signal, c: signal.irfft(c(x, y), [33]),
    "rfft-padded": lambda x, y, tf, signal, c: parts(signal.rfft(x, [32])),
    "rfft-cut": lambda x, y, tf, signal, c: tf.math.angle(signal.rfft(x, [16])),
    "fft": lambda x, y, tf, signal, c: parts(signal.fft(c(x, y))),
    "ifft": lambda x, y, tf, signal, c: parts(signal.ifft(c(x, y))),
    "stft": lambda x, y, tf, signal, c: tf.abs(signal.stft(x, 8, 4)),
    "istft": lambda x, y, tf, signal, c: signal.inverse_stft(signal.stft(x, 8, 4), 8, 4),
    "convolution": lambda x, y, tf, signal, c: signal.irfft(
        signal.rfft(x) * signal.rfft(y) * tf.constant(2 - 1j, tf.complex64)
    ),
    "filter": lambda x, y, tf, signal, c: signal.irfft(
        signal.rfft(x, [24]) * tf.cast(y[..., :13], tf.complex64)
    ),
    "moved": lambda x, y, tf, signal, c: parts(
        tf.transpose(tf.concat([c(x, y), tf.math.conj(c(y, x))], -1), [2, 0, 1])
    ),
    "very-large": lambda x, y, tf, signal, c: tf.abs(c(x * 1e30, y * 1e30)),
    "very-small": lambda x, y, tf, signal, c: tf.abs(c(x * 1e-30, y * 0)),
}
IN_STATIC_SHAPES = {
    "fft2d": lambda x, y, tf, signal, c: parts(signal.fft2d(c(x, y))),
    "ifft2d": lambda x, y, tf, signal, c: parts(signal.ifft2d(c(x, y))),
}
NEED_LENGTH = {"irfft", "fft", "ifft", "convolution"}


def compared(function, *arrays, dynamic=False):
    want, got, left, notes = before_and_after(
        complex_parts.apply, lambda *xs: function(*xs, *ops()), *arrays, dynamic=dynamic
    )
    return want, got, [op for op in left if "FFT" in op or "Complex" in op], notes


@pytest.mark.parametrize("name", [*CASES, *IN_STATIC_SHAPES])
def test_complex_numbers_are_written_in_real_ones(name):
    want, got, left, notes = compared({**CASES, **IN_STATIC_SHAPES}[name], X, Y)
    assert left == []
    assert len(notes) == 1
    assert notes[0].endswith(" op(s) on complex numbers written in real ones")
    scale = np.sqrt(np.mean((want / want.max()).astype("f8") ** 2)) * want.max()
    np.testing.assert_allclose(got / scale, want / scale, rtol=0, atol=2e-6)


@pytest.mark.parametrize("name", [name for name in CASES if name not in NEED_LENGTH])
def test_sizes_may_be_dynamic_where_the_length_is_given(name):
    want, got, left, _ = compared(CASES[name], X, Y, dynamic=True)
    assert left == []
    np.testing.assert_allclose(got / want.max(), want / want.max(), rtol=0, atol=2e-6)


@pytest.mark.parametrize("length", [1, 2, 31, 64, 97, 400, 509, 1024, 1536])
def test_a_transform_is_as_exact_as_an_fft(length):
    import tensorflow as tf

    x = RNG.normal(size=(4, length)).astype("f4")
    spectrum = np.fft.rfft(x.astype("f8"))
    exact = np.stack([spectrum.real, spectrum.imag])
    want, got, left, _ = compared(lambda x, *_: parts(tf.signal.rfft(x)), x)
    assert left == []
    error, theirs = (np.sqrt(np.mean((each - exact) ** 2) / np.mean(exact**2)) for each in (got, want))
    assert error <= max(2.5 * theirs, 1e-7)


def test_what_an_fft_gives_exactly_is_exact():
    import tensorflow as tf

    signs = np.stack([np.full(64, 0.3), 0.7 * (-1.0) ** np.arange(64)]).astype("f4")
    want, got, _, _ = compared(lambda x, *_: parts(tf.signal.rfft(x)), signs)
    np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize(
    "function",
    [
        pytest.param(lambda x, y, tf, signal, c: parts(tf.exp(c(x, y))), id="an-op-without-rule"),
        pytest.param(lambda x, y, tf, signal, c: parts(signal.fft3d(c(x, y))), id="three-dimensions"),
        pytest.param(lambda x, y, tf, signal, c: parts(signal.rfft(x, [521])), id="a-long-prime"),
        pytest.param(
            lambda x, y, tf, signal, c: parts(signal.fft(c(tf.cast(x, tf.float64), tf.cast(y, tf.float64)))),
            id="complex128",
        ),
    ],
)
def test_what_has_no_form_in_real_numbers_stays_whole(function):
    assert LONGEST_PRIME < 521
    want, got, left, notes = compared(function, X, Y)
    assert notes == []
    assert left
    np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize(
    ("length", "stays"), [pytest.param(16, True, id="builtin"), pytest.param(24, False, id="no-power-of-two")]
)
def test_tflite_keeps_the_transform_that_it_has(length, stays):
    import tensorflow as tf

    *_, left, notes = before_and_after(
        complex_for_tflite.apply, lambda x: tf.abs(tf.signal.rfft(x, [length])), X
    )
    assert ("RFFT" in left, notes == []) == (stays, stays)


def test_tflite_gets_real_numbers_for_what_it_lacks():
    import tensorflow as tf

    *_, left, _ = before_and_after(
        complex_for_tflite.apply, lambda x: tf.signal.irfft(tf.signal.rfft(x, [16])), X
    )
    assert not {"RFFT", "IRFFT"} & left
