"""The commands: what they take, what they print, and the exit status of every wrong call."""

from __future__ import annotations

import io
import json
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest

import pipeline
from pipeline import doctor
from pipeline.cli import COMMANDS, edgeproof
from pipeline.console import Printer, progress
from tests.pipeline import fake_calls
from validation.runtime import Availability

DOCS = Path(pipeline.__file__).parent.parent / "docs" / "cli.md"


def test_help_is_there_at_once():
    """0.11 s on a quiet machine. CPU time is what counts here, since other work may share the machine."""
    times = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        command = [sys.executable, "-m", "pipeline.cli", "--help"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert all(f"  {name}  " in done.stdout for name in COMMANDS)
    assert min(times) < 0.3


def test_every_option_is_documented_and_every_documented_option_exists():
    documented = {}
    for name, body in re.findall(
        r"^## `edgeproof (\w+)[^`]*`\n(.*?)(?=^## |\Z)", DOCS.read_text(), re.M | re.S
    ):
        documented[name] = sorted(set(re.findall(r"^\| `(--?[\w-]+)", body, re.M)))
    real = {}
    for name in COMMANDS:
        command = edgeproof.get_command(None, name)
        assert command is not None
        options = [param.opts[0] for param in command.params if param.param_type_name == "option"]
        real[name] = sorted(options)
    assert documented == real


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["frobnicate"], "No such command 'frobnicate'"),
        (
            ["validate", "net.keras", "net.onnx", "--limit", "logits=3"],
            "--limit logits=3: want OUTPUT:MEASURE=NUMBER, such as logits:sqnr_db=25 or "
            "logits:rtol=1e-3,atol=1e-5",
        ),
        (
            ["validate", "net.keras", "net.onnx", "--limit", "sqnr_db=3"],
            "--limit sqnr_db=3: want OUTPUT:MEASURE=NUMBER, such as logits:sqnr_db=25 or "
            "logits:rtol=1e-3,atol=1e-5",
        ),
        (
            ["validate", "net.keras", "net.onnx", "--limit", "logits:rtol=3"],
            "limit of logits: half of a pair",
        ),
        (
            ["validate", "net.keras", "net.onnx", "--limit", "logits:sqnr=3"],
            "--limit logits:sqnr=3: want OUTPUT:MEASURE=NUMBER, such as logits:sqnr_db=25 or "
            "logits:rtol=1e-3,atol=1e-5",
        ),
        (
            ["validate", "net.keras", "net.onnx", "--range", "x=0"],
            "--range x=0: want LEAST,GREATEST or INPUT=LEAST,GREATEST",
        ),
        (["validate", "net.keras", "net.onnx", "--labels", "y"], "--labels are of the samples in --data"),
        (
            ["validate", "recipe.toml", "--nan", "--time-limit", "9"],
            "--nan, --time-limit: these are for a MODEL; a recipe has keys for them",
        ),
        (["export", "net.keras"], "a MODEL is exported with -t TARGET… and -o DIR"),
        (
            ["export", "recipe.toml", "--opset", "17", "--batch", "1"],
            "--opset, --batch: these are for a MODEL; a recipe has keys for them",
        ),
        (["validate", "net.keras"], "name the exports to judge after the MODEL, or a RECIPE alone"),
        (["validate", "net.keras", "a.onnx", "--fresh"], "-o and --fresh are for a RECIPE"),
        (["package", "--verify", "b", "recipe.toml"], "--verify takes a bundle and nothing else"),
        (["run", "--targets", "onnx"], "No such option '--targets'"),
    ],
)
def test_a_wrong_call_is_status_2(project, arguments, said):
    ended = project.call(*arguments)
    assert ended.status == 2
    assert said in ended.err


def test_an_unknown_target_is_named_with_its_likeness(project):
    ended = project.call("export", "recipe.toml", "-t", "tflite:int9")
    assert ended.status == 2
    assert ended.err.startswith(
        "error: tflite:int9: no such export target\n  got:  'tflite:int9'\n  want: one of "
    )
    assert ended.err.endswith("did you mean tflite:int8 or tflite:int8_io or tflite:dynamic_int8?\n")


