"""`edgeproof inspect MODEL|RECIPE`: what a model is, and what each target will find hard."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline import options
from pipeline.console import Printer, progress
from pipeline.places import BUILD

if TYPE_CHECKING:
    from converters.inspection import Inspection
    from pipeline.inspecting import Examination


@click.command("inspect")
@click.argument("model", type=click.Path(path_type=Path), metavar="MODEL|RECIPE")
@options.signature_option
@options.custom_objects_option
@options.trust_option
@options.json_option
def command(
    *, model: Path, signature: str | None, custom_objects: tuple[str, ...], trust: bool, json_to: str | None
) -> int:
    """Describe a model: signature, layers, parameters, size, and what each target will find hard.

    Nothing is converted. The model of a RECIPE is trained first, if it has not been yet.
    """
    from converters.serial import dumps
    from pipeline.commands.models import OF_A_RECIPE, model_job, refuse
    from pipeline.commands.recipes import is_recipe, load_job
    from pipeline.inspecting import examine_model
    from pipeline.places import held, temporary

    about = f"edgeproof inspect {model}"
    if is_recipe(model):
        refuse(OF_A_RECIPE, signature=signature, custom_objects=custom_objects, trust=trust)
        _, job = load_job(model)
        with held(BUILD / job.name, about) as place, progress():
            found = examine_model(job, place)
    else:
        job = model_job(model, signature=signature, custom_objects=custom_objects, trust=trust)
        with temporary(about) as scratch, progress():
            found = examine_model(job, scratch.workplace)
    printer = Printer(json_to)
    for line in _lines(found):
        printer.say(line)
    printer.json(dumps(found))
    return 0


def _lines(found: Examination) -> Iterator[str]:
    yield from _summary(found.inspection)
    yield ""
    yield from _layers(found.inspection)
    yield ""
    yield from _hardships(found)


def _summary(model: Inspection) -> Iterator[str]:
    yield f"{model.path.name}: {model.model_type}, opened by {model.loader}, {model.size_bytes / 1e6:,.2f} MB"
    for spec in model.signature.inputs:
        yield f"input        {spec}"
    for spec in model.signature.outputs:
        yield f"output       {spec}"
    yield f"parameters   {model.parameters:,} ({model.trainable_parameters:,} trainable)"
    yield f"dtypes       {', '.join(model.dtypes)}"
    yield f"sha256       {model.sha256}"
    for note in model.notes:
        yield f"note         {note}"


def _layers(model: Inspection) -> Iterator[str]:
    for row in model.layers:
        shapes = " ".join("[" + ", ".join(_size(d) for d in shape) + "]" for shape in row.output_shapes)
        yield f"{row.name:<32} {row.class_name:<24} {shapes:<24} {row.parameters:>12,} {row.dtype}".rstrip()
    for op, count in model.ops.items():
        yield f"{op:<32} {'op':<24} {count:>6} times"


def _size(dimension: int | None) -> str:
    return "?" if dimension is None else str(dimension)


def _hardships(found: Examination) -> Iterator[str]:
    """What is hard by the layers, then what the traced graph shows is refused; each reason once."""
    refused = {(o.target.format, o.layer) for o in found.obstacles}
    for item in found.inspection.difficulties:
        if (item.target.partition(":")[0], item.layer) not in refused:
            word = "refused" if item.refused else "hard"
            yield f"{word:<12} {item.target}: {item.layer} ({item.kind}): {item.why}"
            if item.fix:
                yield f"             fix: {item.fix}"
    for obstacle in found.obstacles:
        yield f"refused      {obstacle.target.format}: {obstacle.layer} ({obstacle.op}): {obstacle.why}"
        yield f"             fix: {obstacle.fix}"
    if found.stopped:
        yield f"refused      every target: {found.stopped}"
    elif not found.obstacles and not found.inspection.difficulties:
        yield "no target will find anything hard"
