"""What the commands that take a recipe have in common."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from converters.target import parse_targets
from pipeline.console import Printer, shown
from pipeline.files import Workplace
from pipeline.job import Job, job_of
from pipeline.options import listed
from pipeline.outcome import exit_status, missing_runtimes
from pipeline.places import BUNDLES
from pipeline.recipe import LoadedRecipe
from pipeline.recipe_file import RECIPE_NAME, read_recipe
from validation.runtimes import RUNTIMES, runtime, select

if TYPE_CHECKING:
    from pipeline.runner import Done
    from validation.result import Validation


def is_recipe(path: Path) -> bool:
    """Whether a path on the command line is meant as a recipe, rather than as a model."""
    return path.suffix == ".toml" or (path / RECIPE_NAME).is_file()


def load_job(
    path: Path,
    targets: tuple[str, ...] = (),
    runtimes: tuple[str, ...] = (),
    require: tuple[str, ...] = (),
) -> tuple[LoadedRecipe, Job]:
    """A recipe and its job; what the command line names takes the place of what the recipe says."""
    loaded = read_recipe(path)
    job = job_of(loaded)
    if targets:
        job = replace(job, targets=parse_targets(listed(targets)))
    return loaded, with_runtimes(
        job, tuple(listed(runtimes)) or job.runtimes, (*job.require, *listed(require))
    )


def with_runtimes(job: Job, runtimes: tuple[str, ...], require: tuple[str, ...]) -> Job:
    """The job with these runtimes; those that are named in full must be here, like the required ones.

    Raises:
        EdgeproofError: no such runtime.
    """
    select(runtimes)  # before anything that takes long
    named = [name for name in runtimes if name in RUNTIMES]
    required = tuple(dict.fromkeys([*named, *(runtime(name).name for name in require)]))
    return replace(job, runtimes=runtimes, require=required)


def bundles_of(loaded: LoadedRecipe) -> Path:
    return loaded.resolve(loaded.recipe.package.directory) or BUNDLES


def report_done(printer: Printer, done: Done, job: Job, place: Workplace) -> int:
    """Prints the verdicts and where everything is; returns the exit status."""
    printer.verdicts(done.validation, done.seconds)
    printer.json((place.directory / "result.json").read_text(encoding="utf-8"))
    printer.say("report: " + ", ".join(shown(path) for path in done.report))
    return conclude(printer, done.validation, job, place.log)


def conclude(printer: Printer, validation: Validation, job: Job, log: Path) -> int:
    """Says which layers are wrong, what is missing, where the log is if not all is well; gives the status."""
    from pipeline.localizing import describe_layers

    verdicts = validation.verdicts
    for line in describe_layers(verdicts):
        printer.say(line)
    for name in missing_runtimes(verdicts, job.require):
        printer.say(f"required: {name} is not here, or had nothing to run (edgeproof doctor)")
    allowed = [str(target) for target in job.allow_failing]
    status = exit_status(verdicts, job.require, allowed)
    if status:
        printer.say(f"log: {shown(log)}")
    return int(status)
