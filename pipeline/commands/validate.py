"""`edgeproof validate MODEL ARTIFACT…` and `edgeproof validate RECIPE`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline import options
from pipeline.console import Printer, progress
from pipeline.places import BUILD

if TYPE_CHECKING:
    from pipeline.job import Job


@click.command("validate", cls=options.SpreadCommand)
@click.argument("model", type=click.Path(path_type=Path), metavar="MODEL|RECIPE|DIR")
@click.argument("artifacts", type=click.Path(path_type=Path), nargs=-1, metavar="ARTIFACT…")
@options.runtime_option
@options.require_option
@options.signature_option
@options.data_option
@options.labels_option
@options.range_option
@options.nan_option
@options.inf_option
@options.limit_option
@options.time_limit_option
@options.memory_limit_option
@options.custom_objects_option
@options.trust_option
@options.output_option
@options.localize_option
@options.browser_option
@options.python_option
@options.json_option
@options.fresh_option
def command(
    *,
    model: Path,
    artifacts: tuple[Path, ...],
    runtimes: tuple[str, ...],
    require: tuple[str, ...],
    signature: str | None,
    data: Path | None,
    labels: tuple[str, ...],
    ranges: tuple[str, ...],
    nan: bool,
    inf: bool,
    limits: tuple[str, ...],
    time_limit: float | None,
    memory_limit: int | None,
    custom_objects: tuple[str, ...],
    trust: bool,
    output: Path | None,
    localize: bool,
    json_to: str | None,
    fresh: bool,
) -> int:
    """Judge exports against the MODEL that they were made from, whoever made them.

    ARTIFACT is a .tflite or .onnx file, or a directory with a TF.js model. With a RECIPE instead, its
    own exports are made, where they have changed, and judged; nothing is packaged. A directory of
    `edgeproof carry` is judged without TensorFlow.
    """
    from pipeline.carry import is_carried
    from pipeline.commands.carry import validate_carried
    from pipeline.commands.models import OF_A_RECIPE, refuse
    from pipeline.commands.recipes import is_recipe

    printer = Printer(json_to)
    of_models = {
        "signature": signature,
        "data": data,
        "labels": labels,
        "range": ranges,
        "nan": nan,
        "inf": inf,
        "limit": limits,
        "time_limit": time_limit,
        "memory_limit": memory_limit,
        "custom_objects": custom_objects,
        "trust": trust,
    }
    if is_carried(model) and not artifacts:
        others = {"output": output, "localize": localize, "fresh": fresh}
        refuse("what was carried is judged as it is", **of_models, **others)
        return validate_carried(printer, model, runtimes, require)
    if is_recipe(model) and not artifacts:
        refuse(OF_A_RECIPE, **of_models)
        return _validate_recipe(
            printer,
            model,
            runtimes=runtimes,
            require=require,
            output=output,
            localize=localize,
            fresh=fresh,
        )
    if not artifacts:
        raise click.UsageError("name the exports to judge after the MODEL, or a RECIPE alone")
    if output is not None or fresh:
        raise click.UsageError("-o and --fresh are for a RECIPE")
    from pipeline.commands.models import domain_of, limits_of, model_job
    from pipeline.commands.recipes import with_runtimes
    from pipeline.localizing import REPRODUCERS

    job = model_job(
        model,
        signature=signature,
        data=data,
        labels=labels,
        domain=domain_of(ranges, nan, inf),
        limits=limits_of(limits),
        time_limit=time_limit,
        memory_limit=memory_limit,
        custom_objects=custom_objects,
        trust=trust,
    )
    job = replace(job, localize=localize)
    beside = Path(json_to).parent if json_to not in (None, "-") else Path()
    job = with_runtimes(job, tuple(options.listed(runtimes)) or job.runtimes, tuple(options.listed(require)))
    return _validate_model(printer, job, artifacts, beside / REPRODUCERS)


def _validate_recipe(
    printer: Printer,
    recipe: Path,
    *,
    runtimes: tuple[str, ...],
    require: tuple[str, ...],
    output: Path | None,
    localize: bool,
    fresh: bool,
) -> int:
    from pipeline.commands.recipes import load_job, report_done
    from pipeline.places import held
    from pipeline.runner import run_recipe

    loaded, job = load_job(recipe, (), runtimes, require)
    job = replace(job, localize=localize)
    with held(output or BUILD / job.name, f"edgeproof validate {recipe}") as place:
        with progress():
            done = run_recipe(loaded, job, place, None, fresh)
        return report_done(printer, done, job, place)


def _validate_model(
    printer: Printer,
    job: Job,
    artifacts: tuple[Path, ...],
    reproducers: Path,
) -> int:
    from pipeline.commands.recipes import conclude
    from pipeline.foreign import judge_foreign
    from pipeline.places import temporary
    from validation.result import write_result

    with temporary(f"edgeproof validate {job.model}") as place:
        with progress():
            validation, seconds = judge_foreign(job, artifacts, place.workplace, reproducers)
        result = place.directory / "result.json"
        write_result(validation, result)
        printer.verdicts(validation, seconds)
        printer.json(result.read_text(encoding="utf-8"))
        status = conclude(printer, validation, job, place.log)
        place.keep_log = status != 0
    return status
