"""`edgeproof carry RECIPE`, and judging what was carried."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline import options
from pipeline.console import Printer, progress, shown


@click.command("carry", cls=options.SpreadCommand)
@click.argument("recipe", type=click.Path(path_type=Path), metavar="RECIPE")
@options.target_option("Only these targets of the recipe's model.")
@options.output_option
def command(*, recipe: Path, targets: tuple[str, ...], output: Path | None) -> int:
    """Put a recipe's exports, its original and the original's answers into one directory.

    Copy it to another machine, such as one with a GPU, and judge it there: edgeproof validate DIR.
    TensorFlow is not needed for that.
    """
    from pipeline.carry import carry
    from pipeline.commands.recipes import load_job
    from pipeline.places import held

    if output is None:
        raise click.UsageError("name the directory with -o DIR")
    _, job = load_job(recipe, targets)
    with held(output, f"edgeproof carry {recipe}") as place, progress():
        carried = carry(job, place)
    printer = Printer()
    printer.say(f"carried: {len(carried.artifacts)} export(s), {carried.reference.samples} samples")
    printer.say(f"next:    copy {shown(output)}, and there: edgeproof validate {output.name} --runtime gpu")
    return 0


def validate_carried(
    printer: Printer, directory: Path, runtimes: tuple[str, ...], require: tuple[str, ...]
) -> int:
    """Judges such a directory; the result is written beside it. Returns the exit status."""
    from pipeline.carry import judge_carried, read_carried
    from pipeline.commands.recipes import conclude, with_runtimes
    from pipeline.job import Job
    from pipeline.places import held
    from pipeline.state import RESULT_NAME
    from validation.result import write_result

    carried = read_carried(directory)
    job = Job(name=carried.name, allow_failing=carried.allow_failing)
    named = tuple(options.listed(runtimes)) or job.runtimes
    job = with_runtimes(job, named, tuple(options.listed(require)))
    with held(directory, f"edgeproof validate {directory}") as place:
        with progress():
            validation, seconds = judge_carried(carried, job, place.log)
        result = directory / RESULT_NAME
        write_result(validation, result)
        printer.verdicts(validation, seconds)
        printer.json(result.read_text(encoding="utf-8"))
        printer.say(f"result: {shown(result)} (edgeproof report writes it out, on any machine)")
        return conclude(printer, validation, job, place.log)
