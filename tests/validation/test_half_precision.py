"""ONNX files in half precision: what their signal to noise hides, and what is lost rightly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np
import pytest

from converters.artifact import Artifact, record_files
from converters.convert import convert
from converters.freeze import freeze
from converters.frozen import ConversionOptions
from converters.source import LoadOptions
from converters.sources import describe_source
from converters.target import ExportTarget
from tests.validation.fakes import FakeRuntime
from validation.coarser import HALF
from validation.feeds import FeedSpec
from validation.judge import judge, judge_on
from validation.reference import Reference, record
from validation.runtimes import runtime
from validation.verdict import Verdict

layers = keras.layers

TARGET = ExportTarget("onnx", "float16")
ENGINE = "onnxruntime-cpu"
SCALES = np.geomspace(1e-3, 1e3, 8).astype("f4")

Answer = dict[str, np.ndarray]


@dataclass(frozen=True)
class Made:
    """A model's reference, and its export."""

    reference: Reference
    artifact: Artifact

    def judged(self) -> Verdict:
        return judge(artifact=self.artifact, runtime_name=ENGINE, reference=self.reference, label="it")

    def judged_as(self, change: Callable[[Answer], None]) -> Verdict:
        """The verdict on what the export answers, changed in place."""
        with runtime(ENGINE).open(self.artifact) as session:

            def answer(feed):
                found = {name: array.copy() for name, array in session.run(feed).items()}
                change(found)
                return found

            return judge_on(FakeRuntime(answer), self.artifact, self.reference, "it")


def make(model, directory: Path, **data: np.ndarray) -> Made:
    model.save(directory / "model.keras")
    np.savez(directory / "data.npz", **data)
    (directory / "reference").mkdir()
    source = describe_source(directory / "model.keras", LoadOptions())
    spec = FeedSpec(npz=directory / "data.npz")
    reference = record(source=source, spec=spec, out=directory / "reference", precisions=("float16", HALF))
    graph = freeze(source, directory / "graph")
    return Made(reference, convert(graph, TARGET, directory / "onnx", ConversionOptions()))


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Made:
    """Channels on scales from 1e-3 to 1e3, and 100 classes."""
    keras.utils.set_random_seed(0)
    x = keras.Input((6,), name="x")
    hidden = layers.Dense(32, "tanh", bias_initializer="random_normal", name="hidden")(x)
    scaled = layers.Rescaling(SCALES, name="scales")(layers.Dense(8)(hidden))
    classes = layers.Dense(100, "softmax", name="classes")(hidden)
    data = np.random.default_rng(1).uniform(-2, 2, (64, 6)).astype("f4")
    return make(keras.Model(x, [scaled, classes]), tmp_path_factory.mktemp("made"), x=data)


def swap_small_channels(answer: Answer) -> None:
    answer["scales"][:, [0, 1]] = answer["scales"][:, [1, 0]]


def lose_a_small_channel(answer: Answer) -> None:
    answer["scales"][:, 0] = 0


def clip_one_element(answer: Answer) -> None:
    answer["scales"][:1, 3] *= 0.9


def mistake_one_class(answer: Answer) -> None:
    answer["classes"][:, 17] *= 0.97


def mistake_a_rare_class_once(answer: Answer) -> None:
    rare = int(np.argmin(answer["classes"][0]))
    answer["classes"][0, rare] *= 1.1


FAULTS = {
    "small-channels-swapped": swap_small_channels,
    "small-channel-zeroed": lose_a_small_channel,
    "one-element-clipped": clip_one_element,
    "one-class-3-percent-off": mistake_one_class,
    "one-rare-class-off-in-one-sample": mistake_a_rare_class_once,
}


def by_signal_alone(verdict: Verdict) -> list[bool]:
    """Whether each output keeps the limit of its signal to noise."""
    limits = {o.comparison.name: t for o in verdict.outputs for t in (o.tolerance, *o.also)
              if t.measure == "sqnr_db"}  # fmt: skip
    return [o.comparison.sqnr_db >= limits[o.comparison.name].limit for o in verdict.outputs]


def test_a_right_export_keeps_all_its_limits(made):
    found = made.judged()
    assert (found.verdict, found.reason) == (
        "pass",
        f"2 outputs keep their limits over {found.samples} samples",
    )
    for output in found.outputs:
        assert [t.measure for t in (output.tolerance, *output.also)] == [
            "sqnr_db", "noise_ratio", "noise_ratio_rms"
        ]  # fmt: skip
        assert output.comparison.noise_ratio < output.also[0].limit / 2
        assert output.comparison.noise_ratio_rms < output.also[1].limit / 2


