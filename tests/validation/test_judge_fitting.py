"""Batches and dtypes that a file can or can't take."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from converters.artifact import Quantization
from converters.signature import Signature, TensorSpec
from tests.validation.fakes import FakeRuntime, X, Y, make_artifact, make_reference
from tests.validation.judging import SCALE, batches, model
from validation.judge import judge_on


@pytest.mark.parametrize("batch", [1, 2, 3])
def test_a_fixed_batch_is_fed_in_parts_and_filled_up(tmp_path, reference, batch):
    runtime = FakeRuntime(model)
    fixed = make_artifact(
        tmp_path / "artifact", (replace(X, shape=(batch, 3)),), (replace(Y, shape=(batch, 3)),)
    )
    found = judge_on(runtime, fixed, reference, "a")
    assert (found.verdict, found.samples) == ("pass", 10)
    assert {call["x"].shape for call in runtime.session.calls} == {(batch, 3)}


def test_what_fills_a_batch_up_is_not_compared(tmp_path, reference):
    def wrong_where_equal(feed):
        """Wrong in the rows that repeat the one before."""
        repeated = np.r_[False, (feed["x"][1:] == feed["x"][:-1]).all(1)]
        return {"y": model(feed)["y"] + repeated[:, None].astype(np.float32)}

    fixed = make_artifact(tmp_path / "artifact", (replace(X, shape=(3, 3)),), (replace(Y, shape=(3, 3)),))
    assert judge_on(FakeRuntime(wrong_where_equal), fixed, reference, "a").verdict == "pass"


DYNAMIC = Signature((replace(X, shape=(None, None)),), (replace(Y, shape=(None, None)),))


def double(feed):
    return {"y": feed["x"] * np.float32(2)}


def test_a_file_that_does_not_take_every_sample_fails_with_their_number(tmp_path, verdict):
    feeds = batches(4, 4) + batches(3, width=5)
    reference = make_reference(tmp_path / "dynamic", double, feeds, DYNAMIC)
    found = verdict(double, reference=reference)
    assert (found.verdict, found.samples) == ("fail", 8)
    assert found.reason == (
        "3 of 11 samples don't fit the file: shape [3, 5] does not fit x: float32[?, 3]: the file froze "
        "dimensions that are free in the original, x: float32[?, ?]; "
        "1 output keeps its limit over 8 samples"
    )


def test_a_file_that_takes_no_sample_proves_nothing(tmp_path, verdict):
    reference = make_reference(tmp_path / "dynamic", double, batches(3, width=5), DYNAMIC)
    found = verdict(double, reference=reference)
    assert (found.verdict, found.samples, found.outputs) == ("fail", 0, ())
    assert found.reason == (
        "3 of 3 samples don't fit the file: shape [3, 5] does not fit x: float32[?, 3]: the file froze "
        "dimensions that are free in the original, x: float32[?, ?]; "
        "nothing was proven: the file takes none of the samples"
    )


def test_an_output_of_the_whole_batch_cannot_be_put_together_from_parts(tmp_path):
    signature = Signature((X,), (TensorSpec("y", (3,), "float32"),))

    def total(feed):
        return {"y": feed["x"].sum(0)}

    reference = make_reference(tmp_path / "total", total, batches(4, 4), signature)
    whole = make_artifact(tmp_path / "whole", outputs=signature.outputs)
    assert judge_on(FakeRuntime(total), whole, reference, "a").verdict == "pass"
    single = make_artifact(tmp_path / "single", (replace(X, shape=(1, 3)),), signature.outputs)
    assert judge_on(FakeRuntime(total), single, reference, "a").reason == (
        "8 of 8 samples don't fit the file: output y belongs to a whole batch, the file takes fewer samples; "
        "nothing was proven: the file takes none of the samples"
    )


def test_scalar_inputs_make_every_sample_a_call(tmp_path):
    signature = Signature((TensorSpec("x", (), "float32"),), (TensorSpec("y", (), "float32"),))

    def half(feed):
        return {"y": np.asarray(feed["x"] / np.float32(2))}

    feeds = [{"x": np.asarray(np.float32(value))} for value in (1, 2, 3)]
    reference = make_reference(tmp_path / "scalar", half, feeds, signature)
    artifact = make_artifact(tmp_path / "artifact", signature.inputs, signature.outputs)
    assert judge_on(FakeRuntime(half), artifact, reference, "a").verdict == "pass"

    def late(feed):
        return {"y": np.asarray(half(feed)["y"] + np.float32(feed["x"] == 3))}

    found = judge_on(FakeRuntime(late), artifact, reference, "a")
    assert found.outputs[0].comparison.worst_index == (2,)


def test_int8_inputs_and_outputs_are_quantized_by_the_record(tmp_path, reference):
    quantization = {"x": Quantization(0.05, 3, "int8"), "y": Quantization(0.1, -5, "int8")}
    specs = replace(X, dtype="int8"), replace(Y, dtype="int8")
    artifact = make_artifact(tmp_path / "artifact", (specs[0],), (specs[1],), "onnx:int8", quantization)

    def quantized(feed):
        assert feed["x"].dtype == np.int8
        real = 0.05 * (feed["x"].astype(float) - 3)
        return {"y": (np.clip(np.rint(real * SCALE / 0.1) - 5, -128, 127)).astype(np.int8)}

    found = judge_on(FakeRuntime(quantized), artifact, reference, "a")
    assert found.verdict == "pass", found.reason
    assert 0.02 < found.outputs[0].comparison.max_abs < 0.3


def test_wide_integers_are_cast_for_a_file_that_has_narrow_ones(tmp_path):
    signature = Signature((TensorSpec("x", (None, 3), "int64"),), (TensorSpec("y", (None, 3), "int64"),))
    narrow = [
        tuple(replace(s, dtype="int32") for s in side) for side in (signature.inputs, signature.outputs)
    ]
    artifact = make_artifact(tmp_path / "artifact", *narrow)

    def add(feed):
        return {"y": feed["x"] + feed["x"].dtype.type(1)}

    small = [{"x": np.arange(12).reshape(4, 3)}]
    reference = make_reference(tmp_path / "small", add, small, signature)
    assert judge_on(FakeRuntime(add), artifact, reference, "a").verdict == "pass"
    great = [*small, {"x": np.full((2, 3), 2**40)}]
    reference = make_reference(tmp_path / "great", add, great, signature)
    assert judge_on(FakeRuntime(add), artifact, reference, "a").reason == (
        "2 of 6 samples don't fit the file: x holds 1099511627776, which int32 can't hold; "
        "1 output keeps its limit over 4 samples"
    )
