"""`--browser-path` and `--runtime-python`."""

from __future__ import annotations

import os
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from pipeline import options
from validation.runtimes.browser import find
from validation.runtimes.environments import VARIABLE

VARIABLES = {"--browser-path": find.VARIABLE, "--runtime-python": VARIABLE}


@click.command()
@options.browser_option
@options.python_option
def command() -> None:
    for variable in VARIABLES.values():
        click.echo(f"{variable}={os.environ[variable]}")


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in VARIABLES.values():
        monkeypatch.setenv(variable, "")


@pytest.mark.parametrize("option", VARIABLES)
def test_paths_reach_the_workers_through_the_environment(option: str, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).touch()
    output = CliRunner().invoke(command, [option, f"{tmp_path}/a", option, f"{tmp_path}/b"]).output
    given = {VARIABLES[option]: f"{tmp_path}/a{os.pathsep}{tmp_path}/b"}
    assert output.splitlines() == [f"{name}={given.get(name, '')}" for name in VARIABLES.values()]


@pytest.mark.parametrize("option", VARIABLES)
def test_a_path_that_does_not_exist_is_bad_usage(option: str) -> None:
    result = CliRunner().invoke(command, [option, "/no/such/program"])
    assert result.exit_code == 2
    assert f"Error: Invalid value for '{option}': /no/such/program does not exist" in result.output
