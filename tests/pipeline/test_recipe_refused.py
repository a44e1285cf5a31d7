"""A recipe is read strictly, and what is wrong with it is said with its line."""

from __future__ import annotations

import pytest

from converters.errors import EdgeproofError, ExitStatus
from pipeline.recipe_file import read_recipe
from tests.pipeline.makers import LEAST_RECIPE

WRONG = {
    "misspelt-key": (
        LEAST_RECIPE + "[export]\ntarget = ['onnx']\n",
        "{file}, line 5: no such key 'target' in [export]\n"
        "  got:  'target'\n"
        "  want: one of targets, opset, batch, time_limit_s, memory_limit_mb\n"
        "  fix:  did you mean targets?",
    ),
    "misspelt-section": (
        LEAST_RECIPE + "[exports]\n",
        "{file}, line 4: no such section [exports]\n"
        "  got:  'exports'\n"
        "  want: one of model, train, data, calibration, domain, export, validate, package\n"
        "  fix:  did you mean export?",
    ),
    "key-before-any-section": (
        "opset = 17\n" + LEAST_RECIPE,
        "{file}, line 1: no such section [opset]\n"
        "  got:  'opset'\n"
        "  want: one of model, train, data, calibration, domain, export, validate, package\n"
        "  fix:  see docs/recipe.md",
    ),
    "section-as-a-value": (
        "export = 3\n" + LEAST_RECIPE,
        "{file}, line 1: export is a section, not a value\n"
        "  got:  export = 3\n"
        "  want: [export] with keys below it\n"
        "  fix:  see docs/recipe.md",
    ),
    "half-a-limit": (
        LEAST_RECIPE + "[validate.limits.logits]\natol = 0.1\n",
        "{file}, line 4: limit of logits: half of a pair\n"
        "  got:  atol alone\n"
        "  want: rtol and atol together: |actual - expected| <= atol + rtol |expected|\n"
        "  fix:  add rtol; 0 if there is to be none",
    ),
    "limit-of-no-measure": (
        LEAST_RECIPE + "[validate]\n\n[validate.limits.'a/b']\nsqnr = 20\n",
        "{file}, line 7: no such key 'sqnr' in [validate.limits.a/b]\n"
        "  got:  'sqnr'\n"
        "  want: one of rtol, atol, sqnr_db, agreement, accuracy\n"
        "  fix:  did you mean sqnr_db?",
    ),
    "limit-in-words": (
        LEAST_RECIPE + "[validate.limits.logits]\n\nsqnr_db = 'high'\n",
        "{file}, line 6: sqnr_db in [validate.limits.logits] has the wrong type\n"
        "  got:  'high'\n"
        "  want: a number\n"
        "  fix:  see docs/recipe.md",
    ),
    "limit-without-output": (
        LEAST_RECIPE + "[validate.limits]\nsqnr_db = 20\n",
        "{file}, line 5: limits are given by output\n"
        "  got:  sqnr_db = 20\n"
        "  want: [validate.limits.OUTPUT] with rtol and atol, sqnr_db, agreement or accuracy\n"
        "  fix:  see docs/recipe.md",
    ),
    "limit-out-of-range": (
        LEAST_RECIPE + "[validate.limits.logits]\nagreement = 99\n",
        "{file}, line 4: limit of logits: agreement is out of range\n"
        "  got:  99.0\n"
        "  want: 0 to 1\n"
        "  fix:  correct agreement",
    ),
    "labels-without-data": (
        LEAST_RECIPE + "[data]\nlabels = 'y'\n",
        "{file}, line 5: labels don't go with the data\n"
        "  got:  labels = 'y', and none as data\n"
        "  want: true with a callable that yields (inputs, labels); else a key of the npz, or a .npy file\n"
        "  fix:  correct labels, or name the data that they belong to",
    ),
    "labels-of-an-npz-by-true": (
        LEAST_RECIPE + "[data]\nnpz = 'data.npz'\nlabels = true\n",
        "{file}, line 6: labels don't go with the data\n"
        "  got:  labels = true, and npz as data\n"
        "  want: true with a callable that yields (inputs, labels); else a key of the npz, or a .npy file\n"
        "  fix:  correct labels, or name the data that they belong to",
    ),
    "wrong-type": (
        LEAST_RECIPE + "[export]\n# a comment\nopset = '17'\n",
        "{file}, line 6: opset in [export] has the wrong type\n"
        "  got:  '17'\n"
        "  want: int\n"
        "  fix:  see docs/recipe.md",
    ),
    "wrong-type-in-a-list": (
        LEAST_RECIPE + "[export]\ntargets = ['onnx', 3]\n",
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
        LEAST_RECIPE + "[train]\ncallable = 'a:b'\n",
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
        LEAST_RECIPE + "[data]\nnpz = 'a.npz'\nimages = 'b'\n",
        "{file}, line 6: [data] names more than one source\n"
        "  got:  npz and images\n"
        "  want: at most one of npz, npy, images, callable\n"
        "  fix:  keep one of them",
    ),
    "nothing-to-try": (
        LEAST_RECIPE + "[data]\nsamples = 0\n",
        "{file}, line 5: samples in [data] is out of range\n"
        "  got:  0\n"
        "  want: a number above 0\n"
        "  fix:  correct it, or leave the key out",
    ),
    "a-negative-number": (
        LEAST_RECIPE + "[domain]\nmargin = -0.1\n",
        "{file}, line 5: margin in [domain] is out of range\n"
        "  got:  -0.1\n"
        "  want: a finite number, 0 or more\n"
        "  fix:  correct it, or leave the key out",
    ),
    "a-limit-that-is-no-number": (
        LEAST_RECIPE + "[export]\ntime_limit_s = nan\n",
        "{file}, line 5: time_limit_s in [export] is out of range\n"
        "  got:  nan\n"
        "  want: a number above 0\n"
        "  fix:  correct it, or leave the key out",
    ),
    "nothing-to-export": (
        LEAST_RECIPE + "[export]\ntargets = []\n",
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
        read_recipe(recipe(LEAST_RECIPE + "[export]\ntargets = ['tflite:int9']\n"))
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
