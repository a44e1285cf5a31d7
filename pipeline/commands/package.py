"""`edgeproof package RECIPE` and `edgeproof package --verify BUNDLE`."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline import options
from pipeline.console import Printer, shown
from pipeline.places import BUILD


@click.command("package")
@click.argument("recipe", type=click.Path(path_type=Path), required=False)
@click.option("--verify", "bundle", type=click.Path(path_type=Path), metavar="BUNDLE", help="Check a bundle.")
@options.output_option
@click.option("--bundles", type=click.Path(path_type=Path), metavar="DIR", help="Where bundles go.")
def command(recipe: Path | None, bundle: Path | None, output: Path | None, bundles: Path | None) -> int:
    """Bundle what the last run of RECIPE has proven, or say whether a BUNDLE is unchanged.

    -o is the work directory of that run, build/NAME when left out.
    """
    printer = Printer()
    if bundle is not None:
        if recipe is not None or output is not None or bundles is not None:
            raise click.UsageError("--verify takes a bundle and nothing else")
        from pipeline.verify import verify

        count = verify(bundle)
        printer.say(f"ok: {bundle} holds the {count} files that were packaged, unchanged")
        return 0
    from pipeline.commands.recipes import bundles_of, load_job
    from pipeline.places import held
    from pipeline.runner import package_recipe

    loaded, job = load_job(recipe or Path())
    with held(output or BUILD / job.name, f"edgeproof package {loaded.path}") as place:
        made = package_recipe(loaded, place.directory, bundles or bundles_of(loaded))
    for artifact in made.packed:
        printer.say(f"packaged     {artifact.target}")
    for target, reason in made.left_out.items():
        printer.say(f"left out     {target}: {reason}")
    printer.say(f"bundle: {shown(made.directory)}")
    return 0
