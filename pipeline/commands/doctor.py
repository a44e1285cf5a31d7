"""`edgeproof doctor`: what works on this machine, and what to do where it doesn't."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from pipeline import options
from pipeline.console import Printer, progress

if TYPE_CHECKING:
    from validation.runtime import Availability


@click.command("doctor")
@options.browser_option
@options.python_option
@options.json_option
def command(json_to: str | None) -> int:
    """Try every runtime with a tiny model, and look for GPUs.

    The exit status is 0 whatever is found: `validate --require NAME` is the way to insist.
    """
    from converters.serial import to_plain
    from pipeline.doctor import examine
    from pipeline.places import temporary

    printer = Printer(json_to)
    with temporary("edgeproof doctor") as place:
        with progress():
            runtimes, devices = examine(place.log)
        for row in (*runtimes, *devices):
            _print(printer, row)
        if any(row.status == "error" for row in (*runtimes, *devices)):
            place.keep_log = True
            printer.say(f"log: {place.log}")
    found = {"runtimes": to_plain(runtimes), "devices": to_plain(devices)}
    printer.json(json.dumps(found, indent=2, ensure_ascii=False) + "\n")
    return 0


def _print(printer: Printer, row: Availability) -> None:
    colour = {"ok": "green", "unavailable": "yellow", "error": "red"}[row.status]
    word = click.style(f"{row.status:<12}", fg=colour)
    printer.say(f"{word} {row.name:<24} {row.device or row.hint}")