def test_an_unknown_runtime_is_named(project):
    ended = project.call("validate", "recipe.toml", "--runtime", "litert-cpuu")
    assert ended.status == 2
    assert ended.err.startswith("error: litert-cpuu: no such runtime\n")


def test_a_recipe_that_is_not_there(project):
    project.recipe.unlink()
    assert project.call("run").err.startswith("error: recipe.toml: no such recipe\n")


def test_export_of_a_recipe_converts_and_runs_nothing(project):
    ended = project.call("export", "recipe.toml", "-t", "onnx", "tflite:int8")
    assert ended.status == 0
    assert re.sub(r" +", " ", ended.out).splitlines() == [
        "exported tflite:int8 0.0 kB build/net/artifacts/tflite-int8/model.tflite",
        "exported onnx:float32 0.1 kB build/net/artifacts/onnx-float32/model.onnx",
    ]
    assert project.done() == sorted(
        ["train", "source", "freeze", "calibration", "tflite:float32", "tflite:int8", "onnx:float32"]
    )
    assert not (project.directory / "build/net/artifacts/tflite-float32").exists()


def test_export_of_a_model_leaves_the_targets_and_the_log(project):
    (project.directory / "net.keras").write_text("model")
    ended = project.call("export", "net.keras", "-t", "tflite", "onnx", "-o", "out", "--opset", "17")
    assert ended.status == 0
    assert sorted(project.files("out")) == [
        "edgeproof.log",
        "onnx-float32/model.onnx",
        "tflite-float32/model.tflite",
    ]
    assert b"17" in project.files("out")["onnx-float32/model.onnx"]
    assert project.leftovers() == []


def test_a_failed_export_is_status_3_and_prints_the_whole_error(project):
    project.trouble("onnx:float32=refuse")
    ended = project.call("export", "recipe.toml", "-t", "onnx")
    assert ended.status == 3
    assert "onnx:float32: refused\n  got:  an op\n  want: another\n  fix:  change the layer\n" in ended.out
    assert ended.out.endswith("log: build/net/edgeproof.log\n")


def test_validate_of_a_recipe_packages_nothing(project):
    assert project.call("validate", "recipe.toml").status == 0
    assert not (project.directory / "bundles").exists()


def test_package_ships_what_the_last_run_proved(project):
    project.call("validate", "recipe.toml")
    ended = project.call("package", "recipe.toml")
    assert ended.status == 0
    assert ended.out.splitlines() == [
        "packaged     tflite:float32",
        "packaged     tflite:int8",
        "packaged     onnx:float32",
        "bundle: bundles/net/1.0",
    ]
    verified = project.call("package", "--verify", "bundles/net/1.0")
    assert verified.out == "ok: bundles/net/1.0 holds the 7 files that were packaged, unchanged\n"
    (project.directory / "bundles/net/1.0/report.md").write_text("forged")
    verified = project.call("package", "--verify", "bundles/net/1.0")
    assert verified.status == 1
    assert "  got:  report.md has other bytes\n" in verified.err


@pytest.mark.parametrize("when", ["before-any-run", "after-a-change"])
def test_package_needs_a_run_of_this_very_recipe(project, when):
    if when == "after-a-change":
        project.call("run")
        project.recipe.write_text(project.recipe.read_text() + "# changed\n")
    ended = project.call("package", "recipe.toml")
    got = "no state.json" if when == "before-any-run" else "a run of the recipe before it was changed"
    assert ended.status == 2
    assert ended.err.splitlines()[:4] == [
        f"error: {project.directory}/build/net: no finished run of recipe.toml here",
        f"  got:  {got}",
        "  want: exports and verdicts of this recipe",
        f"  fix:  edgeproof run {project.recipe}",
    ]


def test_package_refuses_files_that_a_later_export_changed(project):
    project.call("validate", "recipe.toml")
    (project.directory / "build/net/artifacts/onnx-float32/model.onnx").write_text("another")
    ended = project.call("package", "recipe.toml")
    assert ended.status == 2
    assert "files are not the ones that were recorded" in ended.err
    assert not (project.directory / "bundles/net/1.0").exists()


