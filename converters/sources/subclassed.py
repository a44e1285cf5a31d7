"""The signature of a model that is plain Python code: from the shapes that it was built with.

Keras records the shapes of the first call, not the names or dtypes. Dimension 0 is the batch and stays
dynamic, and so do dimensions that are None in the record; all others are what that call had.
"""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from converters.errors import EdgeproofError
from converters.exceptions import summary
from converters.signature import Signature, TensorSpec
from converters.sources.names import leaves, make_unique, output_name, rebuild

TRIED_DTYPES = ("int32", "string", "bool")
"""Tried, in this order, for models that cannot be traced with the dtype that they compute in."""

MOST_MIXED_INPUTS = 3
"""With more inputs than this only one dtype for all is tried: the combinations are too many."""

Function = Callable[[Mapping[str, Any]], dict[str, Any]]


def describe_subclassed(model: Any, path: Path) -> tuple[Signature, Function, tuple[str, ...]]:
    """Signature, function and notes of a subclassed model.

    Raises:
        EdgeproofError: no shapes were recorded, or the model cannot be traced with them.
    """
    recorded = _recorded_shapes(model, path)
    shapes = {name: shape for name, _, shape in _named(recorded)}
    output_names: list[str] = []

    def function(tensors: Mapping[str, Any]) -> dict[str, Any]:
        values = iter([tensors[name] for name in shapes])
        arguments = {key: rebuild(structure, _is_shape, values) for key, structure in recorded.items()}
        first, *others = arguments
        returned = model(arguments[first], **{key: arguments[key] for key in others}, training=False)
        rows = list(leaves(returned, lambda x: not isinstance(x, (dict, list, tuple))))
        output_names[:] = make_unique([output_name(path) for path, _ in rows])
        return dict(zip(output_names, (value for _, value in rows), strict=True))

    specs, traced = _trace(model, function, shapes, path)
    outputs = tuple(_spec(name, traced.structured_outputs[name]) for name in output_names)
    frozen = [str(spec) for spec in specs if any(d is not None for d in spec.shape[1:])]
    notes = ["Names, shapes and dtypes of this subclassed model come from the first call of it."]
    if frozen:
        notes.append(f"Dimensions after the batch are those of that call: {', '.join(frozen)}.")
    return Signature(specs, outputs), function, tuple(notes)


def _recorded_shapes(model: Any, path: Path) -> dict[str, Any]:
    """From each argument of `call` to its shape, or to a structure of shapes."""
    config = model.get_build_config() if hasattr(model, "get_build_config") else None
    arguments = [
        name
        for name, parameter in inspect.signature(model.call).parameters.items()
        if name not in ("training", "mask")
        and parameter.kind not in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    ]
    if config and config.get("input_shape") is not None and arguments:
        return {arguments[0]: config["input_shape"]}
    if config and config.get("shapes_dict"):
        return {key.removesuffix("_shape"): shape for key, shape in config["shapes_dict"].items()}
    raise EdgeproofError(
        f"{path}: the shapes of the model's inputs are not known",
        got=f"{type(model).__name__}, a subclassed model without recorded shapes",
        want="a model that was called or built before it was saved",
        fix="call the model once on real data, or build it with the functional API, and save it again",
    )


def _is_shape(structure: Any) -> bool:
    return isinstance(structure, (list, tuple)) and all(d is None or isinstance(d, int) for d in structure)


def _named(recorded: dict[str, Any]) -> Iterator[tuple[str, str, tuple[int | None, ...]]]:
    """(name, argument, shape) of each input; see `names` for the rule."""
    for argument, structure in recorded.items():
        for path, shape in leaves(structure, _is_shape):
            keyed = isinstance(structure, dict) and len(recorded) == 1
            name = path if keyed else "_".join(part for part in (argument, path) if part)
            yield name, argument, (None, *shape[1:]) if shape else ()


def _trace(
    model: Any, function: Function, shapes: dict[str, tuple[int | None, ...]], path: Path
) -> tuple[tuple[TensorSpec, ...], Any]:
    first: Exception | None = None
    for dtypes in _candidates(str(model.compute_dtype), len(shapes)):
        specs = tuple(TensorSpec(n, s, d) for (n, s), d in zip(shapes.items(), dtypes, strict=True))
        try:
            traced = _trace_once(function, specs)
        except Exception as error:
            first = first or error
            continue
        sharper = tuple(_as_used(spec, traced) for spec in specs)
        return sharper, traced if sharper == specs else _trace_once(function, sharper)
    assert first is not None
    raise EdgeproofError(
        f"{path}: the model cannot be traced with the shapes that it was saved with",
        got=summary(first),
        want=f"a call with {', '.join(f'{n}{list(s)}' for n, s in shapes.items())} to work",
        fix="let `call` take one argument (a dictionary for several inputs), whose shapes Keras records; "
        "let a Lambda import what it uses, since only its own code is saved",
    ) from first


def _candidates(own: str, count: int) -> Iterator[tuple[str, ...]]:
    kinds = (own, *TRIED_DTYPES)
    yield from ((kind,) * count for kind in kinds)
    if 1 < count <= MOST_MIXED_INPUTS:
        yield from (mix for mix in itertools.product(kinds, repeat=count) if len(set(mix)) > 1)


def _trace_once(function: Function, specs: tuple[TensorSpec, ...]) -> Any:
    import tensorflow as tf

    named = {
        spec.name: tf.TensorSpec(spec.shape, spec.dtype, name=f"input_{i}") for i, spec in enumerate(specs)
    }
    return tf.function(function, autograph=False).get_concrete_function(named)


def _as_used(spec: TensorSpec, traced: Any) -> TensorSpec:
    """The spec as int32 if the model does nothing with the float but make an integer of it."""
    tensor = traced.structured_input_signature[0][0][spec.name].name
    placeholder = next(t for t in traced.inputs if t.op.name == tensor)
    uses = placeholder.consumers()
    integers = all(op.type == "Cast" and op.get_attr("DstT").is_integer for op in uses)
    return TensorSpec(spec.name, spec.shape, "int32") if uses and integers else spec


def _spec(name: str, tensor: Any) -> TensorSpec:
    shape = tuple(tensor.shape.as_list()) if tensor.shape.rank is not None else ()
    return TensorSpec(name, shape, tensor.dtype.name)
