"""Opens SavedModel directories, of TensorFlow 1 and 2, through one of their signatures."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from converters.errors import EdgeproofError
from converters.exceptions import summary
from converters.signature import Signature, TensorSpec
from converters.source import LoadOptions
from converters.sources.findings import refuse
from converters.sources.graph_safety import scan_saved_model

if TYPE_CHECKING:
    import tensorflow as tf

DEFAULT_KEYS = ("serving_default", "serve")
"""Signatures that are taken without being asked for, where there are several."""

INTERNAL_KEYS = frozenset({"__saved_model_init_op", "__saved_model_train_op", "__saved_model_main_op"})


@dataclass(frozen=True, slots=True)
class OpenSavedModel:
    """See `OpenModel`; `trackable` is the loaded object."""

    signature: Signature
    function: Callable[[Mapping[str, tf.Tensor]], dict[str, tf.Tensor]]
    trackable: Any
    notes: tuple[str, ...] = ()
    layers: Mapping[str, str] = field(default_factory=dict)


def open_saved_model(path: Path, options: LoadOptions) -> OpenSavedModel:
    """The function behind a signature.

    Raises:
        EdgeproofError: the directory is damaged or unsafe, or the signature is not clear.
    """
    import tensorflow as tf

    proto = read_proto(path)
    refuse(path, list(scan_saved_model(proto)), options.trust)
    tags = _choose_tags(proto, path)
    key = _choose_key(proto, tags, options.signature_key, path)
    try:
        loaded = tf.saved_model.load(str(path), tags=tags)
    except Exception as error:
        raise _damaged(path, summary(error)) from error
    concrete = loaded.signatures[key]
    inputs, outputs = _order(path, loaded, concrete)
    _refuse_ragged(path, concrete)
    given = concrete.structured_input_signature[1]
    signature = Signature(
        tuple(_spec(name, given[name]) for name in inputs),
        tuple(_spec(name, concrete.structured_outputs[name]) for name in outputs),
    )

    def function(tensors: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        returned = concrete(**{name: tf.convert_to_tensor(tensors[name]) for name in inputs})
        return {name: returned[name] for name in outputs}

    return OpenSavedModel(signature, function, _Owner(loaded, concrete), _notes(proto, key, tags))


@dataclass(frozen=True, slots=True)
class _Owner:
    """Keeps the loaded object alive: a signature alone does not own its variables."""

    loaded: Any
    concrete: Any

    @property
    def variables(self) -> Any:
        return self.concrete.variables

    @property
    def trainable_variables(self) -> Any:
        return self.concrete.trainable_variables


def read_proto(path: Path) -> Any:
    """The `SavedModel` message of a directory.

    Raises:
        EdgeproofError: it cannot be read.
    """
    from google.protobuf import message, text_format
    from tensorflow.core.protobuf import saved_model_pb2

    proto = saved_model_pb2.SavedModel()
    binary = path / "saved_model.pb"
    try:
        if binary.is_file():
            proto.ParseFromString(binary.read_bytes())
        else:
            text_format.Parse((path / "saved_model.pbtxt").read_text(encoding="utf-8"), proto)
    except (message.DecodeError, text_format.ParseError, UnicodeDecodeError) as error:
        raise _damaged(path, f"saved_model.pb cannot be read: {error}") from error
    if not proto.meta_graphs:
        raise _damaged(path, "saved_model.pb without a graph")
    return proto


def _damaged(path: Path, got: str) -> EdgeproofError:
    return EdgeproofError(
        f"{path}: the SavedModel cannot be opened",
        got=got,
        want="a whole SavedModel: saved_model.pb, variables/, and assets/ if it has any",
        fix="copy the directory again, or export the model again",
    )


def _choose_tags(proto: Any, path: Path) -> list[str]:
    """`serve` if it is there, else the tags of the only graph."""
    found = [list(graph.meta_info_def.tags) for graph in proto.meta_graphs]
    chosen = next((tags for tags in found if tags == ["serve"]), None)
    chosen = chosen or next((tags for tags in found if "serve" in tags), None)
    if chosen is None and len(found) == 1:
        chosen = found[0]
    if chosen is None:
        raise EdgeproofError(
            f"{path}: no graph for serving among several",
            got="graphs tagged " + "; ".join(",".join(tags) for tags in found),
            want="one tagged serve",
            fix="export the model again with the tag `serve`",
        )
    return chosen


def _choose_key(proto: Any, tags: list[str], asked: str | None, path: Path) -> str:
    graph = next(graph for graph in proto.meta_graphs if list(graph.meta_info_def.tags) == tags)
    keys = sorted(
        key for key in graph.signature_def if key not in INTERNAL_KEYS and graph.signature_def[key].outputs
    )
    default = next((key for key in DEFAULT_KEYS if key in keys), keys[0] if len(keys) == 1 else None)
    chosen = asked or default
    if chosen in keys:
        return str(chosen)
    raise EdgeproofError(
        f"{path}: " + (f"no signature {asked!r}" if asked else "which signature to take is not clear"),
        got=", ".join(keys) or "no signatures at all",
        want=repr(asked) if asked else "one signature, or one called serving_default",
        fix="choose one with --signature"
        if keys
        else "save the model with a signature, as model.export() does",
    )


def _order(path: Path, loaded: Any, concrete: Any) -> tuple[list[str], list[str]]:
    """Names of inputs and outputs, in the order of the original.

    A SavedModel keeps a signature's names without their order. It is found again in the function that
    Keras 3 exports beside it, or in what Keras 2 notes down; else names that end in a number go by that.
    """
    inputs, outputs = list(concrete.structured_input_signature[1]), list(concrete.structured_outputs)
    own_inputs, own_outputs = _keras2_order(path) or (_exported_order(loaded, set(inputs)), None)
    return _arrange(inputs, own_inputs), _arrange(outputs, own_outputs)


def _arrange(names: list[str], order: list[str] | None) -> list[str]:
    if order is not None and sorted(order) == sorted(names):
        return order
    return sorted(
        names,
        key=lambda name: [part.zfill(9) if part.isdigit() else part for part in re.split(r"(\d+)", name)],
    )


def _exported_order(loaded: Any, names: set[str]) -> list[str] | None:
    """Order of the arguments of an endpoint of Keras 3's `model.export()`."""
    import tensorflow as tf

    for endpoint in vars(loaded).values():
        for concrete in getattr(endpoint, "concrete_functions", ()):
            flat = tf.nest.flatten(concrete.structured_input_signature)
            order = [spec.name for spec in flat if isinstance(spec, tf.TensorSpec)]
            if set(order) == names and len(order) == len(names):
                return order
    return None


