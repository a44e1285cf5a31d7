"""Puts faults into exports, counts which are found, writes docs/detection.md: `make bench-detection`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
from pathlib import Path

from bench.detection import page
from bench.detection.catalogue import KINDS
from bench.detection.correct import NETS
from bench.detection.log import Log, checked_out
from bench.detection.models import MODELS
from bench.detection.work import Wanted, measure
from pipeline.slots import cores

ROOT = Path(__file__).parent.parent
QUICK_KINDS = ("weight-1-percent", "bias-dropped", "padding-wrong", "pool-mistaken")


def main() -> None:
    arguments = _arguments()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the processes end with this one
    with tempfile.TemporaryDirectory(prefix="edgeproof-detection-") as scratch:
        path = arguments.log or Path(scratch) / "log.jsonl"
        log = Log(path.absolute(), checked_out())
        wanted = Wanted(arguments.models, arguments.kinds, arguments.places, arguments.nets, arguments.seeds)
        whole = measure(wanted, log, arguments.processes, Path(scratch))
        arguments.output.write_text(page.write(log.rows()), encoding="utf-8")
    print(f"wrote {arguments.output}")
    if not whole:
        sys.exit("some trials broke down, see above: the page lacks them")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.bench_detection", description=__doc__)
    parser.add_argument("--models", nargs="*", default=list(MODELS), choices=MODELS, metavar="MODEL")
    parser.add_argument("--kinds", nargs="*", default=list(KINDS), choices=KINDS, metavar="KIND")
    parser.add_argument("--places", type=int, default=3, help="networks for each kind of fault and format")
    parser.add_argument("--nets", nargs="*", default=list(NETS), choices=NETS, metavar="NET")
    parser.add_argument("--seeds", type=int, default=3, help="of each correct export")
    parser.add_argument("--quick", action="store_true", help="one network, a few kinds, one correct export")
    parser.add_argument("--processes", type=int, default=cores(), help="that share the work")
    parser.add_argument(
        "--log", type=Path, help="gets a line of JSON for each trial; what it holds already isn't tried again"
    )
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "detection.md")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.models, arguments.nets, arguments.seeds = ["cnn"], ["dense_mlp"], 1
        arguments.kinds = list(QUICK_KINDS)
    return arguments


if __name__ == "__main__":
    main()
