"""What a recipe says reaches the job, and docs/recipe.md says all that a recipe may."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pipeline
from converters.target import ExportTarget
from pipeline.job import job_of
from pipeline.recipe_file import read_recipe, sections
from pipeline.recipe_text import line_of
from tests.pipeline.makers import LEAST_RECIPE
from validation.domain import Domain
from validation.labels import LabelSpec
from validation.limit import Limit

DOCS = Path(pipeline.__file__).parent.parent / "docs" / "recipe.md"


def test_the_least_recipe_has_the_documented_defaults(recipe, tmp_path):
    job = job_of(read_recipe(recipe(LEAST_RECIPE)))
    assert job.name == "net"
    assert job.model == tmp_path / "net.keras"
    assert [str(target) for target in job.targets] == ["tflite:float32", "tfjs:float32", "onnx:float32"]
    assert job.load.code_directories == (tmp_path,)
    assert job.runtimes == ("cpu",)


def test_everything_that_a_recipe_says_reaches_the_job(recipe, tmp_path):
    text = """
        [model]
        name = "net"
        version = "1.2"
        custom_objects = ["parts:Scale"]
        trust = true
        [train]
        callable = "train:build"
        epochs = 3
        optimizer = "sgd"
        [data]
        npz = "x.npz"
        samples = 5
        range = [0, 255]
        [calibration]
        npy = "/data/more"
        [export]
        targets = ["tflite:int8", "onnx"]
        opset = 17
        time_limit_s = 60
        memory_limit_mb = 4000
        [validate]
        runtimes = ["cpu"]
        require = ["litert-cpu"]
        time_limit_s = 7.5
        [package]
        directory = "out"
        allow_failing = ["tflite:int8"]
    """
    loaded = read_recipe(recipe(text))
    job = job_of(loaded)
    assert job.model is None
    assert job.training is not None
    assert (job.training.callable, job.training.epochs, job.training.optimizer) == ("train:build", 3, "sgd")
    assert (job.data.npz, job.data.samples, job.data.value_range) == (tmp_path / "x.npz", 5, (0.0, 255.0))
    assert job.calibration is not None
    assert job.calibration.npy == Path("/data/more")
    assert job.targets == (ExportTarget("tflite", "int8"), ExportTarget("onnx", "float32"))
    assert (job.opset, job.conversion.time_s, job.conversion.memory_limit_mb) == (17, 60.0, 4000)
    assert (job.runtimes, job.require, job.judging.time_s) == (("cpu",), ("litert-cpu",), 7.5)
    assert job.allow_failing == (ExportTarget("tflite", "int8"),)
    assert loaded.resolve(loaded.recipe.package.directory) == tmp_path / "out"


def test_a_directory_stands_for_its_recipe(recipe, tmp_path):
    recipe(LEAST_RECIPE)
    assert read_recipe(tmp_path).path == tmp_path / "recipe.toml"


def test_a_line_is_found_in_any_spelling_of_toml():
    assert line_of("a = 1\n[ export ]\n'opset' = 3\n", "export", "opset") == 3
    assert line_of("export.opset = 3\n", "export", "opset") == 1
    assert line_of("export = { opset = 3 }\n", "export") == 1
    assert line_of("[data]\nbatch = 1\n[export]\nbatch = 2\n", "export", "batch") == 4
    assert line_of("[data]\n", "export", "batch") is None


def test_every_key_is_documented_and_every_documented_key_exists():
    """The tables of docs/recipe.md against the structs, section by section; calibration has keys of data."""
    documented: dict[str, list[str]] = {}
    for section, body in re.findall(r"^## `\[(\w+)\]`\n(.*?)(?=^## |\Z)", DOCS.read_text(), re.M | re.S):
        documented[section] = re.findall(r"^\| `(\w+)` \|", body, re.M)
    documented["calibration"] = documented["data"][:-3]
    assert documented == {name: list(kind.__struct_fields__) for name, kind in sections().items()}


def test_limits_labels_and_domain_reach_the_job(recipe, tmp_path):
    job = job_of(read_recipe(recipe(LEAST_RECIPE + BUDGET)))
    assert job.limits == {"logits": Limit(sqnr_db=25), "box": Limit(rtol=1e-3, atol=0)}
    assert job.data.labels == LabelSpec({"logits": "y", "box": str(tmp_path / "box.npy")})
    assert (job.data.directed, job.data.searched) == (False, 0)
    assert job.data.domain == Domain(ranges={"image": (0, 1)}, range=(-1, 1), nan=True, margin=0.5)
    assert job.calibration is not None
    assert job.calibration.domain == job.data.domain
    assert job.judging.memory_mb == 900


BUDGET = """
[data]
npz = "data.npz"
labels = { logits = "y", box = "box.npy" }
directed = false
searched = 0
[calibration]
npz = "other.npz"
[domain]
range = [-1, 1]
ranges = { image = [0, 1] }
nan = true
margin = 0.5
[validate]
memory_limit_mb = 900
[validate.limits]
logits = { sqnr_db = 25 }
box = { rtol = 1e-3, atol = 0 }
"""


def test_documented_defaults_are_the_real_ones():
    for section, body in re.findall(r"^## `\[(\w+)\]`\n(.*?)(?=^## |\Z)", DOCS.read_text(), re.M | re.S):
        kind = sections()[section]
        values = dict(zip(kind.__struct_fields__[::-1], kind.__struct_defaults__[::-1], strict=False))
        for key, default in re.findall(r"^\| `(\w+)` \| [^|]+ \| `([^`]+)` \|", body, re.M):
            real = list(values[key]) if isinstance(values[key], tuple) else values[key]
            assert tomllib.loads(f"x = {default}")["x"] == real


def test_the_recipe_of_the_documentation_can_be_read(recipe):
    text = re.findall(r"```toml\n(.*?)```", DOCS.read_text(), re.S)[0]
    assert read_recipe(recipe(text)).recipe.model.name == "classifier"
