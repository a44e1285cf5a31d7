"""What a training callable is given and gives back.

    def train(batch: int, seed: int, epochs: int) -> (model, training data[, validation data])

It gets those of `batch`, `seed` and `epochs` that it declares. The model is a compiled Keras 3 model.
Data is a `tf.data.Dataset`, a `keras.utils.PyDataset`, or arrays: `(x, y)` or `(x, y, sample_weight)`.
Arrays are shuffled and batched here; so is a dataset of single samples batched, which shows by the
rank of its inputs. A dataset that comes in batches keeps them.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from converters.errors import EdgeproofError
from converters.user_code import blame_line, load_object

WANTED = "(model, training data) or (model, training data, validation data), the model compiled"


@dataclass(frozen=True, slots=True)
class Task:
    """A compiled model and its batched data."""

    model: Any
    data: Any
    validation: Any = None
    notes: tuple[str, ...] = ()


def prepare(reference: str, code: tuple[Path, ...], settings: Mapping[str, int]) -> Task:
    """Calls the user's function and checks what it returns.

    Args:
        reference: `module:name`.
        code: directories that the module may come from.
        settings: `batch`, `seed` and `epochs`.

    Raises:
        EdgeproofError: it cannot be imported or called, or returns something else.
    """
    function = load_object(reference, code)
    if not callable(function):
        raise _unfit(reference, f"a {type(function).__name__}", "a function", "name a function")
    asked = _declared(reference, function, settings)
    try:
        returned = function(**{name: settings[name] for name in asked})
    except Exception as error:
        raise _unfit(reference, blame_line(error, code), WANTED, "correct that line") from error
    model, *parts = _unpack(reference, returned)
    data = [_batched(reference, part, model, settings, index == 0) for index, part in enumerate(parts)]
    notes = () if "batch" in asked or data[0][1] else (_own_batches(settings["batch"]),)
    return Task(model, data[0][0], data[1][0] if len(data) > 1 else None, notes)


def _declared(reference: str, function: Any, settings: Mapping[str, int]) -> list[str]:
    parameters = inspect.signature(function).parameters.values()
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return list(settings)
    strange = [
        p.name
        for p in parameters
        if p.name not in settings and p.default is p.empty and p.kind != p.VAR_POSITIONAL
    ]
    if strange:
        raise _unfit(
            reference,
            f"it also needs {', '.join(strange)}",
            f"a function of any of {', '.join(settings)}",
            "give those a default value",
        )
    return [p.name for p in parameters if p.name in settings]


def _unpack(reference: str, returned: Any) -> tuple[Any, ...]:
    import keras

    if not isinstance(returned, (tuple, list)) or len(returned) not in (2, 3):
        size = f" of {len(returned)}" if isinstance(returned, (tuple, list)) else ""
        raise _unfit(reference, f"a {type(returned).__name__}{size}", WANTED, "return those two or three")
    model = returned[0]
    if not isinstance(model, keras.Model):
        kind = f"{type(model).__module__.split('.')[0]}.{type(model).__name__}"
        raise _unfit(reference, f"{kind} as the model", "a Keras 3 model", "return a keras.Model first")
    if not model.compiled:
        got = f"the model '{model.name}' is not compiled"
        raise _unfit(reference, got, WANTED, "call model.compile(optimizer=…, loss=…) before it is returned")
    return tuple(part for index, part in enumerate(returned) if index < 2 or part is not None)


def _batched(
    reference: str, data: Any, model: Any, settings: Mapping[str, int], shuffle: bool
) -> tuple[Any, bool]:
    """The data in batches, and whether they were made here."""
    import keras
    import tensorflow as tf

    if isinstance(data, keras.utils.PyDataset):
        return data, False
    if isinstance(data, tf.data.Dataset):
        single = _is_single(data, model)
        _refuse_empty(reference, data.cardinality().numpy() == 0)
        return (data.batch(settings["batch"]), True) if single else (data, False)
    if not isinstance(data, (tuple, list)) or not 1 <= len(data) <= 3:
        raise _unfit(
            reference,
            f"a {type(data).__name__} as data",
            "a tf.data.Dataset, a keras.utils.PyDataset, or arrays (x, y)",
            "return one of these",
        )
    try:
        rows = tf.data.Dataset.from_tensor_slices(tuple(data))
    except ValueError as error:
        raise _unfit(
            reference, f"arrays that don't fit: {error}", "x and y of one length", "check them"
        ) from error
    count = int(rows.cardinality().numpy())
    _refuse_empty(reference, count == 0)
    ordered = rows.shuffle(count, seed=settings["seed"]) if shuffle else rows
    return ordered.batch(settings["batch"]), True


def _is_single(data: Any, model: Any) -> bool:
    """Whether the dataset gives samples instead of batches: its inputs have one rank less."""
    import tensorflow as tf

    if not getattr(model, "inputs", None):
        return False
    spec = data.element_spec
    given = tf.nest.flatten(spec[0] if isinstance(spec, tuple) else spec)
    ranks = [getattr(getattr(s, "shape", None), "rank", None) for s in given]
    wanted = [len(t.shape) for t in model.inputs]
    return len(ranks) == len(wanted) and all(
        r is not None and r == w - 1 for r, w in zip(ranks, wanted, strict=True)
    )


def _refuse_empty(reference: str, empty: bool) -> None:
    if empty:
        raise _unfit(
            reference, "a dataset without samples", "at least one batch", "check where the data comes from"
        )


def _own_batches(batch: int) -> str:
    return f"The dataset comes in batches of its own; the plan's batch of {batch} was not used."


def _unfit(reference: str, got: str, want: str, fix: str) -> EdgeproofError:
    return EdgeproofError(f"{reference}: cannot be trained", got=got, want=want, fix=fix)
