"""A recipe is read strictly, and what is wrong with it is said with its line."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

import pipeline
from converters.errors import EdgeproofError, ExitStatus
from converters.target import ExportTarget
from pipeline.job import job_of
from pipeline.recipe_file import read_recipe, sections
from pipeline.recipe_text import line_of
from validation.domain import Domain
from validation.labels import LabelSpec
from validation.limit import Limit

DOCS = Path(pipeline.__file__).parent.parent / "docs" / "recipe.md"

LEAST = '[model]\nname = "net"\npath = "net.keras"\n'


@pytest.fixture
def recipe(tmp_path: Path):
    def write(text: str) -> Path:
        path = tmp_path / "recipe.toml"
        path.write_text(text)
        return path

    return write


def test_the_least_recipe_has_the_documented_defaults(recipe, tmp_path):
    job = job_of(read_recipe(recipe(LEAST)))
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
    recipe(LEAST)
    assert read_recipe(tmp_path).path == tmp_path / "recipe.toml"


WRONG = {
    "misspelt-key": (
        LEAST + "[export]\ntarget = ['onnx']\n",
        "{file}, line 5: no such key 'target' in [export]\n"
        "  got:  'target'\n"
        "  want: one of targets, opset, batch, time_limit_s, memory_limit_mb\n"
        "  fix:  did you mean targets?",
    ),
    "misspelt-section": (
        LEAST + "[exports]\n",
        "{file}, line 4: no such section [exports]\n"
        "  got:  'exports'\n"
        "  want: one of model, train, data, calibration, domain, export, validate, package\n"
        "  fix:  did you mean export?",
    ),
    "key-before-any-section": (
        "opset = 17\n" + LEAST,
        "{file}, line 1: no such section [opset]\n"
        "  got:  'opset'\n"
        "  want: one of model, train, data, calibration, domain, export, validate, package\n"
        "  fix:  see docs/recipe.md",
    ),
    "section-as-a-value": (
        "export = 3\n" + LEAST,
        "{file}, line 1: export is a section, not a value\n"
        "  got:  export = 3\n"
        "  want: [export] with keys below it\n"
        "  fix:  see docs/recipe.md",
    ),
    "half-a-limit": (
        LEAST + "[validate.limits.logits]\natol = 0.1\n",
        "{file}, line 4: limit of logits: half of a pair\n"
        "  got:  atol alone\n"
        "  want: rtol and atol together: |actual - expected| <= atol + rtol |expected|\n"
        "  fix:  add rtol; 0 if there is to be none",
    ),
    "limit-of-no-measure": (
        LEAST + "[validate]\n\n[validate.limits.'a/b']\nsqnr = 20\n",
        "{file}, line 7: no such key 'sqnr' in [validate.limits.a/b]\n"
        "  got:  'sqnr'\n"
        "  want: one of rtol, atol, sqnr_db, agreement, accuracy\n"
        "  fix:  did you mean sqnr_db?",
    ),
    "limit-in-words": (
        LEAST + "[validate.limits.logits]\n\nsqnr_db = 'high'\n",
        "{file}, line 6: sqnr_db in [validate.limits.logits] has the wrong type\n"
        "  got:  'high'\n"
        "  want: a number\n"
        "  fix:  see docs/recipe.md",
    ),
    "limit-without-output": (
        LEAST + "[validate.limits]\nsqnr_db = 20\n",
        "{file}, line 5: limits are given by output\n"
        "  got:  sqnr_db = 20\n"
        "  want: [validate.limits.OUTPUT] with rtol and atol, sqnr_db, agreement or accuracy\n"
        "  fix:  see docs/recipe.md",
    ),
    "limit-out-of-range": (
        LEAST + "[validate.limits.logits]\nagreement = 99\n",
        "{file}, line 4: limit of logits: agreement is out of range\n"
        "  got:  99.0\n"
        "  want: 0 to 1\n"
        "  fix:  correct agreement",
    ),
    "labels-without-data": (
        LEAST + "[data]\nlabels = 'y'\n",
        "{file}, line 5: labels don't go with the data\n"
        "  got:  labels = 'y', and none as data\n"
        "  want: true with a callable that yields (inputs, labels); else a key of the npz, or a .npy file\n"
        "  fix:  correct labels, or name the data that they belong to",
    ),
    "labels-of-an-npz-by-true": (
        LEAST + "[data]\nnpz = 'data.npz'\nlabels = true\n",
        "{file}, line 6: labels don't go with the data\n"
        "  got:  labels = true, and npz as data\n"
        "  want: true with a callable that yields (inputs, labels); else a key of the npz, or a .npy file\n"
        "  fix:  correct labels, or name the data that they belong to",
    ),
    "wrong-type": (
        LEAST + "[export]\n# a comment\nopset = '17'\n",
        "{file}, line 6: opset in [export] has the wrong type\n"
        "  got:  '17'\n"
        "  want: int\n"
        "  fix:  see docs/recipe.md",
    ),
    "wrong-type-in-a-list": (
        LEAST + "[export]\ntargets = ['onnx', 3]\n",
        "{file}, line 5: targets in [export] has the wrong type\n"
        "  got:  ['onnx', 3]\n"
        "  want: str\n"
        "  fix:  see docs/recipe.md",
    ),
    "missing-key": (
        "[model]\npath = 'net.keras'\n",
        "{file}, line 1: the recipe is incomplete\n"
        "  got:  Object missing required field `name`\n"
        "  want: the keys that docs/recipe.md calls required\n"
        "  fix:  add what is missing",
    ),
    "missing-section": (
        "[export]\n",
        "{file}: the recipe is incomplete\n"
        "  got:  Object missing required field `model`\n"
        "  want: the keys that docs/recipe.md calls required\n"
        "  fix:  add what is missing",
    ),
    "not-toml": (
        "[model\n",
        "{file}: not a TOML file\n"
        "  got:  Expected ']' at the end of a table declaration (at line 1, column 7)\n"
        "  want: a recipe as in docs/recipe.md\n"
        "  fix:  correct that line",
    ),
    "no-model": (
        "[model]\nname = 'net'\n",
        "{file}, line 1: it must be clear where the model comes from\n"
        "  got:  neither model.path nor [train]\n"
        "  want: exactly one of the two\n"
        '  fix:  add path = "…" to [model], or a [train] section',
    ),
    "two-models": (
        LEAST + "[train]\ncallable = 'a:b'\n",
        "{file}, line 1: it must be clear where the model comes from\n"
        "  got:  both model.path and [train]\n"
        "  want: exactly one of the two\n"
        "  fix:  remove one",
    ),
    "name-with-a-slash": (
        "[model]\nname = '../net'\npath = 'net.keras'\n",
        "{file}, line 2: name cannot be a directory name\n"
        "  got:  '../net'\n"
        "  want: letters, digits and . _ + -, beginning with a letter or digit\n"
        "  fix:  choose another name",
    ),
    "two-sources-of-data": (
        LEAST + "[data]\nnpz = 'a.npz'\nimages = 'b'\n",
        "{file}, line 6: [data] names more than one source\n"
        "  got:  npz and images\n"
        "  want: at most one of npz, npy, images, callable\n"
        "  fix:  keep one of them",
    ),
    "nothing-to-try": (
        LEAST + "[data]\nsamples = 0\n",
        "{file}, line 5: samples in [data] is out of range\n"
        "  got:  0\n"
        "  want: a number above 0\n"
        "  fix:  correct it, or leave the key out",
    ),
    "a-negative-number": (
        LEAST + "[domain]\nmargin = -0.1\n",
        "{file}, line 5: margin in [domain] is out of range\n"
        "  got:  -0.1\n"
        "  want: a finite number, 0 or more\n"
        "  fix:  correct it, or leave the key out",
    ),
    "a-limit-that-is-no-number": (
        LEAST + "[export]\ntime_limit_s = nan\n",
        "{file}, line 5: time_limit_s in [export] is out of range\n"
        "  got:  nan\n"
        "  want: a number above 0\n"
        "  fix:  correct it, or leave the key out",
    ),
    "nothing-to-export": (
        LEAST + "[export]\ntargets = []\n",
        "{file}, line 5: targets in [export] names none\n"
        "  got:  []\n"
        "  want: at least one of the targets\n"
        "  fix:  name some, or leave the key out",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said_with_its_line(recipe, case):
    text, message = WRONG[case]
    path = recipe(text)
    with pytest.raises(EdgeproofError) as raised:
        read_recipe(path)
    assert str(raised.value) == message.format(file=path)
    assert raised.value.status is ExitStatus.USAGE


def test_an_unknown_target_is_an_error_of_the_recipe(recipe):
    with pytest.raises(EdgeproofError) as raised:
        read_recipe(recipe(LEAST + "[export]\ntargets = ['tflite:int9']\n"))
    assert raised.value.what == "tflite:int9: no such export target"


def test_a_recipe_that_is_not_there(tmp_path):
    with pytest.raises(EdgeproofError) as raised:
        read_recipe(tmp_path / "absent.toml")
    assert str(raised.value) == (
        f"{tmp_path}/absent.toml: no such recipe\n"
        "  got:  no file of this name\n"
        "  want: a TOML file as in docs/recipe.md\n"
        f"  fix:  name the recipe, or write one to {tmp_path}/absent.toml"
    )


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
    job = job_of(read_recipe(recipe(LEAST + BUDGET)))
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
