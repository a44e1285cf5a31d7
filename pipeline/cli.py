"""The command line: finds the command, and turns every ending into a message and an exit status.

A command's module is imported when that command is called, so that `edgeproof --help` is quick.
"""

from __future__ import annotations

import importlib
import signal
import sys
import traceback
from types import FrameType
from typing import NoReturn

import click

from converters.errors import EdgeproofError, ExitStatus

COMMANDS = {
    "run": "Train or load, export, validate and package what a recipe describes.",
    "export": "Convert a model, or a recipe's model, without running the results.",
    "validate": "Judge exports against their original, on the runtimes of this machine.",
    "carry": "Put a recipe's exports and answers into one directory, to judge them elsewhere.",
    "package": "Bundle what a recipe's last run has proven, or verify a bundle.",
    "report": "Write the report of a result again.",
    "inspect": "Describe a model, and what each target will find hard.",
    "doctor": "Try every runtime and device of this machine.",
}
"""Each command with its line of help; the module of that name in `pipeline.commands` has the rest."""

INTERRUPTED = 130
TERMINATED = 143
UNREAD = 141
"""As of a program that SIGPIPE ends: whoever read our output has gone, and nobody knows how it would end."""
OUR_BUG = 70
"""EX_SOFTWARE of <sysexits.h>: an exception that nobody foresaw."""


class _Terminated(BaseException):
    """The process was told to end."""


class _Commands(click.Group):
    """The commands of `COMMANDS`, imported one by one when they are needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        return importlib.import_module(f"pipeline.commands.{cmd_name}").command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="edgeproof", message="%(prog)s %(version)s")
def edgeproof() -> None:
    """Keras to TFLite, TF.js and ONNX, each export proven on the real runtimes before it ships.

    Exit status: 0 all good, 2 bad usage or input, 3 a conversion failed, 1 a verdict failed, 4 a
    required runtime is not here; the first of these in this order where several hold.
    """


def main(arguments: list[str] | None = None) -> NoReturn:
    """Runs the command line and ends the process."""
    signal.signal(signal.SIGTERM, _terminate)
    sys.exit(_status(arguments))


def _status(arguments: list[str] | None) -> int:
    try:
        return edgeproof.main(arguments, prog_name="edgeproof", standalone_mode=False) or 0
    except EdgeproofError as error:
        _say("\n".join([f"error: {error}", *getattr(error, "__notes__", [])]))
        return int(error.status)
    except click.ClickException as error:
        error.show()
        return int(ExitStatus.USAGE)
    except (click.Abort, KeyboardInterrupt, _Terminated) as ending:
        word, status = (
            ("terminated", TERMINATED) if isinstance(ending, _Terminated) else ("interrupted", INTERRUPTED)
        )
        _say(f"{word}; earlier output is untouched")
        return status
    except BrokenPipeError:  # `edgeproof … | head`
        sys.stderr.close()
        return UNREAD
    except Exception as error:  # nobody foresaw it
        _say_bug(error)
        return OUR_BUG


def _terminate(number: int, frame: FrameType | None) -> NoReturn:
    """SIGTERM ends the program as an exception, so that everything is cleared up."""
    raise _Terminated


def _say_bug(error: Exception) -> None:
    over_there = getattr(error, "traceback", None)  # of a worker
    _say(over_there or "".join(traceback.format_exception(error)))
    _say(
        "\n".join(
            [*getattr(error, "__notes__", []), "This is a bug in edgeproof: please report the lines above."]
        )
    )


def _say(text: str) -> None:
    click.echo(text.rstrip("\n"), err=True)


if __name__ == "__main__":
    main()
