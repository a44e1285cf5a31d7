"""`edgeproof report RECIPE|RESULT.json`: the report, from the JSON and nothing else."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline import options
from pipeline.console import Printer, shown
from pipeline.places import BUILD


@click.command("report")
@click.argument("result", type=click.Path(path_type=Path), metavar="RECIPE|RESULT.json", default=Path())
@options.output_option
def command(result: Path, output: Path | None) -> int:
    """Write report.md and report.html of a result again.

    RESULT.json is what --json wrote; of a RECIPE, the last result is taken. The report goes beside the
    result, or to the directory of -o.
    """
    from pipeline.commands.recipes import is_recipe, load_job
    from pipeline.state import RESULT_NAME
    from validation.report import render

    if is_recipe(result):
        _, job = load_job(result)
        result = BUILD / job.name / RESULT_NAME
    _check_exists(result)
    written = render(result, output or result.parent)
    for path in written:
        Printer().say(f"report: {shown(path)}")
    return 0


def _check_exists(result: Path) -> None:
    from converters.errors import EdgeproofError

    if not result.is_file():
        raise EdgeproofError(
            f"{result}: no such result",
            got="no file of this name",
            want="a result.json, as a run or --json writes it",
            fix="edgeproof run RECIPE, or name the file",
        )
