"""A Keras model as one function from named tensors to named tensors."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from converters.errors import EdgeproofError
from converters.signature import Signature, TensorSpec
from converters.sources.names import leaves, make_unique
from converters.sources.subclassed import describe_subclassed

if TYPE_CHECKING:
    import tensorflow as tf

_COUNTED_INPUT = re.compile(r"input_layer_\d+")


@dataclass(frozen=True, slots=True)
class OpenKerasModel:
    """See `OpenModel`; `trackable` is the Keras model, `notes` go to the source."""

    signature: Signature
    function: Callable[[Mapping[str, tf.Tensor]], dict[str, tf.Tensor]]
    trackable: Any
    layers: Mapping[str, str]
    notes: tuple[str, ...] = ()


def describe_keras(model: Any, path: Path, saved_names: frozenset[str] = frozenset()) -> OpenKerasModel:
    """Names, shapes and the function of a model of Keras 3 or tf-keras.

    Args:
        model: any Keras model: functional, sequential or subclassed.
        path: for messages.
        saved_names: the layer names in the file.

    Raises:
        EdgeproofError: its inputs cannot be known, or are ragged or sparse.
    """
    core = getattr(model, "_functional", None) or model
    if not getattr(core, "inputs", None):
        signature, function, notes = describe_subclassed(model, path)
    else:
        signature, function, notes = _describe_functional(model, core, saved_names)
        _refuse_ragged(core, path)
    return OpenKerasModel(signature, function, model, dict(_layers(model)), notes)


def _describe_functional(model: Any, core: Any, saved_names: frozenset[str]) -> Any:
    tree = _tree(model)
    input_names = [_input_name(tensor, saved_names) for tensor in core.inputs]
    output_names, notes = _output_names(core, tree)
    signature = Signature(
        tuple(_spec(name, tensor) for name, tensor in zip(input_names, core.inputs, strict=True)),
        tuple(_spec(name, tensor) for name, tensor in zip(output_names, core.outputs, strict=True)),
    )
    structure = core.input

    def function(tensors: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        packed = tree.pack_sequence_as(structure, [tensors[name] for name in input_names])
        return dict(zip(output_names, tree.flatten(model(packed, training=False)), strict=True))

    return signature, function, notes


def _tree(model: Any) -> Any:
    """The library that flattened this model's inputs and outputs; the two order dictionaries alike."""
    import keras

    if isinstance(model, keras.Model):
        return keras.tree
    import tensorflow as tf

    return tf.nest


def _input_name(tensor: Any, saved_names: frozenset[str]) -> str:
    """The input layer's name.

    A file of Keras 1 or 2 may have no input layer; Keras 3 then makes one and counts in its name how
    many there were before in this process. The count is dropped.
    """
    history = tensor._keras_history
    name = str((getattr(history, "operation", None) or history.layer).name)
    if name not in saved_names and _COUNTED_INPUT.fullmatch(name) and saved_names:
        return "input_layer"
    return name


def _output_names(core: Any, tree: Any) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """A name for each flat output, each once, and what had to be done for that."""
    own = tuple(map(str, core.output_names))
    keys = _dictionary_keys(core, tree)
    if len(set(own)) == len(own):
        if keys and keys != own:
            pairs = ", ".join(f"{key!r} is {name!r}" for key, name in zip(keys, own, strict=True))
            return own, (
                f"Outputs have the names of the layers that make them, not the dictionary's keys: {pairs}.",
            )
        return own, ()
    unique = keys or make_unique(own)
    return unique, (
        f"Several outputs have the same name ({', '.join(own)}); here they are {', '.join(unique)}.",
    )


def _dictionary_keys(core: Any, tree: Any) -> tuple[str, ...]:
    """Paths of the flat outputs if the model returns a dictionary, else nothing."""
    if not isinstance(core.output, dict):
        return ()
    by_tensor = {
        id(t): path for path, t in leaves(core.output, lambda x: not isinstance(x, (dict, list, tuple)))
    }
    keys = tuple(by_tensor[id(tensor)] for tensor in tree.flatten(core.output))
    return keys if len(set(keys)) == len(keys) else ()


def _spec(name: str, tensor: Any) -> TensorSpec:
    dtype = tensor.dtype if isinstance(tensor.dtype, str) else tensor.dtype.name
    return TensorSpec(name, tuple(None if d is None else int(d) for d in tensor.shape), str(dtype))


def _refuse_ragged(core: Any, path: Path) -> None:
    """Looks at inputs only: Keras 3.15 calls every product with a Python number sparse as well."""
    for tensor in core.inputs:
        spec = type(getattr(tensor, "type_spec", None)).__name__
        kinds = {"sparse": getattr(tensor, "sparse", False) or spec == "SparseTensorSpec"}
        kinds["ragged"] = getattr(tensor, "ragged", False) or spec == "RaggedTensorSpec"
        for kind in (kind for kind, applies in kinds.items() if applies is True):
            raise EdgeproofError(
                f"{path}: a {kind} input cannot be exported",
                got=f"{kind} tensor {tensor.name}",
                want="dense inputs",
                fix="wrap the model in one that takes dense tensors and converts them",
            )


def _layers(model: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Each layer's name and class; a layer of a nested model is `model/layer`."""
    rows: Sequence[Any] = getattr(model, "layers", ())
    for layer in rows:
        yield f"{prefix}{layer.name}", type(layer).__name__
        yield from _layers(layer, f"{prefix}{layer.name}/")
