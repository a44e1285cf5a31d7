"""`--browser-path`."""

from __future__ import annotations

import os
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from pipeline import options
from validation.runtimes.browser.find import VARIABLE


@click.command()
@options.browser_option
def command() -> None:
    click.echo(os.environ.get(VARIABLE))


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "")


def test_paths_reach_the_workers_through_the_environment(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).touch()
    arguments = ["--browser-path", f"{tmp_path}/a", "--browser-path", f"{tmp_path}/b"]
    assert CliRunner().invoke(command, arguments).output == f"{tmp_path}/a{os.pathsep}{tmp_path}/b\n"


def test_a_path_that_does_not_exist_is_bad_usage() -> None:
    result = CliRunner().invoke(command, ["--browser-path", "/no/such/browser"])
    assert result.exit_code == 2
    assert "Error: Invalid value for '--browser-path': /no/such/browser does not exist" in result.output
