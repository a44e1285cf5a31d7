"""Localization may fail in any way: the verdict stays what it is, and says why nothing was found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from converters.errors import EdgeproofError
from pipeline.job import Job
from pipeline.localizing import Localizer, describe_layers
from pipeline.worker import WorkerError
from tests.validation.localizations import localization
from tests.validation.results import verdict
from validation.localization import Localization

FAILED = verdict(verdict="fail", reason="logits: noise_ratio 90 > 8")


class Worker:
    """Gives an answer, or raises it; keeps what it was asked."""

    def __init__(self, answer) -> None:
        self.answer, self.asked = answer, []

    def call_within(self, time_s, function, **kwargs):
        self.asked.append(kwargs)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def explain(answer, *verdicts, localize=False, graph_of=lambda: "graph"):
    worker = Worker(answer)
    target = verdicts[0].target.replace(":", "-")
    artifact = SimpleNamespace(target=SimpleNamespace(slug=target))
    localizer = Localizer("reference", graph_of, worker, Job(name="m", localize=localize), Path("out"))
    return localizer.explain(verdicts, {verdicts[0].artifact: artifact}), worker


def refusal(*_):
    raise EdgeproofError("the model", got="a lookup table", want="arithmetic", fix="leave it out")


@pytest.mark.parametrize(
    ("answer", "graph_of", "why"),
    [
        (EdgeproofError("x", got="SIGSEGV", want="", fix=""), lambda: 0, "x: SIGSEGV"),
        (WorkerError("KeyError: 'a'", "", Path("log")), lambda: 0, "KeyError: 'a'"),
        (None, refusal, "the model: a lookup table"),
    ],
    ids=["killed", "bug", "cannot-be-frozen"],
)
def test_failure_to_localize_leaves_the_verdict_alone(answer, graph_of, why):
    [explained], _ = explain(answer, FAILED, graph_of=graph_of)
    assert explained.verdict == "fail"
    assert explained.reason == FAILED.reason
    assert explained.localization == Localization((), f"it could not be told which layer is wrong: {why}")


def test_only_failures_are_asked_about_unless_all_are_wanted():
    found, worker = explain(localization(), FAILED, verdict())
    assert [v.localization is None for v in found] == [False, True]
    assert [call["runtime_name"] for call in worker.asked] == ["litert-cpu"]
    found, worker = explain(localization(), FAILED, verdict(), localize=True)
    assert [v.localization is None for v in found] == [False, False]


def test_exports_of_one_target_have_names_and_directories_of_their_own():
    failed = tuple(replace(FAILED, artifact=name) for name in ("a.tflite", "b.tflite"))
    worker = Worker(localization(reproducer="out/there"))
    target = SimpleNamespace(slug="tflite-int8")
    artifacts = {name: SimpleNamespace(target=target) for name in ("a.tflite", "b.tflite")}
    localizer = Localizer("reference", lambda: "graph", worker, Job(name="m"), Path("out"))
    lines = list(describe_layers(localizer.explain(failed, artifacts)))
    assert [asked["out"].name for asked in worker.asked] == [
        "tflite-int8-litert-cpu",
        "tflite-int8-2-litert-cpu",
    ]
    assert lines[0].startswith(f"layer        {FAILED.target} a.tflite on litert-cpu: ")
    assert lines[2].startswith(f"layer        {FAILED.target} b.tflite on litert-cpu: ")


def test_missing_runtimes_are_never_asked():
    gone = verdict(verdict="unavailable")
    assert explain(localization(), gone, localize=True)[0] == (gone,)


def test_what_was_found_is_printed_with_the_place_of_the_failing_case():
    [explained], _ = explain(localization(), FAILED)
    assert list(describe_layers([explained, verdict()])) == [
        "layer        tflite:float32 on litert-cpu: norm creates the error: 2.1e+04 times its own noise",
        "             smallest failing case: build/model/reproducer/onnx-float32-onnxruntime-cpu",
    ]