def _keras2_order(path: Path) -> tuple[list[str], list[str]] | None:
    """Names of input and output layers that Keras 2 writes beside its SavedModels."""
    if not (path / "keras_metadata.pb").is_file():
        return None
    from tf_keras.protobuf import saved_metadata_pb2

    saved = saved_metadata_pb2.SavedMetadata.FromString((path / "keras_metadata.pb").read_bytes())
    root: dict[str, Any] = next(
        (json.loads(node.metadata) for node in saved.nodes if node.node_path == "root"), {}
    )
    config = root.get("config", {})
    ends = [_layer_names(config.get(side)) for side in ("input_layers", "output_layers")]
    return (ends[0], ends[1]) if all(ends) else None


def _layer_names(ends: Any) -> list[str]:
    """`[["x", 0, 0], …]`, also one alone or in a dictionary."""
    if isinstance(ends, dict):
        return [name for key in sorted(ends) for name in _layer_names(ends[key])]
    if isinstance(ends, list) and ends and isinstance(ends[0], str):
        return [ends[0]]
    return [name for end in ends or () for name in _layer_names(end)]


def _spec(name: str, tensor: Any) -> TensorSpec:
    shape = () if tensor.shape.rank is None else tuple(tensor.shape.as_list())
    return TensorSpec(name, shape, tensor.dtype.name)


def _refuse_ragged(path: Path, concrete: Any) -> None:
    import tensorflow as tf

    rows = {**concrete.structured_input_signature[1], **concrete.structured_outputs}
    odd = {
        name: row
        for name, row in rows.items()
        if not hasattr(row, "shape")
        or isinstance(row, (tf.RaggedTensorSpec, tf.SparseTensorSpec, tf.RaggedTensor))
    }
    unranked = [name for name, row in rows.items() if name not in odd and row.shape.rank is None]
    if odd or unranked:
        raise EdgeproofError(
            f"{path}: the signature has tensors that cannot be exported",
            got=", ".join(
                [f"{n}: {type(r).__name__}" for n, r in odd.items()]
                + [f"{n}: unknown rank" for n in unranked]
            ),
            want="dense tensors of known rank",
            fix="export the model again with a signature that says each tensor's rank",
        )


def _notes(proto: Any, key: str, tags: list[str]) -> tuple[str, ...]:
    graph = next(graph for graph in proto.meta_graphs if list(graph.meta_info_def.tags) == tags)
    version = graph.meta_info_def.tensorflow_version or "an unknown version"
    others = sorted(k for k in graph.signature_def if k not in INTERNAL_KEYS and k != key)
    notes = [f"The SavedModel was written by TensorFlow {version}; its signature {key!r} is used."]
    if others:
        notes.append(f"It has other signatures as well: {', '.join(others)}.")
    return tuple(notes)
