"""Data from the user's own code: a `tf.data.Dataset`, a generator, or any iterable of batches.

What a batch may be, as in Keras:
- a dict by input name,
- an array, for a model with one input,
- a tuple `(inputs,)`, `(inputs, labels)` or `(inputs, labels, weights)`, where inputs is one of
  these or, for a model with several inputs, a tuple of arrays in the signature's order,
- for a model with several inputs, a tuple of as many arrays.
Labels are kept where the spec wants them, and dropped otherwise, as weights are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from converters.errors import EdgeproofError
from converters.user_code import blame_line, load_object
from validation.feed_check import conform
from validation.feed_layout import Layout
from validation.labels import mark

if TYPE_CHECKING:
    from validation.feeds import FeedSpec

_FIX = "return a tf.data.Dataset, a generator or a list of batches; see docs/recipe.md"


def read(spec: FeedSpec, layout: Layout) -> Iterator[dict[str, np.ndarray]]:
    """Batches of what the callable returns; it is called once, and read no further than needed."""
    assert spec.callable is not None
    for batch in _elements(_iterable(spec), spec):
        named = _named(batch, layout, spec.callable)
        chunk = conform({name: _dense(value) for name, value in named.items()}, layout, spec.callable)
        yield chunk | (_labels(batch, layout, spec.callable) if spec.labels else {})


def _labels(batch: Any, layout: Layout, label: str) -> dict[str, np.ndarray]:
    pair = isinstance(batch, (tuple, list)) and len(batch) in (2, 3)
    if not pair or (len(layout.inputs) > 1 and not isinstance(batch[0], (Mapping, tuple, list))):
        raise _wrong(label, f"a {type(batch).__name__} without labels", "batches (inputs, labels)")
    given = batch[1]
    if isinstance(given, Mapping):
        return mark({name: _dense(value) for name, value in given.items()})
    return mark(_dense(given))


def _iterable(spec: FeedSpec) -> Iterable[Any]:
    assert spec.callable is not None
    made = load_object(spec.callable, spec.code_directories)
    if not callable(made):
        raise _wrong(spec.callable, f"a {type(made).__name__}", "a function without arguments")
    try:
        made = made()
    except Exception as error:
        raise _raised(spec, error) from error
    if not isinstance(made, Iterable) or isinstance(made, (str, bytes, Mapping, np.ndarray)):
        raise _wrong(spec.callable, f"a {type(made).__name__}", "an iterable of batches")
    if spec.samples is None and _is_endless(made):
        raise EdgeproofError(
            f"{spec.callable}: the dataset has no end",
            got="a tf.data.Dataset with infinite cardinality",
            want="a finite dataset, or a number of samples to take from it",
            fix="set samples, or leave out .repeat()",
        )
    return made


def _is_endless(made: Iterable[Any]) -> bool:
    """tf.data says so with the cardinality -1 (`tf.data.INFINITE_CARDINALITY`)."""
    cardinality = getattr(made, "cardinality", None)
    return cardinality is not None and int(cardinality()) == -1


def _elements(iterable: Iterable[Any], spec: FeedSpec) -> Iterator[Any]:
    iterator = iter(iterable)
    while True:
        try:
            batch = next(iterator)
        except StopIteration:
            return
        except Exception as error:
            raise _raised(spec, error) from error
        yield batch


def _named(batch: Any, layout: Layout, label: str) -> Mapping[str, Any]:
    names = [spec.name for spec in layout.inputs]
    if isinstance(batch, Mapping):
        return batch
    if not isinstance(batch, (tuple, list)):
        inputs = [batch]
    elif len(names) == 1 or isinstance(batch[0], (Mapping, tuple, list)):
        inputs = batch[0]
        if isinstance(inputs, Mapping):
            return inputs
        inputs = list(inputs) if isinstance(inputs, (tuple, list)) and len(names) > 1 else [inputs]
    else:
        inputs = list(batch)
    if len(inputs) != len(names):
        raise _wrong(label, f"batches of {len(inputs)} array(s)", f"{len(names)} inputs: {', '.join(names)}")
    return dict(zip(names, inputs, strict=True))


def _dense(value: Any) -> Any:
    """TensorFlow's tensors have `numpy`; ragged ones give an array of objects, which is refused."""
    return value.numpy() if hasattr(value, "numpy") else value


def _raised(spec: FeedSpec, error: Exception) -> EdgeproofError:
    return EdgeproofError(
        f"{spec.callable}: the data can't be made",
        got=blame_line(error, spec.code_directories),
        want="batches",
        fix="correct the function that gives the data",
    )


def _wrong(label: str, got: str, want: str) -> EdgeproofError:
    return EdgeproofError(f"{label}: does not give data", got=got, want=want, fix=_FIX)
