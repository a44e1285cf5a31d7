"""Files that compute something else at a few values only: found without data, without a recipe, by name.

Each fault is one that a vendor's converter or runtime really has, made by hand in a model of the same
signature, so that the test does not depend on whether the vendor still has it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import pytest

from converters.freeze import freeze_model
from converters.source import LoadOptions
from converters.sources import describe_source
from converters.target import ExportTarget
from tests.converters.open_keras import InMemory
from validation.feeds import FeedSpec
from validation.foreign import adopt
from validation.judge import judge
from validation.reference import Reference, record
from validation.verdict import Verdict

ops = keras.ops
Op = Callable[[Any], Any]

RUNTIMES = {"tflite": "litert-cpu", "onnx": "onnxruntime-cpu"}


@dataclass(frozen=True)
class Fault:
    """One output of the model: what it should compute, and what the wrong file does.

    Attributes:
        input: "x" (float32), "i" (int32) or "u" (uint8), each of four numbers.
        right: the original.
        wrong: differs at the values that `case` tries.
        case: what the first sample that shows it tries.
    """

    input: str
    right: Op
    wrong: Op
    case: str


def truncated(i: Any) -> Any:
    """`x // 2` as ONNX divides integers: towards zero."""
    return ops.where(i < 0, -((-i) // 2), i // 2)


def c_remainder(i: Any) -> Any:
    """`x % 3` with the sign of the dividend."""
    return ops.where(i < 0, -((-i) % 3), i % 3)


def wrapping_one_hot(i: Any) -> Any:
    """ONNX's `OneHot` counts negative indices from the end."""
    return ops.one_hot(ops.where(i < 0, i + 4, i), 4)


def clamped_softplus(x: Any) -> Any:
    """TFLite's is flat from 88.4 on."""
    return ops.softplus(ops.minimum(x, 88.4))


def hasty_log1p(x: Any) -> Any:
    """1 + x in float32 is 1 for whatever is below half an epsilon."""
    return ops.where(x < 5e-8, 0.0, ops.log1p(x))


FAULTS = {
    "floor_division": Fault("i", lambda i: i // 2, truncated, "directed: small integers of both signs"),
    "modulo": Fault("i", lambda i: i % 3, c_remainder, "directed: small integers of both signs"),
    "one_hot": Fault(
        "i", lambda i: ops.one_hot(i, 4), wrapping_one_hot, "directed: small integers of both signs"
    ),
    "softplus": Fault("x", ops.softplus, clamped_softplus, "directed: saturating values"),
    "log1p": Fault(
        "x", lambda x: ops.log1p(ops.abs(x)), lambda x: hasty_log1p(ops.abs(x)), "directed: values near zero"
    ),
    "rsqrt": Fault(
        "x",
        lambda x: ops.rsqrt(ops.abs(x)),
        lambda x: ops.where(ops.abs(x) > 0, ops.rsqrt(ops.abs(x)), 0.0),
        "directed: zeros",
    ),
}


def build(wrong: frozenset[str] = frozenset()) -> Any:
    """A model with one output for each fault; those named are wrong."""
    ends = {
        "x": keras.Input((4,), name="x"),
        "i": keras.Input((4,), name="i", dtype="int32"),
    }
    outputs: Mapping[str, Any] = {
        name: (fault.wrong if name in wrong else fault.right)(ends[fault.input])
        for name, fault in FAULTS.items()
    }
    named = {f"{name}_end": keras.layers.Identity(name=f"{name}_end")(t) for name, t in outputs.items()}
    return keras.Model(list(ends.values()), named)


@pytest.fixture(scope="module")
def reference(tmp_path_factory) -> Reference:
    """With neither data nor a word on the domain."""
    directory = tmp_path_factory.mktemp("original")
    build().save(directory / "model.keras")
    (directory / "reference").mkdir()
    source = describe_source(directory / "model.keras", LoadOptions())
    return record(source=source, spec=FeedSpec(samples=8), out=directory / "reference", precisions=())


def export(model: Any, format: str, directory: Path) -> Path:
    """A file as somebody else would hand it over."""
    from importlib import import_module

    from converters.frozen import ConversionOptions

    graph = freeze_model(InMemory(model), "0" * 64, directory / "graph")
    out = directory / format
    out.mkdir()
    artifact = import_module(f"converters.to_{format}").convert(graph, out, ConversionOptions())
    assert artifact.target == ExportTarget(format, "float32")
    return artifact.entry_path


def judged(model: Any, format: str, directory: Path, reference: Reference) -> Verdict:
    path = export(model, format, directory)
    artifact = adopt(path=path, signature=reference.signature, reference=reference)
    return judge(artifact=artifact, runtime_name=RUNTIMES[format], reference=reference, label="it")


@pytest.mark.parametrize("format", RUNTIMES)
def test_directed_inputs_alone_find_what_is_wrong_at_a_few_values(format, tmp_path, reference):
    found = judged(build(frozenset(FAULTS)), format, tmp_path, reference)
    assert found.verdict == "fail"
    assert {o.comparison.name: o.found_by for o in found.outputs} == {
        f"{n}_end": f.case for n, f in FAULTS.items()
    }
    assert all(8 < output.found_after <= found.samples for output in found.outputs)


@pytest.mark.parametrize("format", RUNTIMES)
def test_a_right_file_keeps_every_limit_on_all_of_these(format, tmp_path, reference):
    found = judged(build(), format, tmp_path, reference)
    assert found.verdict == "pass", found.reason
    assert found.samples > 40
