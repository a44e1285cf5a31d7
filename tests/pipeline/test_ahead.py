"""Plain JavaScript is asked while the original is recorded: what is made before it, and what goes wrong."""

from __future__ import annotations

import pytest

from tests.pipeline.conftest import Project


@pytest.fixture
def project_with_tfjs(project: Project) -> Project:
    text = project.recipe.read_text()
    targets = '["tflite:float32", "tfjs:float32", "onnx:float32"]'
    text = text.replace('["tflite:float32", "tflite:int8", "onnx:float32"]', targets)
    text = text.replace('"litert-[cr]*"', '"litert-cpu", "tfjs-node-*"')
    project.recipe.write_text(text)
    return project


def steps(project: Project) -> list[str]:
    """In the order in which they were begun."""
    return (project.directory / "count").read_text().split()


def test_only_what_is_asked_ahead_is_made_before_the_original_is_recorded(project_with_tfjs):
    ended = project_with_tfjs.call("run")
    assert ended.status == 0, ended.err
    begun = steps(project_with_tfjs)
    made = [name for name in begun if ":" in name or name == "reference"]
    assert made == ["tflite:float32", "tfjs:float32", "reference", "onnx:float32"]
    judged = sorted(name for name in begun if name.startswith(("tfjs-node", "litert", "onnxr")))
    assert judged == [
        "litert-cpu",
        "onnxruntime-cpu",
        "tfjs-node-cpu",
        "tfjs-node-cpu-ahead",
        "tfjs-node-wasm",
    ]
    assert begun.index("tfjs-node-cpu-ahead") < begun.index("tfjs-node-cpu")
    lines = [line.split() for line in ended.out.splitlines() if "tfjs-node-cpu" in line]
    assert [(line[0], float(line[-2]) >= 0.5) for line in lines] == [("pass", True)]


def test_a_target_that_could_not_be_made_is_not_asked_ahead(project_with_tfjs):
    project_with_tfjs.trouble("tfjs:float32=refuse")
    ended = project_with_tfjs.call("run")
    assert ended.status == 3
    assert not [name for name in steps(project_with_tfjs) if name.startswith("tfjs-node")]
    assert [line.split()[0] for line in ended.out.splitlines()[:2]] == ["pass", "error"]


def test_an_original_that_cannot_be_recorded_ends_what_waits_for_it(project_with_tfjs):
    project_with_tfjs.trouble("reference=refuse")
    ended = project_with_tfjs.call("run")
    assert (ended.status, ended.err.splitlines()[0]) == (3, "error: reference: refused")
    assert project_with_tfjs.leftovers() == []
    assert not {"tfjs-node-cpu", "onnx:float32"} & set(steps(project_with_tfjs))


def test_what_breaks_ahead_is_the_verdict(project_with_tfjs):
    project_with_tfjs.trouble("tfjs-node-cpu-ahead=bug")
    ended = project_with_tfjs.call("run")
    judged = [line.split() for line in ended.out.splitlines() if "tfjs-node-cpu" in line]
    assert judged[0][:3] == ["error", "tfjs:float32", "tfjs-node-cpu"]
    assert "ZeroDivisionError: unforeseen (a bug in edgeproof;" in ended.out
    assert "tfjs-node-cpu" not in steps(project_with_tfjs)


def test_waiting_for_the_original_is_no_fault_of_the_runtime(project_with_tfjs):
    project_with_tfjs.use_processes()
    recipe = project_with_tfjs.recipe
    start, end = recipe.read_text().split("[validate]")
    recipe.write_text(start + "[validate]" + end.replace("time_limit_s = 60", "time_limit_s = 3"))
    project_with_tfjs.trouble("reference=slow")
    ended = project_with_tfjs.call("run")
    assert ended.status == 0, ended.out
