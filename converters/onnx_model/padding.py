"""Zero padding in front of a MaxPool, written so that ONNX Runtime's optimiser computes the same.

`Pad_Fusion` (ONNX Runtime 1.31.1, core/optimizer/pad_fusion.cc; the same fault in other tools:
onnx/optimizer pull request 318, onnxsim issue 290) moves a zero Pad into the `pads` of the pool
that follows. But MaxPool pads with minus infinity. So ResNet50V2 is wrong by 3e-4 of its values
under the defaults.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto, TensorProto

_KEEPS_SIGN = frozenset({"Identity", "Transpose", "Reshape", "Squeeze", "Unsqueeze", "MaxPool"})
_NEVER_NEGATIVE = frozenset({"Relu", "Sigmoid", "Softmax", "HardSigmoid", "Softplus", "Abs", "Exp"})
_AXES_OPSET = 18
"""First opset whose Pad takes axes."""


def protect_padding(model: ModelProto, opset: int) -> list[str]:
    """Makes Pad + MaxPool safe from `Pad_Fusion`, in place.

    Where the input of a MaxPool can be negative, the fusion is kept from happening: it leaves a Pad
    with the optional axes alone, and (before opset 18) one whose zero is -0.0. Elsewhere it is
    right, and faster.

    Returns:
        A note for each place that was changed.
    """
    producers = {name: node for node in model.graph.node for name in node.output}
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    notes = []
    for pool in [node for node in model.graph.node if node.op_type == "MaxPool"]:
        pad = producers.get(pool.input[0])
        if pad is None or pad.op_type != "Pad" or not _pads_with_zero(pad, constants):
            continue
        if not _is_never_negative(pad.input[0], producers, constants):
            _hide(pad, model, constants, opset)
            notes.append(f"{pad.name}: protected from ONNX Runtime's Pad_Fusion, which is wrong here")
    return notes


def _pads_with_zero(pad: NodeProto, constants: dict[str, TensorProto]) -> bool:
    from onnx.numpy_helper import to_array

    mode = next((a.s for a in pad.attribute if a.name == "mode"), b"constant")
    value = pad.input[2] if len(pad.input) > 2 else ""
    return mode == b"constant" and (
        not value or value not in constants or not to_array(constants[value]).any()
    )


def _is_never_negative(name: str, producers: dict[str, NodeProto], constants: dict[str, TensorProto]) -> bool:
    from onnx.numpy_helper import to_array

    node = producers.get(name)
    while node is not None and node.op_type in _KEEPS_SIGN:
        node = producers.get(node.input[0])
    if node is None:
        return False
    if node.op_type == "Clip":
        low = constants.get(node.input[1]) if len(node.input) > 1 else None
        return low is not None and bool((to_array(low) >= 0).all())
    return node.op_type in _NEVER_NEGATIVE


def _hide(pad: NodeProto, model: ModelProto, constants: dict[str, TensorProto], opset: int) -> None:
    from onnx.numpy_helper import from_array, to_array

    pads = to_array(constants[pad.input[1]]) if pad.input[1] in constants else None
    if opset >= _AXES_OPSET and pads is not None:
        added = from_array(np.arange(len(pads) // 2), f"{pad.output[0]}/axes")
        pad.input.extend([""] * (3 - len(pad.input)))
        pad.input.append(added.name)
    else:
        zero = to_array(constants[pad.input[2]]).dtype if len(pad.input) > 2 and pad.input[2] else np.float32
        added = from_array(np.array(-0.0, zero), f"{pad.output[0]}/zero")
        pad.input[2:] = [added.name]
    model.graph.initializer.append(added)
