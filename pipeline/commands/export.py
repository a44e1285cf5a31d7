"""`edgeproof export MODEL|RECIPE`: conversion without validation."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import click

from converters.errors import ExitStatus
from pipeline import options
from pipeline.console import Printer, progress, shown
from pipeline.places import BUILD

if TYPE_CHECKING:
    from pipeline.plan import Exports


@click.command("export", cls=options.SpreadCommand)
@click.argument("model", type=click.Path(path_type=Path), metavar="MODEL|RECIPE")
@options.target_option("What to make: tflite:int8, a format, a pattern like 'tfjs:*', or all.")
@options.output_option
@options.signature_option
@options.opset_option
@options.batch_option
@options.data_option
@options.range_option
@options.time_limit_option
@options.memory_limit_option
@options.custom_objects_option
@options.trust_option
@options.fresh_option
def command(
    *,
    model: Path,
    targets: tuple[str, ...],
    output: Path | None,
    signature: str | None,
    opset: int | None,
    batch: int | None,
    data: Path | None,
    ranges: tuple[str, ...],
    time_limit: float | None,
    memory_limit: int | None,
    custom_objects: tuple[str, ...],
    trust: bool,
    fresh: bool,
) -> int:
    """Convert MODEL, or the model of a RECIPE, without running the results.

    Each target gets a directory below that of -o: DIR/tflite-float32/model.tflite. --data calibrates
    integer targets. Options about the model and its conversion are for a MODEL; a RECIPE has its own.
    """
    from pipeline.commands.models import OF_A_RECIPE, domain_of, model_job, refuse
    from pipeline.commands.recipes import is_recipe, load_job
    from pipeline.places import held, scratch
    from pipeline.plan import export

    about = f"edgeproof export {model}"
    if is_recipe(model):
        refuse(
            OF_A_RECIPE,
            signature=signature,
            opset=opset,
            batch=batch,
            data=data,
            range=ranges,
            time_limit=time_limit,
            memory_limit=memory_limit,
            custom_objects=custom_objects,
            trust=trust,
        )
        _, job = load_job(model, targets)
        with held(BUILD / job.name, about) as place, progress():
            out = output or place.directory / "artifacts"
            with held(out, about) if output else contextlib.nullcontext():
                exports = export(job, place, out.absolute(), fresh)
    else:
        if not targets or output is None:
            raise click.UsageError("a MODEL is exported with -t TARGET… and -o DIR")
        job = model_job(
            model,
            targets,
            signature=signature,
            opset=opset,
            batch=batch or 1,
            data=data,
            domain=domain_of(ranges),
            time_limit=time_limit,
            memory_limit=memory_limit,
            custom_objects=custom_objects,
            trust=trust,
        )
        with held(output, about) as place, scratch(place) as work, progress():
            exports = export(job, work, place.directory, fresh)
    return _report(exports, place.log)


def _report(exports: Exports, log: Path) -> int:
    """One line for each target; the whole error below it where it could not be made."""
    printer = Printer()
    for artifact in exports.artifacts:
        size = f"{artifact.size_bytes / 1e3:,.1f} kB"
        printer.say(f"exported     {artifact.target!s:<20} {size:>12}  {shown(artifact.entry_path)}")
    for failure in exports.failures:
        printer.say(f"error        {failure.target!s:<20} {failure.error()}")
    if exports.failures:
        printer.say(f"log: {shown(log)}")
        return int(ExitStatus.CONVERSION_FAILED)
    return int(ExitStatus.OK)
