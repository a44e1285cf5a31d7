"""Faults between the model's ends and its layers, and of what lasts from one call to the next."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.detection.fault import Hit, Scene, kind


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
    """TFLite alone can: its RNN op is a dense layer with a state that outlives the call."""
    file: Any = scene.file
    if file.format != "tflite":
        return None
    found = [op for op in scene.ops("FULLY_CONNECTED") if _is_plain(scene, op)]
    op = scene.pick(found)
    if op is None:
        return None
    hit = scene.hit(op, "became RNN with a state tensor")
    kernel = file.constant(op, 1)
    output = op.graph.tensors[op.raw.outputs[0]]
    activation = file.get(op, "fusedActivationFunction")
    file.retype(op, "RNN")
    file.set(op, "fusedActivationFunction", activation)
    op.raw.inputs = [*op.raw.inputs[:2], op.raw.inputs[1], op.raw.inputs[2], op.raw.inputs[0]]
    file.replace(op, 2, (0.01 * np.eye(len(kernel))).astype(np.float32))
    memory = file.own(op, 4)
    memory.name, memory.shape, memory.shapeSignature = b"kept_state", [1, len(kernel)], None
    memory.isVariable, memory.buffer, memory.quantization = True, 0, output.quantization
    return hit


def _is_plain(scene: Scene, op: Any) -> bool:
    has = [scene.file.constant(op, index) is not None for index in (1, 2)]
    return all(has) and scene.file.constant(op, 1).dtype == np.float32  # type: ignore[union-attr]


@kind("noise-left-on", "a layer of dropout still drops")
def dropout(scene: Scene) -> Hit | None:
    """ONNX alone: the other two formats' dropout is arithmetic on random numbers that nobody exports."""
    if scene.file.format != "onnx":
        return None
    from onnx import helper, numpy_helper

    op = scene.pick(op for op in scene.ops("Relu", "Tanh") if scene.file.layers_of(op))
    if op is None:
        return None
    model: Any = scene.file.model  # type: ignore[attr-defined]
    ratio = numpy_helper.from_array(np.float32(0.05), "fault/ratio")
    training = numpy_helper.from_array(np.bool_(True), "fault/training")
    model.graph.initializer.extend([ratio, training])
    made = op.raw.output[0]
    op.raw.output[0] = f"{made}/kept"
    node = helper.make_node(
        "Dropout", [op.raw.output[0], "fault/ratio", "fault/training"], [made], name=op.raw.name
    )
    place = list(op.graph.node).index(op.raw)
    op.graph.node.insert(place + 1, node)
    return scene.hit(op, "followed by dropout of 5 %")


@kind("values-clamped", "what an op gives is clamped to 100 in magnitude")
def clamped(scene: Scene) -> Hit | None:
    """A range that was guessed too narrow: no ordinary input shows it."""
    if scene.file.format != "onnx":
        return None
    return _followed(scene, "Clip", np.float32(-100), np.float32(100))


@kind("activation-float16", "one layer's result passes through float16")
def half(scene: Scene) -> Hit | None:
    """As a delegate with half-precision does it."""
    if scene.file.format != "onnx":
        return None
    from onnx import TensorProto, helper

    op = scene.pick(op for op in scene.ops("Conv", "MatMul", "Add") if _gives_floats(scene, op))
    if op is None:
        return None
    made = op.raw.output[0]
    op.raw.output[0] = f"{made}/float32"
    down = helper.make_node(
        "Cast", [f"{made}/float32"], [f"{made}/float16"], name=f"{op.raw.name}/down", to=TensorProto.FLOAT16
    )
    up = helper.make_node("Cast", [f"{made}/float16"], [made], name=f"{op.raw.name}/up", to=TensorProto.FLOAT)
    place = list(op.graph.node).index(op.raw)
    op.graph.node.insert(place + 1, down)
    op.graph.node.insert(place + 2, up)
    return scene.hit(op, "followed by casts to float16 and back")


def _followed(scene: Scene, kind_: str, *constants: Any) -> Hit | None:
    from onnx import helper, numpy_helper

    op = scene.pick(op for op in scene.ops("Conv", "MatMul", "Add") if _gives_floats(scene, op))
    if op is None:
        return None
    names = [f"fault/{index}" for index in range(len(constants))]
    model: Any = scene.file.model  # type: ignore[attr-defined]
    model.graph.initializer.extend(
        numpy_helper.from_array(value, name) for value, name in zip(constants, names, strict=True)
    )
    made = op.raw.output[0]
    op.raw.output[0] = f"{made}/before"
    node = helper.make_node(kind_, [op.raw.output[0], *names], [made], name=f"{op.raw.name}/fault")
    op.graph.node.insert(list(op.graph.node).index(op.raw) + 1, node)
    return scene.hit(op, f"followed by {kind_}")


def _gives_floats(scene: Scene, op: Any) -> bool:
    """It has float weights, so its result is float."""
    values = [scene.file.constant(op, index) for index in (0, 1)]
    floats = any(v is not None and v.dtype == np.float32 and v.ndim for v in values)
    return floats and bool(scene.file.layers_of(op))
