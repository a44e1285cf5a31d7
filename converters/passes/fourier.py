"""Discrete Fourier transforms of pairs of real tensors, as products with constant matrices.

A transform of length A·B is one of length A, a turn of each number, and one of length B (Cooley and
Tukey, 1965), down to lengths whose factors are 1, -1, i and -i. So it is as exact as an FFT: one matrix
of the whole length loses digits with its root, and gives 1e-7 where a constant signal has exactly 0.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

DIRECT = 4
"""Lengths up to this are one matrix product; for 3 its factors aren't exact."""

LONGEST_PRIME = 512
"""Greatest prime length that is taken: its matrix has 4 times the square of it in numbers."""


def is_possible(length: int | None) -> bool:
    """Whether a transform of this length has a form without huge matrices."""
    return bool(length) and max(_primes(length or 1)) <= LONGEST_PRIME


def dft(real: Any, imag: Any | None, length: int, sign: int) -> tuple[Any, Any]:
    """Σ x[n] exp(sign · 2πi · k · n / length), over the last axis.

    Args:
        real: float32, [..., length], the last dimension static.
        imag: the same, or None for zeros.
        length: at least 1; `is_possible` tells which.
        sign: -1 forwards, 1 backwards; backwards isn't divided by the length.

    Returns:
        Real and imaginary part, [..., length].
    """
    import tensorflow as tf

    rows = [None if part is None else tf.reshape(part, [-1, length]) for part in (real, imag)]
    parts = _rows(rows[0], rows[1], length, sign)
    x, y = (_shaped(part, real) for part in parts)
    return x, y


def hermitian(real: Any, imag: Any, length: int) -> tuple[Any, Any]:
    """The whole spectrum of a real signal from its first half.

    Args:
        real: float32, [..., at least length // 2 + 1].
        imag: the same.
        length: of the signal.
    """
    import tensorflow as tf

    index = np.arange(length)
    mirrored = index > length // 2
    source = np.where(mirrored, length - index, index).astype(np.int32)
    signs = np.where(mirrored, -1, 1).astype(np.float32)
    return tf.gather(real, source, axis=-1), tf.gather(imag, source, axis=-1) * signs


def _rows(real: Any, imag: Any | None, length: int, sign: int) -> tuple[Any, Any]:
    """As `dft`, of [rows, length]."""
    import tensorflow as tf

    outer = _divisor(length)
    if length <= DIRECT or outer == 1:
        return _direct(real, imag, length, sign)
    inner = length // outer

    def columns(part: Any, height: int, width: int) -> Any:
        """[rows, height · width] with its columns as rows: [rows · width, height]."""
        split = tf.reshape(part, [-1, height, width])
        return tf.reshape(tf.transpose(split, [0, 2, 1]), [-1, height])

    first = [None if part is None else columns(part, outer, inner) for part in (real, imag)]
    x, y = (tf.reshape(part, [-1, length]) for part in _rows(first[0], first[1], outer, sign))
    cosine, sine = _turns(np.outer(np.arange(inner), np.arange(outer)).reshape(-1), length, sign)
    x, y = x * cosine - y * sine, x * sine + y * cosine
    second = _rows(columns(x, inner, outer), columns(y, inner, outer), inner, sign)
    x, y = (tf.reshape(columns(tf.reshape(p, [-1, length]), outer, inner), [-1, length]) for p in second)
    return x, y


def _direct(real: Any, imag: Any | None, length: int, sign: int) -> tuple[Any, Any]:
    """One product with [[cos, sin], [-sin, cos]], or with its upper half."""
    import tensorflow as tf

    cosine, sine = _turns(np.outer(np.arange(length), np.arange(length)), length, sign)
    matrix = np.hstack([cosine, sine])
    x = real
    if imag is not None:
        matrix = np.vstack([matrix, np.hstack([-sine, cosine])])
        x = tf.concat([real, imag], axis=-1)
    product = tf.matmul(x, tf.constant(matrix))
    return product[:, :length], product[:, length:]


def _turns(steps: np.ndarray, length: int, sign: int) -> tuple[np.ndarray, np.ndarray]:
    """Cosine and sine of `steps` parts of a whole turn, float32, with their zeros where they are."""
    angles = sign * 2 * np.pi * (steps % length) / length
    cosine, sine = (np.where(abs(part) < 1e-12, 0, part) for part in (np.cos(angles), np.sin(angles)))
    return cosine.astype(np.float32), sine.astype(np.float32)


def _divisor(length: int) -> int:
    """The greatest divisor that is no more than the root."""
    return next(d for d in range(math.isqrt(length), 0, -1) if length % d == 0)


def _primes(number: int) -> list[int]:
    found, factor = [1], 2
    while factor * factor <= number:
        while number % factor == 0:
            found.append(factor)
            number //= factor
        factor += 1
    return [*found, number]


def _shaped(rows: Any, like: Any) -> Any:
    """Rows in the shape of what they were made from; without a Shape op where one size is unknown."""
    import tensorflow as tf

    sizes = like.shape.as_list()
    if sizes.count(None) < 2:
        return tf.reshape(rows, [-1 if size is None else size for size in sizes])
    result = tf.reshape(rows, tf.shape(like))
    result.set_shape(like.shape)
    return result
