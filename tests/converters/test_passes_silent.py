"""What a converter or an engine gets wrong without a word, with its cure and without it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

from converters import passes, to_tflite
from converters.frozen import ConversionOptions
from tests.converters.exporting import FORMATS, answers, freeze_keras, of_keras, op_model


class Fault(NamedTuple):
    """An op, inputs that show the fault, and who has it.

    Attributes:
        cure: the pass.
        notes: what the export says when it is cured.
        rtol: of the cured answer.
    """

    runtime: str
    cure: str
    op: Callable[..., Any]
    inputs: tuple[list[float], ...]
    notes: tuple[str, ...]
    dtype: str = "float32"
    rtol: float = 1e-6


def tensorflow(name: str) -> Callable[..., Any]:
    def call(*tensors: Any) -> Any:
        import tensorflow as tf

        return getattr(tf.raw_ops, name)(**dict(zip(("x", "y"), tensors, strict=False)))

    return call


def composed(op: str) -> tuple[str, ...]:
    return (f"1 {op} written in other ops",)


NEAR_ZERO = [-0.6, -0.4, -0.3, -1e-3, -1e-9, -1e-30, 0, 1e-9, 1e-7, 1e-3, 0.3, 0.4, 0.6, 3, 40]
TINY = [-3, -1e-7, -1e-30, 0, 1e-30, 1e-9, 1e-7, 2, np.nan]
FAULTS = {
    "tflite-expm1": Fault(
        "litert-cpu", "composed_for_tflite", tensorflow("Expm1"), (NEAR_ZERO,), composed("Expm1"), rtol=2e-6
    ),
    "tflite-rsqrt": Fault(
        "litert-cpu",
        "rsqrt_of_zero",
        tensorflow("Rsqrt"),
        ([0.0, 1e-9, 1, 4, 1e9],),
        ("1 Rsqrt of zero written as a division, since XNNPACK makes NaN of it",),
    ),
    "tfjs-log1p": Fault(
        "tfjs-node-wasm", "composed_for_tfjs", tensorflow("Log1p"), (NEAR_ZERO,), composed("Log1p")
    ),
    "tfjs-sign": Fault("tfjs-node-wasm", "composed_for_tfjs", tensorflow("Sign"), (TINY,), composed("Sign")),
    "tfjs-floor-div": Fault(
        "tfjs-node-cpu",
        "composed_for_tfjs",
        tensorflow("FloorDiv"),
        ([1e10, -1e10, 7, -7], [3, 3, 2, 2]),
        composed("FloorDiv"),
    ),
    "tfjs-uint8-sub": Fault(
        "tfjs-node-wasm",
        "narrow_integers",
        tensorflow("Sub"),
        ([3, 200, 16], [5, 100, 16]),
        ("1 Sub of 8-bit integers cut to their bits",),
        "uint8",
    ),
    "tfjs-int8-mul": Fault(
        "tfjs-node-cpu",
        "narrow_integers",
        tensorflow("Mul"),
        ([3, 100, -128, -128], [5, 100, 2, -1]),
        ("1 Mul of 8-bit integers cut to their bits",),
        "int8",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_silent_fault_shows_without_its_cure_and_is_gone_with_it(name, tmp_path, monkeypatch):
    import keras

    fault, format = FAULTS[name], name.partition("-")[0]
    model = op_model(keras, fault.op, *[(1,)] * len(fault.inputs), dtype=fault.dtype)
    feed = {f"x{i}": np.array(values, fault.dtype)[:, None] for i, values in enumerate(fault.inputs)}
    want = of_keras(model, feed)["op"]
    graph = freeze_keras(model, tmp_path / "frozen")
    converter = {**FORMATS, "tflite": to_tflite}[format]

    def answer(folder: str) -> tuple[np.ndarray, tuple[str, ...]]:
        (tmp_path / folder).mkdir()
        artifact = converter.convert(graph, tmp_path / folder, ConversionOptions())
        return answers(artifact, fault.runtime, feed)["op"], artifact.notes

    got, notes = answer("cured")
    assert notes[: len(fault.notes)] == fault.notes
    np.testing.assert_allclose(got.astype(np.float64), want.astype(np.float64), rtol=fault.rtol, atol=0)
    left = tuple(each for each in passes.PASSES[format] if each != fault.cure)
    monkeypatch.setattr(passes, "PASSES", {**passes.PASSES, format: left})
    got, _ = answer("plain")
    assert not np.allclose(
        got.astype(np.float64), want.astype(np.float64), rtol=fault.rtol, atol=0, equal_nan=True
    ), "the engine is right by itself: the cure can go"


def test_a_normalization_keeps_its_rsqrt(tmp_path):
    import keras
    import tensorflow as tf

    def normalize(x: Any) -> Any:
        return tf.math.rsqrt(x * x + 1e-3) + tf.math.rsqrt(tf.maximum(x, 1e-6))

    graph = freeze_keras(op_model(keras, normalize, (3,)), tmp_path / "frozen")
    (tmp_path / "out").mkdir()
    assert to_tflite.convert(graph, tmp_path / "out").notes == ()
