"""Where there is no float64 twin: right files pass and wrong ones fail all the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import tensorflow as tf
from onnx import TensorProto, helper

from converters.signature import Signature, TensorSpec
from tests.battery import vendors
from validation.noise import Given
from validation.truth import NoTwinError
from validation.truth.answers import Truth
from validation.truth.ulp import OneUlp

PICTURE = (4, 4, 3)

NO_TWIN = "DrawBoundingBoxesV2 at {} has no float64 kernel"


def unframed(x: Any) -> Any:
    """x, by an op that TensorFlow has in float32 alone."""
    boxes, colours = tf.zeros((tf.shape(x)[0], 0, 4)), tf.zeros((1, 3))
    return tf.raw_ops.DrawBoundingBoxesV2(images=x, boxes=boxes, colors=colours, name="frames")


MODELS = {
    "hue": lambda x: 2 * tf.image.adjust_hue(tf.sigmoid(x), 0.0),
    "saturation": lambda x: 2 * tf.image.adjust_saturation(tf.sigmoid(x), 1.0),
    "frames": lambda x: 2 * unframed(tf.sigmoid(x)),
}
TRUTHS = {
    "hue": "float64 twin",
    "saturation": "float64 twin",
    "frames": "one ulp, 16 times: no float64 twin, because " + NO_TWIN.format("frames"),
}


def twice_the_sigmoid(factor: float, out: Path) -> Path:
    """factor * sigmoid(x), by hand."""
    nodes = [helper.make_node("Sigmoid", ["x"], ["s"]), helper.make_node("Mul", ["s", "factor"], ["y"])]
    x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n", *PICTURE]) for n in ("x", "y"))
    constant = helper.make_tensor("factor", TensorProto.FLOAT, [], [factor])
    graph = helper.make_graph(nodes, "by-hand", [x], [y], [constant])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), out)
    return out


@pytest.mark.parametrize("name", MODELS)
def test_a_sigmoid_near_0_is_granted_what_engines_compute_there(name, tmp_path):
    """ONNX Runtime gives 1.8e-7 for sigmoid(-20), which is 2.1e-9."""
    from converters.sources import describe_source

    saved = vendors.saved_model(MODELS[name], tf.TensorSpec((None, *PICTURE), tf.float32), tmp_path)
    source = describe_source(saved)
    reference = vendors.record(source, tmp_path)
    assert reference.truth == TRUTHS[name]
    right, wrong = (
        vendors.judge_file(twice_the_sigmoid(factor, tmp_path / f"{factor}.onnx"), source, reference)
        for factor in (2.0, 2.001)
    )
    assert right.verdict == "pass", right.reason
    (output,) = right.outputs
    assert output.comparison.noise_ratio < 6
    assert wrong.verdict == "fail", wrong.reason


class Original:
    """Stands for `validation.original.Original`: no weights."""

    arithmetic = "float32"
    signature = Signature((TensorSpec("x", (None, 2), "float32"),), (TensorSpec("y", (None, 2), "float32"),))

    def __init__(self, function: Any) -> None:
        specs = {"x": tf.TensorSpec((None, 2), tf.float32)}
        self.traced = tf.function(lambda t: {"y": function(t["x"])}, input_signature=[specs])

    def graph(self, tensors: Any) -> dict[str, np.ndarray]:
        return {"y": self.traced({"x": tf.constant(tensors["x"])})["y"].numpy()}

    def nudged(self, nudge: Any) -> Any:
        from contextlib import nullcontext

        return nullcontext(False)


FEED = {"x": np.array([[-20.0, 0.5], [-30.0, -25.0]], np.float32)}


def in_a_loop(x: Any) -> Any:
    return tf.while_loop(lambda n, _: n < 1, lambda n, v: (n + 1, tf.sigmoid(v)), (tf.constant(0), x))[1]


def in_a_branch(x: Any) -> Any:
    return tf.cond(tf.reduce_sum(x) < 0, lambda: tf.sigmoid(x), lambda: x)


def in_a_case(x: Any) -> Any:
    return tf.switch_case(tf.cast(x[0, 0] < 0, tf.int32), [lambda: x, lambda: tf.sigmoid(x)])


@pytest.mark.parametrize("function", [tf.sigmoid, in_a_loop, in_a_branch, in_a_case])
def test_what_is_computed_near_1_is_moved_by_an_ulp_of_1(function):
    original = Original(function)
    ulp = OneUlp(original)
    exact = original.graph(FEED)["y"]
    runs = np.stack([ulp.run(FEED, seed)["y"] for seed in range(16)])
    assert ulp.left_out == ""
    greatest = np.abs(runs - exact).max(0)
    assert (greatest > 2.0**-25).all()
    assert (greatest <= 2.0**-22).all()
    np.testing.assert_array_equal(ulp.run(FEED, 3)["y"], runs[3])


def test_what_is_not_computed_near_1_is_moved_by_its_inputs_alone():
    original = Original(lambda x: x * 3)
    runs = np.stack([OneUlp(original).run(FEED, seed)["y"] for seed in range(16)])
    relative = np.abs(runs / original.graph(FEED)["y"] - 1)
    assert 2.0**-24 < relative.max() < 2.0**-21


def test_where_results_can_not_be_moved_inputs_are_and_it_is_told(monkeypatch):
    from validation.truth import ulp as module

    refused = []

    def refuse(op: Any, inputs: Any) -> Any:
        refused.append(f"{op.type} at {op.name}")
        raise NoTwinError(f"{op.type} at {op.name}: no")

    monkeypatch.setattr(module, "as_it_is", refuse)
    original = Original(lambda x: unframed(tf.sigmoid(x[:, None, None, :1]))[:, 0, 0])
    truth = Truth(original)
    given = Given(FEED, original.graph(FEED), original.graph(FEED))
    (answer,) = truth.answers([given], runs=[3], seed=0)
    assert (answer.noise["y"] > 0).all()
    assert truth.words == (
        f"one ulp, 16 times: no float64 twin, because {NO_TWIN.format('frames')}; "
        f"on inputs and weights alone, because {refused[0]}: no"
    )
