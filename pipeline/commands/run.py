"""`edgeproof run [RECIPE]`: everything from the source to the bundle."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline import options
from pipeline.console import Printer, progress, shown
from pipeline.places import BUILD


@click.command("run", cls=options.SpreadCommand)
@click.argument("recipe", type=click.Path(path_type=Path), default=Path())
@options.target_option("Only these targets of the recipe's model.")
@options.runtime_option
@options.require_option
@options.output_option
@click.option("--bundles", type=click.Path(path_type=Path), metavar="DIR", help="Where bundles go.")
@options.browser_option
@options.python_option
@options.json_option
@options.fresh_option
def command(
    *,
    recipe: Path,
    targets: tuple[str, ...],
    runtimes: tuple[str, ...],
    require: tuple[str, ...],
    output: Path | None,
    bundles: Path | None,
    json_to: str | None,
    fresh: bool,
) -> int:
    """Train or load, export, validate and package what RECIPE describes.

    RECIPE is a TOML file, or a directory with a recipe.toml; the current directory when left out.
    Work goes to build/NAME, or the directory of -o; the bundle to bundles/NAME/VERSION.
    """
    from pipeline.commands.recipes import bundles_of, load_job, report_done
    from pipeline.places import held
    from pipeline.runner import run_recipe

    loaded, job = load_job(recipe, targets, runtimes, require)
    printer = Printer(json_to)
    with held(output or BUILD / job.name, f"edgeproof run {recipe}") as place:
        with progress():
            done = run_recipe(loaded, job, place, bundles or bundles_of(loaded), fresh)
        status = report_done(printer, done, job, place)
        if done.bundle is None:
            printer.say("bundle: none, since nothing may ship")
        else:
            printer.say(f"bundle: {shown(done.bundle.directory)} ({len(done.bundle.packed)} export(s))")
    return status
