"""What makes layers and ops hard for a target: a table of rules that needs no tracing.

A rule goes by a layer's class and configuration. What is refused in the end `obstacles` tells, on the
frozen graph and after the cures; only what no cure will change is called refused here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from converters.inspection import Difficulty

ALL = ("tflite", "tfjs", "onnx")
_RECURRENT = re.compile(r"LSTM|GRU|SimpleRNN|RNN|Bidirectional|ConvLSTM[123]D")
_LOOKUP = re.compile(r"StringLookup|IntegerLookup|TextVectorization|Hashing|HashedCrossing")

Config = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Rule:
    """When something is hard, for which targets, why, and what the user can do."""

    targets: tuple[str, ...]
    applies: Callable[[str, Config], bool]
    why: str
    fix: str = ""
    refused: bool = False


def _is(pattern: str, **wanted: Callable[[Any], bool]) -> Callable[[str, Config], bool]:
    """A layer of a class that matches, whose configuration fulfils each condition."""

    def applies(kind: str, config: Config) -> bool:
        return bool(re.fullmatch(pattern, kind)) and all(
            test(config.get(key)) for key, test in wanted.items()
        )

    return applies


def _dilated(value: Any) -> bool:
    return any(size != 1 for size in np.ravel(value or 1))


LAYER_RULES: tuple[Rule, ...] = (
    Rule(ALL, _is("Lambda"), "Python code: what it does shows when it is traced, not before"),
    Rule(
        ("tflite",),
        _is(_RECURRENT.pattern, unroll=lambda unroll: not unroll),
        "a loop over TensorLists, which TFLite's builtins lack: they become plain tensors",
    ),
    Rule(
        ("tfjs",),
        _is(_RECURRENT.pattern, unroll=lambda unroll: not unroll),
        "a loop with control inputs, on which TF.js stops: they are removed",
    ),
    Rule(
        ("onnx", "tfjs"),
        _is(r".*Conv\dD", groups=lambda groups: (groups or 1) > 1),
        "a grouped convolution, which is no op of its own there: it is split into one for each group",
    ),
    Rule(
        ("onnx", "tfjs"),
        lambda kind, config: kind != "Gelu" and _activation(config) == "gelu",
        "exact GELU makes the op Erfc, which is not known there: it is written with Erf",
    ),
    Rule(
        ("onnx", "tfjs"),
        _is("Gelu", approximate=lambda value: not value),
        "exact GELU makes the op Erfc, which is not known there: it is written with Erf",
    ),
    Rule(
        ("tfjs",), _is(".*Attention|EinsumDense"), "makes the op Einsum, for which TF.js' wasm has no kernel"
    ),
    Rule(
        ("onnx", "tfjs"),
        _is("MelSpectrogram|I?STFT|I?R?FFT2?"),
        "makes complex numbers, which ONNX and TF.js' wasm lack: they are written as pairs of real ones",
    ),
    Rule(
        ("tflite",),
        _is("MaxPooling3D|GlobalMaxPooling3D"),
        "TFLite has no 3-D max pooling: it is done in two steps of two dimensions",
    ),
    Rule(
        ("tflite",),
        _is("Conv3D", dilation_rate=_dilated),
        "TFLite has no dilated 3-D convolution: it is refused unless it can be rewritten",
        "use a larger kernel or a strided Conv3D without dilation",
    ),
    Rule(
        ("tfjs",),
        _is("Conv3DTranspose"),
        "TF.js has no transposed 3-D convolution: it is refused unless it can be rewritten",
        "use UpSampling3D and Conv3D",
    ),
    Rule(
        ("tflite", "tfjs"),
        _is("Resizing|UpSampling2D", interpolation=lambda value: value == "bicubic"),
        "there is no bicubic resize: it is refused unless it can be rewritten",
        "resize with interpolation='bilinear' or 'nearest'",
    ),
    Rule(
        ALL,
        _is(_LOOKUP.pattern),
        "a lookup table or a hash of strings, which a frozen graph can't hold",
        "do this step before the model, in the application, and give the model integers",
        refused=True,
    ),
    Rule(
        ALL,
        _is("Argmax|Argmin"),
        "Keras works on the bits of the numbers here: it is refused unless it can be rewritten",
        "let the model give the scores, and take the greatest in the application",
    ),
    Rule(
        ("onnx", "tfjs"),
        _is("Discretization"),
        "makes the op Bucketize, which is not known there: it is refused unless it can be rewritten",
        "compare with the bin edges instead: keras.ops.sum(x[..., None] >= edges, -1)",
    ),
)

DTYPE_RULES: Mapping[str, Rule] = {
    "float64": Rule(
        ("tflite",),
        _is(".*"),
        "computes in float64, for which TFLite has no kernels",
        "build it in float32",
        refused=True,
    ),
    "float16": Rule(
        ("tflite",),
        _is(".*"),
        "computes in float16, for which TFLite has no kernels",
        "build it in float32",
        refused=True,
    ),
    "bfloat16": Rule(
        ALL,
        _is(".*"),
        "computes in bfloat16, which runtimes on devices lack",
        "build it in float32",
        refused=True,
    ),
}
"""By compute dtype, for layers that compute: those with weights."""


def find_in_layers(layers: Iterable[tuple[str, Any]]) -> Iterator[Difficulty]:
    """What the rules say about each layer."""
    for name, layer in layers:
        kind, config = type(layer).__name__, _config(layer)
        for rule in LAYER_RULES:
            if rule.applies(kind, config):
                yield from _told(rule, name, kind)
        dtype = str(getattr(layer, "compute_dtype", None))
        if (
            dtype in DTYPE_RULES
            and bool(getattr(layer, "weights", None))
            and not getattr(layer, "layers", None)
        ):
            yield from _told(DTYPE_RULES[dtype], name, kind)
        yield from _softmax_in_int8(name, kind, config, layer)


def find_in_ops(ops: Mapping[str, int]) -> Iterator[Difficulty]:
    """What each converter says about the ops of a SavedModel's graph; it may still have a cure."""
    from converters import to_onnx, to_tfjs, to_tflite

    for target, converter in (("tflite", to_tflite), ("tfjs", to_tfjs), ("onnx", to_onnx)):
        for op in sorted(converter.UNSUPPORTED.keys() & ops.keys()):
            why, fix = converter.UNSUPPORTED[op]
            yield Difficulty(target, op, "op", why, fix)
    for op in ops:
        if op.startswith(("HashTable", "MutableHashTable", "LookupTable")):
            why = "a lookup table, which a frozen graph can't hold"
            yield from (Difficulty(t, op, "op", why, "look up before the model", True) for t in ALL)


