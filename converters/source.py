"""Where an original model is, what it takes and gives, and how it may be opened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from converters.signature import Signature

if TYPE_CHECKING:
    import tensorflow as tf

SourceKind = Literal["keras", "hdf5", "saved_model"]
Loader = Literal["keras", "tf_keras", "tensorflow"]


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """What the user allows and chooses when a model is opened.

    Attributes:
        signature_key: the SavedModel signature to take; None takes the only or the default one.
        custom_objects: `module:name` of each class or function that the model needs.
        code_directories: where those modules may be found; nothing else is imported.
        trust: run what a model file brings along (Lambda bytecode, file and host ops).
    """

    signature_key: str | None = None
    custom_objects: tuple[str, ...] = ()
    code_directories: tuple[Path, ...] = ()
    trust: bool = False


@dataclass(frozen=True, slots=True)
class SourceModel:
    """A model on disk that was opened once and can be opened again in any process.

    Attributes:
        path: file or directory.
        kind: its format.
        loader: the library that opens it rightly.
        sha256: of the file's bytes, or of the directory's sorted file hashes.
        signature: under the Keras model's own names, in its own order.
        options: how it was opened.
        notes: what was unusual about opening it, one sentence each.
    """

    path: Path
    kind: SourceKind
    loader: Loader
    sha256: str
    signature: Signature
    options: LoadOptions = LoadOptions()
    notes: tuple[str, ...] = ()


class OpenModel(Protocol):
    """A source opened inside a worker; the only place where a Keras object lives.

    Attributes:
        signature: as in `SourceModel`.
        function: from one tensor for each input name to one for each output name, inference
            mode, no side effects. Traceable by `tf.function`.
        trackable: what owns the variables.
        layers: from each layer's name to its class name, in topological order; empty for a
            SavedModel.
    """

    @property
    def signature(self) -> Signature: ...

    @property
    def function(self) -> Callable[[Mapping[str, tf.Tensor]], dict[str, tf.Tensor]]: ...

    @property
    def trackable(self) -> Any: ...

    @property
    def layers(self) -> Mapping[str, str]: ...
