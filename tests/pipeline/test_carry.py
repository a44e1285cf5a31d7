"""`edgeproof carry`, and judging what it filled in another place, with made-up steps."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

import pipeline

ROOT = Path(pipeline.__file__).parent.parent
EXPORTS = ("tflite:float32", "tflite:int8", "onnx:float32")


def carried(project) -> Path:
    """A directory that was filled, and moved since; nothing is left where it was."""
    assert project.call("carry", "recipe.toml", "-o", "carried").status == 0
    place = project.directory / "elsewhere"
    shutil.move(project.directory / "carried", place)
    shutil.rmtree(project.directory / "build", ignore_errors=True)
    return place


def test_a_directory_is_filled_with_all_that_judging_needs_and_no_more(project):
    ended = project.call("carry", "recipe.toml", "-o", "carried")
    assert ended.out.splitlines() == [
        "carried: 3 export(s), 4 samples",
        "next:    copy carried, and there: edgeproof validate carried --runtime gpu",
    ]
    place = project.directory / "carried"
    assert sorted(path.name for path in place.iterdir()) == ["carried", "edgeproof.log"]
    inside = sorted(path.name for path in (place / "carried").iterdir())
    assert inside == ["artifacts", "original", "record.json", "reference"]
    assert str(project.directory) not in (place / "carried/record.json").read_text()


def test_it_is_filled_again_where_it_was(project):
    place = carried(project)
    project.call("validate", "elsewhere", "--runtime", "litert-cpu")
    before = project.files("elsewhere/carried")
    assert project.call("carry", "recipe.toml", "-o", "elsewhere").status == 0
    assert project.files("elsewhere/carried").keys() == before.keys()
    assert sorted(path.name for path in place.iterdir()) == ["carried", "edgeproof.log", "result.json"]
    assert project.leftovers() == []


def test_what_was_carried_stays_when_an_export_can_not_be_made_again(project):
    carried(project)
    before = project.files("elsewhere/carried")
    project.trouble("onnx:float32=refuse")
    assert project.call("carry", "recipe.toml", "-o", "elsewhere").status == 3
    assert (project.files("elsewhere/carried"), project.leftovers()) == (before, [])


def test_it_is_judged_where_it_lies_now(project):
    place = carried(project)
    ended = project.call("validate", "elsewhere", "--runtime", "litert-cpu", "onnxruntime-cpu")
    assert [line.split()[:3] for line in ended.out.splitlines()[:3]] == [
        ["pass", target, "onnxruntime-cpu" if target.startswith("onnx") else "litert-cpu"]
        for target in EXPORTS
    ]
    assert ended.out.splitlines()[-1:] == [
        "result: elsewhere/result.json (edgeproof report writes it out, on any machine)"
    ]
    assert (ended.status, project.done()) == (0, ["litert-cpu", "litert-cpu", "onnxruntime-cpu"])
    result = json.loads((place / "result.json").read_text())
    assert (result["ok"], result["source"]["name"], result["samples"]) == (True, "net", 4)
    assert result["truth"] == "float64 twin"


def test_nothing_that_an_earlier_judgment_kept_is_believed(project):
    place = carried(project)
    kept = place / "carried/reference/answers/weights-0.json"
    kept.parent.mkdir()
    kept.write_text("[]")
    assert project.call("validate", "elsewhere", "--runtime", "litert-cpu").status == 0
    assert not kept.exists()


def test_options_about_the_model_are_refused(project):
    carried(project)
    ended = project.call("validate", "elsewhere", "--range", "0,1", "--localize")
    assert (ended.status, ended.err.splitlines()[-1]) == (
        2,
        "Error: --range, --localize: what was carried is judged as it is",
    )


def test_the_original_is_judged_by_the_runtimes_that_open_it(project):
    carried(project)
    ended = project.call("validate", "elsewhere", "--runtime", "keras-gpu", "onnxruntime-cpu")
    rows = [line.split()[:3] for line in ended.out.splitlines()]
    assert ["pass", "keras:float32", "keras-gpu"] in rows


def test_a_required_runtime_that_is_not_here_ends_with_4(project):
    carried(project)
    project.trouble("onnxruntime-cuda=unavailable")
    ended = project.call(
        "validate", "elsewhere", "--runtime", "onnxruntime-c*", "--require", "onnxruntime-cuda"
    )
    assert "required: onnxruntime-cuda is not here, or had nothing to run (edgeproof doctor)" in ended.out
    assert ended.status == 4


def test_an_export_that_can_not_be_made_leaves_nothing_to_judge(project):
    project.trouble("onnx:float32=refuse")
    ended = project.call("carry", "recipe.toml", "-o", "carried")
    assert ended.status == 3
    assert ended.err.startswith("error: onnx:float32: refused\n  got:  an op\n  want: another\n")
    assert [path.name for path in (project.directory / "carried").iterdir()] == ["edgeproof.log"]


def test_a_record_of_another_version_is_an_error_that_says_so(project):
    place = carried(project)
    (place / "carried/record.json").write_text('{"name": "net"}')
    ended = project.call("validate", "elsewhere")
    assert ended.err == (
        f"error: {Path('elsewhere/carried/record.json')}: can't be read\n"
        "  got:  Object missing required field `source`\n"
        "  want: what this version of edgeproof wrote\n"
        "  fix:  edgeproof carry RECIPE -o DIR, with the same version\n"
    )
    assert ended.status == 2


def test_without_a_place_it_is_bad_usage(project):
    ended = project.call("carry", "recipe.toml")
    assert (ended.status, ended.err.splitlines()[-1]) == (2, "Error: name the directory with -o DIR")


@pytest.mark.skipif(any(Path("/dev").glob("nvidia[0-9]*")), reason="there is an NVIDIA GPU")
def test_the_script_says_that_there_is_no_gpu_before_it_installs_anything(tmp_path):
    script = [str(ROOT / "scripts/validate_on_gpu.sh"), str(tmp_path)]
    done = subprocess.run(
        script, capture_output=True, text=True, check=False, env={**os.environ, "HOME": str(tmp_path)}
    )
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr == (
        "There is no NVIDIA GPU here\n"
        "  got:  neither /dev/nvidia* nor /dev/dxg\n"
        "  want: a GPU with its driver\n"
        "  fix:  run this where nvidia-smi lists one; in a container, start it with --gpus all\n"
    )
    assert list(tmp_path.iterdir()) == []