def _softmax_in_int8(name: str, kind: str, config: Config, layer: Any) -> Iterator[Difficulty]:
    """A probability below half of 1/256, the step of an int8 softmax, becomes 0."""
    if kind != "Softmax" and _activation(config) != "softmax":
        return
    classes = int(config.get("units") or 0) or _last_dimension(layer)
    if classes > 128:
        why = f"a softmax over {classes} classes: int8 has steps of 1/256, most probabilities become 0"
        yield Difficulty("tflite:int8*", name, kind, why)


def _last_dimension(layer: Any) -> int:
    from converters.inspection import output_shapes

    shapes = output_shapes(layer)
    return int(shapes[0][-1] or 0) if shapes and shapes[0] else 0


def _told(rule: Rule, name: str, kind: str) -> Iterator[Difficulty]:
    for target in rule.targets:
        yield Difficulty(target, name, kind, rule.why, rule.fix, rule.refused)


def _activation(config: Config) -> str:
    value = config.get("activation")
    value = value.get("config", value.get("class_name")) if isinstance(value, dict) else value
    return value if isinstance(value, str) else ""


def _config(layer: Any) -> Config:
    """A layer's configuration and that of a layer that it wraps; a custom layer may give none."""
    try:
        config = dict(layer.get_config())
    except (NotImplementedError, AttributeError, TypeError):
        config = {}
    if type(layer).__name__ in ("Gelu",):
        config["approximate"] = getattr(layer, "approximate", True)
    wrapped = config.get("layer")
    if isinstance(wrapped, dict) and isinstance(wrapped.get("config"), dict):
        config = {**wrapped["config"], **config}
    return config
