"""Puts faults into exports, counts which are found, writes docs/detection.md: `make bench-detection`."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.detection.catalogue import KINDS, mutate
from bench.detection.models import FLOAT32, MODELS, TARGETS
from bench.detection.observable import search
from bench.detection.trial import Result, try_mutant
from bench.detection.workshop import prepare

ROOT = Path(__file__).parent.parent
SAMPLES = 32
SEARCHED = 512


def main() -> None:
    arguments = _arguments()
    with tempfile.TemporaryDirectory(prefix="edgeproof-detection-") as scratch:
        results = list(_mutants(arguments, Path(scratch)))
    for r in results:
        print(r)


def _mutants(arguments: argparse.Namespace, work: Path) -> Iterator[Result]:
    for name in arguments.models:
        started = time.perf_counter()
        place = work / name
        place.mkdir()
        workshop = prepare(MODELS[name], TARGETS.get(name, FLOAT32), place, samples=SAMPLES)
        print(name, "prepared", time.perf_counter() - started, workshop.reference.samples, file=sys.stderr)
        searching = search(workshop, place, SEARCHED)
        for artifact in workshop.artifacts.values():
            for kind in arguments.kinds:
                mutant = mutate(
                    KINDS[kind], artifact, place / "mutant", layers=workshop.layers, norms=workshop.norms
                )
                if mutant is not None:
                    yield try_mutant(workshop, name, mutant, searching, arguments.localize)
        shutil.rmtree(place)
        print(name, time.perf_counter() - started, file=sys.stderr)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.bench_detection", description=__doc__)
    parser.add_argument("--models", nargs="*", default=list(MODELS))
    parser.add_argument("--kinds", nargs="*", default=list(KINDS))
    parser.add_argument("--localize", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
