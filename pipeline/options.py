"""Options that several commands share, and several values after one option."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from converters.errors import EdgeproofError

F = TypeVar("F", bound=Callable[..., Any])


def target_option(help: str) -> Callable[[F], F]:
    return click.option("-t", "--target", "targets", multiple=True, metavar="TARGET…", help=help)


runtime_option = click.option(
    "--runtime",
    "runtimes",
    multiple=True,
    metavar="NAME…",
    help="Runtimes to try: names, patterns such as 'litert-*', or groups cpu, web, gpu, all.",
)
require_option = click.option(
    "--require", multiple=True, metavar="NAME…", help="Runtimes that must be here; if not, exit status 4."
)


def _name_programs(context: click.Context, parameter: click.Parameter, paths: tuple[str, ...]) -> None:
    """Into the environment, which workers inherit."""
    from validation.runtimes.browser import find
    from validation.runtimes.environments import VARIABLE

    for path in paths:
        if not Path(path).exists():
            raise click.BadParameter(f"{path} does not exist", context, parameter)
    if paths:
        variable = find.VARIABLE if parameter.name == "browser_path" else VARIABLE
        os.environ[variable] = os.pathsep.join(str(Path(path).absolute()) for path in paths)


browser_option = click.option(
    "--browser-path",
    multiple=True,
    metavar="PATH",
    callback=_name_programs,
    expose_value=False,
    help="A browser's program, or a directory with some, to use before those on the PATH.",
)
python_option = click.option(
    "--runtime-python",
    multiple=True,
    metavar="PATH",
    callback=_name_programs,
    expose_value=False,
    help="A Python, or a virtual environment, with an engine that wants one of its own (CUDA, JAX …).",
)
json_option = click.option(
    "--json", "json_to", metavar="FILE", help="Write the machine-readable result; '-' is standard output."
)
output_option = click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="DIR", help="Where the output goes."
)
signature_option = click.option(
    "--signature", metavar="NAME", help="Signature of a SavedModel that has several."
)
custom_objects_option = click.option(
    "--custom-objects",
    multiple=True,
    metavar="MODULE:NAME",
    help="A class or function that the model needs, imported from the current directory.",
)
trust_option = click.option(
    "--trust", is_flag=True, help="Run code that the model file brings along: you know who made it."
)
data_option = click.option(
    "--data",
    type=click.Path(path_type=Path),
    metavar="FILE.npz",
    help="Inputs, keyed by the model's input names; natural ones when left out.",
)
labels_option = click.option(
    "--labels",
    multiple=True,
    metavar="[OUTPUT=]KEY",
    help="Right classes of the data's samples: a key of the .npz, or a .npy file.",
)
range_option = click.option(
    "--range",
    "ranges",
    multiple=True,
    metavar="[INPUT=]LEAST,GREATEST",
    help="Numbers that count, of all inputs or of one.",
)
nan_option = click.option("--nan", is_flag=True, help="NaN in the inputs counts.")
inf_option = click.option("--inf", is_flag=True, help="Infinities in the inputs count.")
limit_option = click.option(
    "--limit",
    "limits",
    multiple=True,
    metavar="OUTPUT:MEASURE=NUMBER",
    help="What an output must keep: rtol=R,atol=A or sqnr_db=N, agreement=N, accuracy=N.",
)
time_limit_option = click.option(
    "--time-limit",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="For one conversion, or one artifact on one runtime; 1800 when left out.",
)
memory_limit_option = click.option(
    "--memory-limit",
    type=click.IntRange(min=1),
    metavar="MB",
    help="For each process that converts or runs; 80 % of the machine's when left out.",
)
batch_option = click.option(
    "--batch",
    type=click.IntRange(min=1),
    help="Batch size where a format needs a fixed one; 1 when left out.",
)
opset_option = click.option("--opset", type=click.IntRange(min=1), help="Opset of ONNX files.")
localize_option = click.option(
    "--localize", is_flag=True, help="Tell for every export which layers differ, not for failing ones only."
)
fresh_option = click.option(
    "--fresh", is_flag=True, help="Do again what was done before with the same inputs."
)


class SpreadCommand(click.Command):
    """A command whose `-t` and `--runtime` take several values: `-t tflite:int8 onnx:float32`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        looks = {
            "-t": is_like_a_target,
            "--target": is_like_a_target,
            "--runtime": is_like_a_runtime,
            "--require": is_like_a_runtime,
        }
        return super().parse_args(ctx, spread(args, looks))


def spread(arguments: list[str], options: Mapping[str, Callable[[str], bool]]) -> list[str]:
    """Repeats an option before each further value: `-t A B` becomes `-t A -t B`.

    Args:
        arguments: of the command.
        options: for each option that takes several values, what such a value looks like.
    """
    result: list[str] = []
    option, takes_next = "", False
    for number, token in enumerate(arguments):
        if token == "--":
            return result + arguments[number:]
        if takes_next:
            takes_next = False
        elif token in options:
            option, takes_next = token, True
        elif token.startswith("-"):
            option = token.partition("=")[0]
        elif option in options and options[option](token):
            result.append(option)
        else:
            option = ""
        result.append(token)
    return result


def is_like_a_target(text: str) -> bool:
    from converters.target import PRECISIONS

    first = text.partition(",")[0]
    return (":" in first or first in PRECISIONS or first == "all") and not Path(text).exists()


def is_like_a_runtime(text: str) -> bool:
    from validation.runtimes import select

    with contextlib.suppress(EdgeproofError):
        return bool(select(tuple(listed([text])))) and not Path(text).exists()
    return False


def listed(values: Iterable[str]) -> list[str]:
    """Values that were given one by one or with commas between them."""
    return [part.strip() for value in values for part in value.split(",") if part.strip()]
