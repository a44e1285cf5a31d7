"""`edgeproof run` with made-up steps: what it prints and leaves, what it survives, what it doesn't repeat."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import get_args

import pytest

import pipeline
from tests.pipeline import fake_steps
from validation.verdict import Outcome

ROOT = Path(pipeline.__file__).parent.parent
MADE_ONCE = ("train", "source", "freeze", "tflite:float32", "tflite:int8", "onnx:float32")
PROVEN = ("calibration", "reference", *["litert-cpu", "litert-reference"] * 2, "onnxruntime-cpu")
RUNTIMES = ("litert-cpu", "litert-reference", "onnxruntime-cpu")


def words(text: str) -> list[tuple[str, str, str]]:
    """Verdict, target and runtime of every line that is about one."""
    outcomes = get_args(Outcome)
    rows = [
        line.split()[:3] for line in text.splitlines() if line.split()[:1] and line.split()[0] in outcomes
    ]
    return [(row[0], row[1], row[2]) for row in rows]


def test_a_run_prints_a_line_for_each_artifact_and_runtime(project):
    ended = project.call("run")
    assert words(ended.out) == [
        ("pass", "tflite:float32", "litert-cpu"),
        ("pass", "tflite:float32", "litert-reference"),
        ("pass", "tflite:int8", "litert-cpu"),
        ("pass", "tflite:int8", "litert-reference"),
        ("pass", "onnx:float32", "onnxruntime-cpu"),
    ]
    assert "max_rel_range 1e-07 (want <= 1e-05)" in ended.out.splitlines()[0]
    assert ended.out.splitlines()[5:] == [
        "limit: y: max_rel_range <= 1e-05 for tflite:float32, tflite:int8, onnx:float32",
        "             ten times the noise",
        "report: build/net/report.md, build/net/report.html",
        "bundle: bundles/net/1.0 (3 export(s))",
    ]
    assert (ended.status, ended.err) == (0, "")


def test_a_run_leaves_everything_in_its_place(project):
    project.call("run")
    assert sorted(path.name for path in (project.directory / "build" / "net").iterdir()) == [
        ".steps",
        "artifacts",
        "calibration",
        "edgeproof.log",
        "frozen",
        "model",
        "reference",
        "report.html",
        "report.md",
        "result.json",
        "runs.jsonl",
        "state.json",
    ]
    run = json.loads((project.directory / "build/net/runs.jsonl").read_text())
    assert (run["experiment_id"], run["final_loss"], run["epochs"]) == ("e1", 0.5, 2)
    assert run["model"] == str(project.directory / "build/net/model/model.keras")
    assert (project.directory / "bundles/net/runs.jsonl").is_file()
    assert project.leftovers() == []


def test_a_second_run_only_proves_again(project):
    project.call("run")
    assert project.done() == sorted([*MADE_ONCE, *PROVEN])
    project.call("run")
    assert project.done() == sorted(PROVEN)
    project.call("run", "--fresh")
    assert "train" in project.done()


@pytest.mark.parametrize(
    ("change", "again"),
    [
        pytest.param(("epochs = 2", "epochs = 3"), {"train", "source"}, id="training"),
        pytest.param(
            ("time_limit_s = 60\n[v", "opset = 17\n[v"), {"onnx:float32", "tflite:float32"}, id="opset"
        ),
        pytest.param(('version = "1.0"', 'version = "1.1"'), set(), id="version"),
    ],
)
def test_what_a_changed_recipe_needs_is_done_again(project, change, again):
    project.call("run")
    text = project.recipe.read_text()
    assert change[0] in text
    project.recipe.write_text(text.replace(*change))
    assert project.call("run").status == 0
    repeated = {*RUNTIMES, "calibration", "reference"}
    assert again <= set(project.done()) - repeated
    assert again or not set(project.done()) - repeated


def test_changed_user_code_trains_again(project):
    project.call("run")
    (project.directory / "train.py").write_text("def build(): return 1")
    project.call("run")
    assert "train" in project.done()


def test_bundles_of_two_runs_are_identical(project):
    project.call("run")
    first = project.files("bundles/net/1.0")
    project.call("run", "--fresh")
    assert project.files("bundles/net/1.0") == first


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        ("segfault", "tests.pipeline.fake_steps.convert crashed: got the worker was killed by SIGSEGV"),
        ("refuse", "onnx:float32: refused: got an op; want another; change the layer"),
        (
            "bug",
            "onnx:float32: the converter failed: got ZeroDivisionError: unforeseen; want a converted model",
        ),
        ("full-disk", "onnx-float32: the disk is full: got [Errno 28] No space left on device"),
    ],
)
def test_a_converter_that_fails_is_one_failed_target(project, trouble, said):
    if trouble == "segfault":
        project.use_processes()
    project.trouble(f"onnx:float32={trouble}")
    ended = project.call("run")
    assert ended.status == 3
    assert words(ended.out)[-1] == ("error", "onnx:float32", "conversion")
    assert said in ended.out
    assert [row[0] for row in words(ended.out)] == ["pass"] * 4 + ["error"]
    assert "log: build/net/edgeproof.log" in ended.out
    manifest = json.loads((project.directory / "bundles/net/1.0/manifest.json").read_text())
    assert [row["target"] for row in manifest["exports"]] == ["tflite:float32", "tflite:int8"]
    assert list(manifest["left_out"]) == ["onnx:float32"]
    assert project.leftovers() == []


def test_a_converter_that_hangs_is_one_failed_target(project):
    project.recipe.write_text(
        project.recipe.read_text().replace("time_limit_s = 60\n[v", "time_limit_s = 5\n[v")
    )
    project.use_processes()
    project.trouble("tflite:int8=hang")
    ended = project.call("run")
    assert ended.status == 3
    assert "tests.pipeline.fake_steps.convert took too long and was stopped" in ended.out
    assert [row[0] for row in words(ended.out)] == ["pass", "pass", "error", "pass"]


def test_a_failed_float32_export_fails_what_is_made_from_it(project):
    project.trouble("tflite:float32=refuse")
    ended = project.call("run")
    assert [row[:2] for row in words(ended.out)] == [
        ("error", "tflite:float32"),
        ("error", "tflite:int8"),
        ("pass", "onnx:float32"),
    ]


def test_an_engine_that_crashes_leaves_the_other_verdicts_alone(project):
    project.use_processes()
    project.trouble("litert-cpu=segfault")
    ended = project.call("run")
    assert ended.status == 1
    assert [row[0] for row in words(ended.out)] == ["error", "pass", "error", "pass", "pass"]
    assert "killed by SIGSEGV" in ended.out


def test_a_bug_in_a_judge_is_an_error_with_its_place(project):
    project.trouble("litert-cpu=bug")
    ended = project.call("run")
    assert ended.status == 1
    log = project.directory / "build/net/edgeproof.log"
    assert f"ZeroDivisionError: unforeseen (a bug in edgeproof; its traceback is in {log})" in ended.out
    assert "ZeroDivisionError: unforeseen" in log.read_text()


def test_a_failing_verdict_is_status_1_and_stays_out_of_the_bundle(project):
    project.trouble("tflite:int8@litert-cpu=fail")
    ended = project.call("run", "--json", "result.json")
    assert ended.status == 1
    assert "             made up to fail" in ended.out.splitlines()
    assert json.loads((project.directory / "result.json").read_text())["ok"] is False
    assert not (project.directory / "bundles/net/1.0/tflite-int8").exists()


def test_what_may_fail_ships_and_is_no_failure(project):
    project.recipe.write_text(project.recipe.read_text() + "[package]\nallow_failing = ['tflite:int8']\n")
    project.trouble("tflite:int8@litert-cpu=fail")
    assert project.call("run").status == 0
    assert (project.directory / "bundles/net/1.0/tflite-int8/model.tflite").is_file()


def test_nothing_passed_means_no_bundle(project):
    project.trouble(" ".join(f"{name}=fail" for name in RUNTIMES))
    ended = project.call("run")
    assert ended.status == 1
    assert "bundle: none, since nothing may ship" in ended.out
    assert not (project.directory / "bundles").exists()


def test_a_runtime_of_a_pattern_that_is_not_here_is_told_and_no_failure(project):
    project.trouble("litert-reference=unavailable")
    ended = project.call("run")
    assert ended.status == 0
    assert ("unavailable", "tflite:float32", "litert-reference") in words(ended.out)
    assert "             not installed: apt install it" in ended.out.splitlines()


@pytest.mark.parametrize("option", ["--runtime", "--require"])
def test_a_runtime_named_in_full_must_be_here(project, option):
    project.trouble("litert-reference=unavailable")
    ended = project.call("run", option, "litert-reference", "litert-cpu", "onnxruntime-cpu")
    assert ended.status == 4
    assert "required: litert-reference is not here, or had nothing to run (edgeproof doctor)" in ended.out


def test_json_on_standard_output_leaves_the_lines_to_standard_error(project):
    ended = project.call("run", "--json", "-")
    result = json.loads(ended.out)
    assert (result["schema"], result["ok"], len(result["verdicts"])) == (1, True, 5)
    assert words(ended.err)[0] == ("pass", "tflite:float32", "litert-cpu")


def test_colours_and_bars_are_for_terminals(project):
    ended = project.call("run")
    assert "\x1b" not in ended.out + ended.err


def test_a_failing_source_leaves_the_earlier_output(project):
    project.call("run")
    before = project.files("build/net/artifacts") | project.files("bundles")
    project.trouble("reference=refuse")
    ended = project.call("run")
    assert (ended.status, ended.out) == (3, "")
    assert ended.err == (
        "error: reference: refused\n"
        "  got:  an op\n"
        "  want: another\n"
        "  fix:  change the layer\n"
        f"log: {project.directory}/build/net/edgeproof.log\n"
    )
    assert project.files("build/net/artifacts") | project.files("bundles") == before
    assert project.leftovers() == []


def test_a_bug_shows_its_traceback_and_says_that_it_is_ours(project):
    project.trouble("freeze=bug")
    ended = project.call("run")
    assert ended.status == 70
    assert ended.err.startswith("Traceback (most recent call last):")
    assert ended.err.splitlines()[-3:] == [
        "ZeroDivisionError: unforeseen",
        f"log: {project.directory}/build/net/edgeproof.log",
        "This is a bug in edgeproof: please report the lines above.",
    ]


INTERRUPTED = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
from pipeline import cli, judging, steps
from tests.pipeline import fake_steps
from validation.verdict import Outcome
for name in ("train", "describe_source", "freeze", "write_feeds", "record", "convert"):
    setattr(steps, name, getattr(fake_steps, name))
steps.find_kind = str
judging.judge, judging.ask_ahead = fake_steps.judge, fake_steps.ask_ahead
cli.main(["run", "--fresh"])
"""


@pytest.mark.parametrize(
    ("number", "where", "status", "said"),
    [
        (signal.SIGINT, "onnx:float32", 130, "interrupted; earlier output is untouched"),
        (signal.SIGTERM, "litert-cpu", 143, "terminated; earlier output is untouched"),
        (signal.SIGKILL, "onnx:float32", -9, ""),
    ],
)
def test_an_interrupted_run_leaves_the_earlier_output_and_nothing_else(project, number, where, status, said):
    project.call("run")
    before = project.files("build/net/artifacts") | project.files("bundles")
    project.forget()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), fake_steps.TROUBLE: f"{where}=hang"}
    command = [sys.executable, "-c", INTERRUPTED]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as run:
        wait_for(lambda: where in project.done())
        run.send_signal(number)
        _, error = run.communicate(timeout=20)
    assert (run.returncode, error.strip()) == (status, said)
    if number == signal.SIGKILL:  # nothing can clear up after itself then; the next command does
        assert project.leftovers() != []
        project.call("export", str(project.recipe), "-t", "onnx")
    else:
        assert project.files("build/net/artifacts") | project.files("bundles") == before
    assert project.leftovers() == []


def wait_for(condition, seconds=30.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)
    time.sleep(0.2)
