"""Inputs found by gradient steps on the original: towards a decision boundary, and towards disagreement.

Both begin at natural samples and stay inside the domain. A step moves every float input by the sign of
its gradient, so that one size fits inputs of any scale; the best point on the way counts, so that a step
too far does no harm. The same start finds the same inputs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from converters.exceptions import summary
from validation.directed.inputs import Input
from validation.dtypes import is_float, numpy_dtype

FIRST_STEP = 0.1
"""Of an input's span; each step after it is smaller by `SHRINKING`."""

SHRINKING = 0.8

Chunk = dict[str, np.ndarray]
Tensors = Mapping[str, Any]
"""TensorFlow's tensors, by name."""

Goal = Callable[[Tensors], Any]
"""From inputs to one number a sample: the less, the better."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a search came to.

    Attributes:
        case: what was looked for, in words.
        chunk: the samples; empty where nothing could be searched.
        note: why there are none, a sentence; or "".
    """

    case: str
    chunk: Chunk
    note: str = ""


def search(function: Any, start: Chunk, inputs: Sequence[Input], steps: int) -> Iterator[Found]:
    """Two searches that share the steps.

    Args:
        function: a `tf.function` from inputs by name to outputs by name, one row a sample.
        start: natural samples.
        inputs: of the signature.
        steps: gradient steps in all.
    """
    floats = [entry for entry in inputs if entry.kind == "float"]
    if not floats:
        yield Found("", {}, "no inputs were searched for: the model takes no floats")
        return
    if not _floats(function.get_concrete_function().structured_outputs):
        yield Found("", {}, "no inputs were searched for: the model gives no floats")
        return
    goals = {
        "near a decision boundary": _margin(function),
        "where roundings matter most": _agreement(function, floats),
    }
    for number, (case, goal) in enumerate(goals.items()):
        share = (steps + number) // len(goals)
        if not share:
            continue
        try:
            yield Found(case, _descend(goal, start, floats, share))
        except Exception as error:  # an op without a gradient, or one that can't hold it: as the op likes
            yield Found(case, {}, f"no inputs were searched for: {summary(error)}")
            return


def _descend(goal: Goal, start: Chunk, floats: Sequence[Input], steps: int) -> Chunk:
    """The best point of each sample."""
    import tensorflow as tf

    point = {name: tf.constant(array) for name, array in start.items()}
    best, least = dict(start), np.full(len(next(iter(start.values()))), np.inf)
    for number in range(steps + 1):
        with tf.GradientTape() as tape:
            watched = {entry.spec.name: point[entry.spec.name] for entry in floats}
            tape.watch(watched)
            value = goal(point)
        _keep_better(best, least, point, value.numpy().astype(np.float64))
        if number == steps:
            break
        gradients = tape.gradient(value, watched)
        for entry in floats:
            name = entry.spec.name
            if gradients[name] is not None:
                point[name] = _step(entry, point[name], gradients[name], FIRST_STEP * SHRINKING**number)
    return best


def _step(entry: Input, point: Any, gradient: Any, share: float) -> Any:
    """Against the gradient, within the domain."""
    import tensorflow as tf

    assert entry.limits is not None
    size = share * (entry.span[1] - entry.span[0])
    dense = np.nan_to_num(tf.convert_to_tensor(gradient).numpy().astype(np.float64))
    moved = np.clip(point.numpy().astype(np.float64) - size * np.sign(dense), *entry.limits)
    return tf.constant(moved.astype(numpy_dtype(entry.spec.dtype)))


def _keep_better(best: Chunk, least: np.ndarray, point: Tensors, value: np.ndarray) -> None:
    better = np.isfinite(value) & (value < least)
    least[better] = value[better]
    for name, tensor in point.items():
        array = best[name].copy()
        array[better] = tensor.numpy()[better]
        best[name] = array


def _margin(function: Any) -> Goal:
    """How far the answer is from being another one: of vectors the lead of the greatest element over the
    second, of single numbers the distance to zero, or to one half where they are shares."""

    def margin(tensors: Tensors) -> Any:
        import tensorflow as tf

        total = 0.0
        for output in _floats(function(dict(tensors))):
            if output.shape.rank and output.shape.rank > 1 and (output.shape[-1] or 2) > 1:
                leaders = tf.math.top_k(output, 2).values
                apart = leaders[..., 0] - leaders[..., 1]
            else:
                share = tf.reduce_all((output >= 0) & (output <= 1))
                apart = tf.abs(output - tf.where(share, tf.cast(0.5, output.dtype), tf.cast(0, output.dtype)))
            total += _by_sample(apart)
        return total

    return margin


def _agreement(function: Any, floats: Sequence[Input]) -> Goal:
    """Minus the distance between the answers to the inputs and to the same, rounded to half precision."""
    names = {entry.spec.name for entry in floats}

    def agreement(tensors: Tensors) -> Any:
        import tensorflow as tf

        coarse = {name: _rounded(t) if name in names else t for name, t in tensors.items()}
        pairs = zip(_floats(function(dict(tensors))), _floats(function(coarse)), strict=True)
        return -sum(_by_sample(tf.abs(one - other)) for one, other in pairs)

    return agreement


def _rounded(tensor: Any) -> Any:
    """To half precision, or to bfloat16 where it has that already; with the gradient of doing nothing."""
    import tensorflow as tf

    half = tf.bfloat16 if tensor.dtype == tf.float16 else tf.float16
    return tensor + tf.stop_gradient(tf.cast(tf.cast(tensor, half), tensor.dtype) - tensor)


def _floats(outputs: Tensors) -> list[Any]:
    return [output for output in outputs.values() if is_float(output.dtype.name)]


def _by_sample(values: Any) -> Any:
    """The mean over all but the first dimension."""
    import tensorflow as tf

    return tf.reduce_mean(tf.reshape(tf.cast(values, tf.float32), (tf.shape(values)[0], -1)), -1)
