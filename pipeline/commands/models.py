"""What the commands that take a model file have in common."""

from __future__ import annotations

from pathlib import Path

import click

from converters.source import LoadOptions
from converters.target import parse_targets
from pipeline.job import Job
from pipeline.options import listed
from validation.feeds import FeedSpec


def model_job(
    model: Path,
    targets: tuple[str, ...] = (),
    *,
    signature: str | None = None,
    opset: int | None = None,
    batch: int = 1,
    data: Path | None = None,
    custom_objects: tuple[str, ...] = (),
    trust: bool = False,
) -> Job:
    """The job that a model and the options of a command line come to."""
    return Job(
        name=model.stem or "model",
        model=model.absolute(),
        load=LoadOptions(
            signature_key=signature,
            custom_objects=tuple(listed(custom_objects)),
            code_directories=(Path.cwd(),) if custom_objects else (),
            trust=trust,
        ),
        data=FeedSpec(npz=None if data is None else data.absolute()),
        targets=parse_targets(listed(targets)),
        opset=opset,
        batch=batch,
    )


def only_for_models(**options: object) -> None:
    """Refuses options that a recipe has keys for."""
    given = [f"--{name.replace('_', '-')}" for name, value in options.items() if value]
    if given:
        raise click.UsageError(f"{', '.join(given)}: these are for a MODEL; a recipe has keys for them")