def test_report_writes_both_files_again(project):
    project.call("run", "--json", "r.json")
    ended = project.call("report", "r.json", "-o", "elsewhere")
    assert ended.err == ""
    assert ended.out == "report: elsewhere/report.md\nreport: elsewhere/report.html\n"
    assert project.files("elsewhere")["report.md"] == project.files("build/net")["report.md"]
    assert project.call("report", "recipe.toml").status == 0


def test_report_of_nothing(project):
    ended = project.call("report", "absent.json")
    assert ended.status == 2
    assert ended.err == (
        "error: absent.json: no such result\n"
        "  got:  no file of this name\n"
        "  want: a result.json, as a run or --json writes it\n"
        "  fix:  edgeproof run RECIPE, or name the file\n"
    )


def test_validate_names_an_export_that_is_not_there(project):
    ended = project.call("validate", "net.keras", "absent.onnx")
    assert ended.status == 2
    assert ended.err.startswith(
        "error: absent.onnx: no such export\n  got:  no file or directory of this name\n"
    )


def test_validate_refuses_what_is_no_export_before_it_opens_the_model(project):
    ended = project.call("validate", "net.keras", "train.py")
    assert (ended.status, ended.err, project.done()) == (
        2,
        "error: train.py: not an export that can be read\n"
        "  got:  the suffix .py\n"
        "  want: .tflite, .onnx, or a TF.js directory or its model.json\n"
        "  fix:  name an exported file; edgeproof tells formats by their suffix\n",
        [],
    )


def well() -> Availability:
    return Availability("fine", "ok", "a device")


def absent() -> Availability:
    return Availability("absent", "unavailable", "", "install it")


def test_doctor_prints_each_answer_and_survives_a_crash(project, monkeypatch):
    monkeypatch.setattr(doctor, "select", lambda patterns: ())
    monkeypatch.setattr(doctor, "nvidia_smi", well)
    monkeypatch.setattr(doctor, "tensorflow_gpu", absent)
    monkeypatch.setattr(doctor, "vulkan", fake_calls.crash)
    ended = project.call("doctor", "--json", "-")
    assert ended.status == 0
    found = json.loads(ended.out)
    assert list(found) == ["runtimes", "devices"]
    assert found["devices"][0] == {"name": "fine", "status": "ok", "device": "a device", "hint": ""}
    assert found["devices"][1] == {
        "name": "absent",
        "status": "unavailable",
        "device": "",
        "hint": "install it",
    }
    assert (found["devices"][2]["name"], found["devices"][2]["status"]) == ("crash", "error")
    lines = ended.err.splitlines()
    assert lines[:2] == [
        "ok           fine                     a device",
        "unavailable  absent                   install it",
    ]
    log = Path(lines[-1].removeprefix("log: "))
    assert log.is_file()
    log.unlink()
    log.parent.rmdir()


class Terminal:
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("variables", "colourful"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)],
)
def test_colours_need_a_terminal_that_wants_them(monkeypatch, variables, colourful):
    from pipeline.console import wants_colour

    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert wants_colour(Terminal()) is colourful
    assert wants_colour(open("/dev/null")) is False  # noqa: SIM115, PTH123


def test_no_bars_without_a_terminal_or_in_ci(monkeypatch, capsys):
    from converters.progress import advance

    with progress():
        advance("train", 1, 2)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("CI", "true")
    with progress():
        advance("train", 1, 2)
    assert capsys.readouterr() == ("", "")


def test_json_goes_to_a_file_whole(tmp_path, capsys):
    Printer(str(tmp_path / "deep" / "r.json")).json("{}\n")
    assert (tmp_path / "deep" / "r.json").read_text() == "{}\n"
    assert capsys.readouterr() == ("", "")


def test_output_that_nobody_reads_is_no_success(monkeypatch):
    from pipeline import cli

    def gone(*arguments, **options):
        raise BrokenPipeError

    monkeypatch.setattr(cli.edgeproof, "main", gone)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with pytest.raises(SystemExit) as raised:
        cli.main(["doctor"])
    assert raised.value.code == 141
