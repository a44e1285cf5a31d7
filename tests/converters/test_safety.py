"""Model files that bring code along."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import pytest
import tf_keras

from converters.source import LoadOptions
from converters.sources import describe_source
from converters.sources.config_safety import scan_config
from tests.converters.unsafe_files import (
    TRUST,
    refused,
    unsafe,
    with_config,
)


@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_lambda_bytecode_of_keras_3_is_refused_unless_trusted(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"model.{suffix}"
    twice = keras.layers.Lambda(lambda x: x * 2, name="twice")
    keras.Sequential([keras.Input((3,)), twice]).save(path)
    assert refused(path) == unsafe(path, "Python bytecode in layer 'twice' (Lambda)")
    assert describe_source(path, LoadOptions(trust=True)).signature.output_names == ("twice",)


def test_lambda_bytecode_of_keras_2_is_refused_unless_trusted(tmp_path: Path) -> None:
    path = tmp_path / "model.h5"
    twice = tf_keras.layers.Lambda(lambda x: x * 2, name="twice", input_shape=(3,))
    tf_keras.Sequential([twice]).save(path)
    with h5py.File(path, "r+") as file:
        saved = json.loads(file.attrs["model_config"])["config"]["layers"][1]["config"]
        assert isinstance(saved["function"], list)
        assert saved["function_type"] == "lambda"
    assert refused(path) == unsafe(path, "Python bytecode in layer 'twice' (Lambda)")
    assert describe_source(path, LoadOptions(trust=True)).signature.output_names == ("twice",)


def test_lambda_that_names_a_function_of_a_loaded_module_is_refused_even_if_trusted(tmp_path: Path) -> None:
    """tf-keras would look up `system` in the module `os`, since that is loaded."""
    path = tmp_path / "model.h5"
    tf_keras.Sequential([tf_keras.layers.Dense(2, input_shape=(3,), name="y")]).save(path)
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        evil = {"name": "y", "function": "system", "function_type": "function", "module": "os"}
        config["config"]["layers"][1] = {"class_name": "Lambda", "config": evil}
        file.attrs["model_config"] = json.dumps(config)
    assert refused(path, trust=True) == (
        f"{path}: the model needs code that was not named\n"
        "  got:  custom object 'system' (saved from module os) in layer 'y' (Lambda)\n"
        "  want: every custom object named: nothing is imported because a model file says so\n"
        "  fix:  --custom-objects module:system, with your own module's name"
    )


@pytest.mark.parametrize(
    ("edit", "found", "fix"),
    [
        (
            lambda layer: layer["config"].update(
                activation={"class_name": "function", "config": "get_file"}
                | {"module": "keras.utils", "registered_name": "get_file"}
            ),
            "keras.utils.get_file, which is no part of a model in layer 'y' (Dense)",
            TRUST,
        ),
        (
            lambda layer: (
                layer.update(class_name="TextVectorization", module="keras.layers")
                or layer["config"].update(vocabulary="/etc/passwd")
            ),
            "a vocabulary read from the file '/etc/passwd' in layer 'y' (TextVectorization)",
            TRUST,
        ),
    ],
    ids=["downloads", "reads-a-vocabulary"],
)
def test_configuration_that_acts_is_refused(
    good: Path, tmp_path: Path, edit: Callable[[dict[str, Any]], object], found: str, fix: str
) -> None:
    path = with_config(good, tmp_path / "evil.keras", edit)
    assert refused(path) == unsafe(path, found, fix=fix)


@pytest.mark.parametrize(
    ("reference", "module"),
    [
        ({"class_name": "Popen", "module": "subprocess", "registered_name": None}, "subprocess"),
        (
            {"class_name": "function", "config": "eval", "module": "builtins", "registered_name": "eval"},
            "builtins",
        ),
        ({"class_name": "Swish", "module": "layers", "registered_name": "mine>Swish"}, "layers"),
    ],
    ids=["any-module", "a-builtin", "a-registered-class"],
)
@pytest.mark.parametrize("trust", [False, True])
def test_module_that_a_file_names_is_never_imported(
    good: Path, tmp_path: Path, reference: dict[str, Any], module: str, trust: bool
) -> None:
    path = with_config(
        good,
        tmp_path / "m.keras",
        lambda layer: layer["config"].update(activation={"config": {}} | reference),
    )
    name = reference["config"] if reference["class_name"] == "function" else reference["class_name"]
    assert refused(path, trust) == (
        f"{path}: the model needs code that was not named\n"
        f"  got:  custom object '{name}' (saved from module {module}) in layer 'y' (Dense)\n"
        "  want: every custom object named: nothing is imported because a model file says so\n"
        f"  fix:  --custom-objects module:{name}, with your own module's name"
    )


@pytest.mark.parametrize(
    ("node", "found"),
    [
        (
            {"class_name": "Lambda", "config": {"name": "l", "function": ["code", None, None]}},
            ["Python bytecode in layer 'l' (Lambda)"],
        ),
        (
            {
                "class_name": "Lambda",
                "config": {"name": "l", "output_shape_type": "lambda", "output_shape": "code"},
            },
            ["Python bytecode in layer 'l' (Lambda)"],
        ),
        (
            {"class_name": "Sequence", "module": "keras.utils", "config": {"name": "s"}},
            ["keras.utils.Sequence, which is no part of a model in layer 's' (Sequence)"],
        ),
        ({"class_name": "FeatureSpace", "module": "keras.utils", "config": {"name": "f"}}, []),
        (
            {
                "class_name": "Dense",
                "module": "keras.layers",
                "registered_name": None,
                "config": {"name": "d"},
            },
            [],
        ),
        ({"class_name": "function", "module": "builtins", "config": "relu", "registered_name": "relu"}, []),
        ({"class_name": "Own", "module": "mine", "registered_name": "p>Own", "config": {"name": "o"}}, []),
    ],
    ids=[
        "list",
        "output-shape",
        "class-that-acts",
        "feature-space",
        "layer",
        "activation",
        "named-by-the-user",
    ],
)
def test_configuration_is_read_for_code(node: dict[str, Any], found: list[str]) -> None:
    assert [str(finding) for finding in scan_config({"layers": [node]}, {"p>Own"})] == found