@pytest.mark.parametrize("change", FAULTS.values(), ids=FAULTS)
def test_a_fault_that_the_signal_hides_is_found(change, made):
    found = made.judged_as(change)
    assert all(by_signal_alone(found))
    assert found.verdict == "fail", found.reason
    (wrong,) = (output for output in found.outputs if not output.passed)
    assert wrong.tolerance.measure == "noise_ratio"


def test_a_weight_that_is_ten_percent_off_is_found(made, tmp_path):
    import onnx
    from onnx import numpy_helper

    model = onnx.load(made.artifact.entry_path)
    (kernel,) = (w for w in model.graph.initializer if tuple(w.dims) == (32, 8))
    values = numpy_helper.to_array(kernel).copy()
    values[np.abs(values[:, 2]).argmax(), 2] *= 1.1
    kernel.CopyFrom(numpy_helper.from_array(values, kernel.name))
    onnx.save(model, tmp_path / made.artifact.entry)
    wrong = replace(made.artifact, directory=tmp_path, files=record_files(tmp_path))
    found = Made(made.reference, wrong).judged()
    assert all(by_signal_alone(found))
    assert (found.verdict, found.outputs[0].tolerance.measure) == ("fail", "noise_ratio")


def test_on_a_gpu_the_signal_counts_alone(made):
    """Its kernels may sum in half precision, which is not simulated."""
    with runtime(ENGINE).open(made.artifact) as session:
        on_gpu = FakeRuntime(session.run, groups=frozenset({"gpu"}))
        found = judge_on(on_gpu, made.artifact, made.reference, "it")
    assert found.verdict == "pass"
    for output in found.outputs:
        assert (output.tolerance.measure, output.also) == ("sqnr_db", ())
        assert output.tolerance.reason.endswith(
            "; elements aren't judged one by one: the runtime may compute in half precision"
        )


@pytest.mark.parametrize("dtype", ["float32", "int32"])
def test_what_half_precision_loses_is_told_and_not_judged(dtype, tmp_path):
    """1e-9 is 0 there, and where 0 counts for itself the answer is another.

    ONNX Runtime itself leaves out casts to and fro on the CPU.
    """
    x = keras.Input((4,), name="x")
    roots = keras.ops.sqrt(keras.ops.abs(x))
    zeros = keras.ops.cast(keras.ops.equal(x, 0), dtype)
    both = [layers.Dense(2)(roots), layers.Identity()(zeros)]
    outputs = layers.Concatenate()(both) if dtype == "float32" else both
    data = np.random.default_rng(1).uniform(-2, 2, (16, 4)).astype("f4")
    data[::4, 0] = 0
    made = make(keras.Model(x, outputs), tmp_path, x=data)
    lost = {batch.case for batch in made.reference.batches() if batch.lost_in_half}
    with runtime(ENGINE).open(made.artifact) as session:
        rounding = FakeRuntime(lambda feed: session.run({"x": feed["x"].astype("f2").astype("f4")}))
        found = judge_on(rounding, made.artifact, made.reference, "it")
    assert (found.verdict, "values near zero" in lost, "zeros" in lost) == ("pass", True, False)
    assert "values near zero" in {outside.case for outside in found.outside}


def test_what_is_lost_near_zero_excuses_nothing_greater(tmp_path):
    """Most classes are under 3e-8; were they judged by what is lost of them, 0 would pass for any number."""
    keras.utils.set_random_seed(0)
    x = keras.Input((4,), name="x")
    outputs = layers.Softmax()(10 * layers.Dense(100)(3 * x))
    data = np.random.default_rng(1).uniform(-2, 2, (16, 4)).astype("f4")
    made = make(keras.Model(x, outputs), tmp_path, x=data)
    with runtime(ENGINE).open(made.artifact) as session:

        def answer(feed):
            found = session.run(feed)
            return {name: array.astype("f2").astype("f4") for name, array in found.items()}

        found = judge_on(FakeRuntime(answer), made.artifact, made.reference, "it")
    (output,) = found.outputs
    truth = np.concatenate([batch.expected[output.comparison.name] for batch in made.reference.batches()])
    assert (truth < 2**-25).mean() > 0.5
    assert (found.verdict, output.also[0].measure) == ("pass", "noise_ratio")
    assert output.also[0].limit < 5e4
