"""What a model is and what each target will find hard in it, before anything is converted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from converters.signature import Signature
from converters.source import Loader, OpenModel, SourceKind, SourceModel


@dataclass(frozen=True, slots=True)
class LayerRow:
    """One layer.

    Attributes:
        name: as in the model; `model/layer` inside a nested model.
        class_name: "Conv2D", …
        output_shapes: of each output; empty where the model doesn't know before it runs.
        parameters: numbers in its weights, a nested model's own rows included.
        dtype: that it computes in.
    """

    name: str
    class_name: str
    output_shapes: tuple[tuple[int | None, ...], ...]
    parameters: int
    dtype: str


@dataclass(frozen=True, slots=True)
class Difficulty:
    """Something that a target will find hard.

    Attributes:
        target: a format ("tflite"), a pattern ("*:float16") or a target ("tflite:int8").
        layer: name of the layer, or of the op in a SavedModel.
        kind: class of the layer, or "op".
        why: what is hard, and what edgeproof does about it.
        fix: what the user can do, or "".
        refused: the target can't be made, whatever is done to the graph.
    """

    target: str
    layer: str
    kind: str
    why: str
    fix: str = ""
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Inspection:
    """All that can be told without converting.

    Attributes:
        layers: in topological order; empty for a SavedModel.
        ops: how often each op occurs, for a SavedModel; else empty.
        dtypes: of weights, inputs and outputs, sorted.
        size_bytes: on disk.
        weights_bytes: in memory.
    """

    path: Path
    kind: SourceKind
    loader: Loader
    sha256: str
    model_type: str
    signature: Signature
    layers: tuple[LayerRow, ...]
    ops: Mapping[str, int]
    parameters: int
    trainable_parameters: int
    dtypes: tuple[str, ...]
    size_bytes: int
    weights_bytes: int
    difficulties: tuple[Difficulty, ...] = ()
    notes: tuple[str, ...] = field(default=())


def inspect_model(source: SourceModel) -> Inspection:
    """Opens a model and describes it."""
    from converters.inspection_rules import find_in_layers, find_in_ops
    from converters.inspection_weights import find_in_weights
    from converters.sources import open_source
    from converters.sources.locate import size_of

    opened = open_source(source)
    ops: Counter[str] = Counter()
    if source.kind == "saved_model":
        ops = _count_ops(opened.trackable.concrete)
        weights = list(opened.trackable.variables)
        trainable = list(opened.trackable.trainable_variables)
        found = list(find_in_ops(ops))
    else:
        weights, trainable = opened.trackable.weights, opened.trackable.trainable_weights
        found = list(find_in_layers(walk(opened.trackable)))
    found += find_in_weights(weights)
    return Inspection(
        path=source.path,
        kind=source.kind,
        loader=source.loader,
        sha256=source.sha256,
        model_type="SavedModel" if source.kind == "saved_model" else type(opened.trackable).__name__,
        signature=source.signature,
        layers=tuple(_row(name, layer) for name, layer in walk(opened.trackable)),
        ops=dict(sorted(ops.items())),
        parameters=sum(map(_count, weights)),
        trainable_parameters=sum(map(_count, trainable)),
        dtypes=tuple(sorted({*map(_dtype, weights), *_signature_dtypes(opened)})),
        size_bytes=size_of(source.path),
        weights_bytes=sum(_count(w) * _item_bytes(w) for w in weights),
        difficulties=tuple(dict.fromkeys(found)),
        notes=source.notes,
    )


def walk(model: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Each layer and each op between layers, with its name; nested models come before their layers."""
    rows: list[Any] = getattr(model, "operations", None) or getattr(model, "layers", None) or []
    for layer in rows:
        yield f"{prefix}{layer.name}", layer
        if getattr(layer, "layers", None):
            yield from walk(layer, f"{prefix}{layer.name}/")


def _row(name: str, layer: Any) -> LayerRow:
    weights = getattr(layer, "weights", [])
    dtype = getattr(layer, "compute_dtype", None) or ""
    return LayerRow(name, type(layer).__name__, output_shapes(layer), sum(map(_count, weights)), str(dtype))


def output_shapes(layer: Any) -> tuple[tuple[int | None, ...], ...]:
    """Shapes of a layer's outputs; a layer used in several places has those of the first."""
    nodes = getattr(layer, "_inbound_nodes", None)
    if not nodes:
        return ()
    given = nodes[0].output_tensors
    tensors = given if isinstance(given, (list, tuple)) else [given]  # tf-keras gives one alone
    return tuple(tuple(None if d is None else int(d) for d in tensor.shape) for tensor in tensors)


def _count_ops(concrete: Any) -> Counter[str]:
    """Ops of a signature and of every function that it reaches."""
    graph_def = concrete.graph.as_graph_def()
    library = {function.signature.name: function.node_def for function in graph_def.library.function}
    counts: Counter[str] = Counter()
    todo: list[Any] = [graph_def.node]
    seen: set[str] = set()
    while todo:
        for node in todo.pop():
            counts[node.op] += 1
            called = {v.func.name for v in node.attr.values()} & library.keys() - seen
            seen |= called
            todo += [library[name] for name in called]
    return counts


def _signature_dtypes(opened: OpenModel) -> set[str]:
    return {spec.dtype for spec in (*opened.signature.inputs, *opened.signature.outputs)}


def _dtype(weight: Any) -> str:
    return weight.dtype if isinstance(weight.dtype, str) else str(weight.dtype.name)


def _item_bytes(weight: Any) -> int:
    import tensorflow as tf

    return int(tf.as_dtype(_dtype(weight)).size or 0)


def _count(weight: Any) -> int:
    count = 1
    for size in weight.shape:
        count *= size or 0
    return int(count)
