"""Faults between the model's ends and its layers, and of what lasts from one call to the next."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from bench.detection.fault import Hit, Scene, kind
from bench.detection.onnx_file import OnnxFile
from bench.detection.parsed import Op
from bench.detection.tflite_file import TfliteFile


@kind("outputs-swapped", "two outputs of one shape exchanged")
def outputs(scene: Scene) -> Hit | None:
    return _swapped(scene, "outputs", scene.outputs)


@kind("inputs-swapped", "two inputs of one shape exchanged")
def inputs(scene: Scene) -> Hit | None:
    return _swapped(scene, "inputs", scene.inputs)


def _swapped(scene: Scene, side: str, names: tuple[str, ...]) -> Hit | None:
    if len(names) < 2:
        return None
    scene.file.swap_ends(side, names[0], names[1])
    return Hit((), f"{side} {names[0]} and {names[1]}")


@kind("state-kept", "a dense layer adds what it gave the last time")
def state(scene: Scene) -> Hit | None:
    """TFLite alone can: its RNN op is a dense layer with a state, for one size of batch."""
    file = scene.file
    if not isinstance(file, TfliteFile):
        return None
    op = scene.pick(_dense_of_one_sample(scene, file))
    if op is None:
        return None
    hit = scene.hit(op, "became RNN with a state tensor")
    output = op.graph.tensors[op.raw.outputs[0]]
    activation = file.get(op, "fusedActivationFunction")
    file.retype(op, "RNN")
    file.set(op, "fusedActivationFunction", activation)
    given, kernel, bias = op.raw.inputs
    op.raw.inputs = [given, kernel, kernel, bias, given]
    units = output.shape[1]
    file.replace(op, 2, (0.01 * np.eye(units)).astype(np.float32))
    memory = file.own(op, 4)
    memory.name, memory.shape, memory.shapeSignature = b"kept_state", [1, units], None
    memory.isVariable, memory.buffer, memory.quantization = True, 0, output.quantization
    return hit


def _dense_of_one_sample(scene: Scene, file: TfliteFile) -> Iterator[Op]:
    """Float dense layers with a bias in a file whose batch is fixed to 1."""
    for op in scene.ops("FULLY_CONNECTED"):
        kernel, bias = file.constant(op, 1), file.constant(op, 2)
        made = op.graph.tensors[op.raw.outputs[0]]
        fixed = made.shapeSignature is None or made.shapeSignature[0] == 1
        if kernel is not None and kernel.dtype == np.float32 and bias is not None and fixed:
            yield op


@kind("noise-left-on", "a layer of Gaussian dropout still drops")
def dropout(scene: Scene) -> Hit | None:
    """ONNX alone: the other two formats would need their random numbers spelled out.

    ONNX' own Dropout does nothing in ONNX Runtime, whatever its input `training_mode` says.
    """
    op = scene.pick(op for op in scene.ops("Relu", "Tanh") if scene.file.layers_of(op))
    if op is None or not isinstance(scene.file, OnnxFile):
        return None
    name, before, made = _cut(op)
    noise = f"{before}/noise"
    _insert(op, 1, "RandomNormalLike", [before], noise, name=noise, mean=1.0, scale=0.05)
    _insert(op, 2, "Mul", [before, noise], made, name=name)
    return scene.hit(op, "times 1 with a deviation of 5 %")


@kind("values-clamped", "what an op gives is clamped to 100 in magnitude")
def clamped(scene: Scene) -> Hit | None:
    """A range that was guessed too narrow: no ordinary input shows it."""
    op = scene.pick(_gives_floats(scene))
    if op is None or not isinstance(scene.file, OnnxFile):
        return None
    _follow(scene.file, op, "Clip", np.float32(-100), np.float32(100))
    return scene.hit(op, "followed by Clip")


@kind("activation-float16", "one layer's result passes through float16")
def half(scene: Scene) -> Hit | None:
    """As a delegate with half-precision does it."""
    from onnx import TensorProto

    op = scene.pick(_gives_floats(scene))
    if op is None or not isinstance(scene.file, OnnxFile):
        return None
    _follow(scene.file, op, "Cast", to=TensorProto.FLOAT)
    _follow(scene.file, op, "Cast", to=TensorProto.FLOAT16)
    return scene.hit(op, "followed by casts to float16 and back")


def _gives_floats(scene: Scene) -> Iterator[Op]:
    """Ops of an ONNX file with float weights, so that their result is float."""
    for op in scene.ops("Conv", "MatMul", "Add") if scene.file.format == "onnx" else ():
        values = [scene.file.constant(op, index) for index in (0, 1)]
        floats = any(v is not None and v.dtype == np.float32 and v.ndim for v in values)
        if floats and scene.file.layers_of(op):
            yield op


def _follow(file: OnnxFile, op: Op, kind_: str, *constants: Any, **attributes: Any) -> None:
    """Puts a node between an op and whatever reads it."""
    from onnx import numpy_helper

    name, before, made = _cut(op)
    names = [f"{before}/{index}" for index in range(len(constants))]
    file.model.graph.initializer.extend(map(numpy_helper.from_array, constants, names))
    _insert(op, 1, kind_, [before, *names], made, name=name, **attributes)


def _cut(op: Op) -> tuple[str, str, str]:
    """Gives an op, and what it makes, other names: they are those of the last op of its layer.

    Returns:
        The op's name till now, what it makes from now on, and what its readers ask for.
    """
    name, made = op.raw.name, op.raw.output[0]
    op.raw.name, op.raw.output[0] = f"{name}/before", f"{made}/before"
    return name, op.raw.output[0], made


def _insert(op: Op, place: int, kind_: str, given: list[str], made: str, **fields: Any) -> None:
    """Puts a node so many places behind an op."""
    from onnx import helper

    node = helper.make_node(kind_, given, [made], **fields)
    op.graph.node.insert(list(op.graph.node).index(op.raw) + place, node)
