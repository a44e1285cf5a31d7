"""What the commands that take a model file have in common."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import click

from converters.source import LoadOptions
from converters.target import parse_targets
from pipeline.job import Job, Limits
from pipeline.options import listed
from validation.domain import Domain
from validation.feeds import FeedSpec
from validation.labels import ONLY, LabelSpec
from validation.limit import Limit


def model_job(
    model: Path,
    targets: tuple[str, ...] = (),
    *,
    signature: str | None = None,
    opset: int | None = None,
    batch: int = 1,
    data: Path | None = None,
    labels: tuple[str, ...] = (),
    domain: Domain | None = None,
    limits: Mapping[str, Limit] | None = None,
    time_limit: float | None = None,
    memory_limit: int | None = None,
    custom_objects: tuple[str, ...] = (),
    trust: bool = False,
) -> Job:
    """The job that a model and the options of a command line come to."""
    bounds = Limits(Limits().time_s if time_limit is None else time_limit, memory_limit)
    if labels and data is None:
        raise click.UsageError("--labels are of the samples in --data")
    return Job(
        name=model.stem or "model",
        model=model.absolute(),
        load=LoadOptions(
            signature_key=signature,
            custom_objects=tuple(listed(custom_objects)),
            code_directories=(Path.cwd(),) if custom_objects else (),
            trust=trust,
        ),
        data=FeedSpec(
            npz=None if data is None else data.absolute(),
            labels=label_spec(labels),
            domain=domain or Domain(),
        ),
        targets=parse_targets(listed(targets)),
        opset=opset,
        batch=batch,
        limits=limits or {},
        conversion=bounds,
        judging=bounds,
    )


def domain_of(ranges: Iterable[str], nan: bool = False, inf: bool = False) -> Domain:
    """`0,1` for all inputs, `image=0,1` for one."""
    named: dict[str, tuple[float, float]] = {}
    for text in ranges:
        name, _, numbers = text.rpartition("=")
        try:
            low, high = (float(number) for number in numbers.split(","))
        except ValueError as error:
            raise click.UsageError(f"--range {text}: want LEAST,GREATEST or INPUT=LEAST,GREATEST") from error
        named[name] = low, high
    whole = named.pop("", None)
    return Domain(ranges=named, range=whole, nan=nan, inf=inf)


def limits_of(texts: Iterable[str]) -> dict[str, Limit]:
    """`logits:sqnr_db=25` or `logits:rtol=1e-3,atol=1e-5`, by output."""
    limits = {}
    for text in texts:
        output, _, pairs = text.rpartition(":")
        try:
            values = {key.strip(): float(number) for key, number in (p.split("=") for p in pairs.split(","))}
            limits[output] = Limit(**values)
        except (ValueError, TypeError) as error:
            raise _not_a_limit(text) from error
        if not output:
            raise _not_a_limit(text)
        limits[output].check(output)
    return limits


def _not_a_limit(text: str) -> click.UsageError:
    want = "OUTPUT:MEASURE=NUMBER, such as logits:sqnr_db=25 or logits:rtol=1e-3,atol=1e-5"
    return click.UsageError(f"--limit {text}: want {want}")


def label_spec(texts: Iterable[str]) -> LabelSpec | None:
    """`y` for the only output, `logits=y` for one of several; keys of the data, or `.npy` files."""
    sources = {}
    for text in texts:
        output, _, source = text.rpartition("=")
        sources[output or ONLY] = str(Path(source).absolute()) if source.endswith(".npy") else source
    return LabelSpec(sources) if sources else None


OF_A_RECIPE = "these are for a MODEL; a recipe has keys for them"


def refuse(why: str, **options: object) -> None:
    """Refuses options that don't go with what was named.

    Args:
        why: ends the message.
        options: by name; those that were not given are empty, false or None.
    """
    given = [f"--{name.replace('_', '-')}" for name, value in options.items() if value]
    if given:
        raise click.UsageError(f"{', '.join(given)}: {why}")
