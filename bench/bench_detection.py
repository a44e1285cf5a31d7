"""Puts faults into exports, counts which are found, writes docs/detection.md: `make bench-detection`."""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from bench.detection import page, plan
from bench.detection.alarms import Alarm, judge_nets
from bench.detection.catalogue import KINDS
from bench.detection.correct import NETS
from bench.detection.models import FLOAT32, MODELS, TARGETS
from bench.detection.observable import Search
from bench.detection.trial import Result, judge_watched, try_mutant
from bench.detection.workshop import Workshop, prepare
from converters.artifact import Artifact
from converters.target import ExportTarget

ROOT = Path(__file__).parent.parent
SAMPLES = 32
QUICK_KINDS = ("weight-1-percent", "bias-dropped", "padding-wrong", "pool-mistaken")


def main() -> None:
    arguments = _arguments()
    if arguments.from_log:
        _write(arguments, *_read(arguments.from_log), logs=len(arguments.from_log))
        return
    with tempfile.TemporaryDirectory(prefix="edgeproof-detection-") as scratch:
        results = list(_mutants(arguments, Path(scratch)))
        alarms = list(_correct(arguments, Path(scratch)))
    _write(arguments, results, alarms)


def _write(
    arguments: argparse.Namespace, results: Sequence[Result], alarms: Sequence[Alarm], logs: int = 0
) -> None:
    arguments.output.write_text(page.write(results, alarms, logs), encoding="utf-8")
    print(f"wrote {arguments.output}")


def _read(logs: Sequence[Path]) -> tuple[list[Result], list[Alarm]]:
    """The rows of runs that were cut short, or whose page is to be written anew; the last of each counts."""
    lines = [line for log in logs for line in log.read_text(encoding="utf-8").splitlines()]
    rows = {_key(row): row for row in map(json.loads, lines)}.values()
    return [_result(row) for row in rows if "kind" in row], [Alarm(**row) for row in rows if "net" in row]


def _key(row: dict[str, Any]) -> tuple[Any, ...]:
    """What was tried."""
    return tuple(row.get(name) for name in ("model", "net", "target", "kind", "seed"))


def _result(row: dict[str, Any]) -> Result:
    guilty = row["guilty"]
    return Result(
        **{**row, "layers": tuple(row["layers"]), "guilty": None if guilty is None else tuple(guilty)}
    )


def _mutants(arguments: argparse.Namespace, work: Path) -> Iterator[Result]:
    shops = {}
    for name in arguments.models:
        (work / name).mkdir()
        shop = prepare(MODELS[name], TARGETS.get(name, FLOAT32), work / name, samples=SAMPLES)
        shops[name] = replace(shop, artifacts=dict(_sound(shop)))
        print(f"{name}: {shop.reference.samples} inputs, {shop.reference.truth}", flush=True)
    searches = {name: Search(shop, MODELS[name], work / name) for name, shop in shops.items()}
    places = plan.choose(shops, arguments.kinds, arguments.places, work / "planned")
    print(f"{len(places)} mutants", flush=True)
    for place in places:
        shop = shops[place.model]
        mutant = plan.make(place, shop, work / "mutant")
        if mutant is not None:
            result = try_mutant(shop, place.model, mutant, searches[place.model])
            _log(arguments, result)
            yield result


def _sound(shop: Workshop) -> Iterator[tuple[ExportTarget, Artifact]]:
    """The exports that pass without a fault; what is found in another proves nothing."""
    for target, artifact in shop.artifacts.items():
        verdict = judge_watched(artifact, shop.reference).verdict
        if verdict.verdict == "pass":
            yield target, artifact
        else:
            print(f"{shop.source.path.parent.name}: {target} left out: {verdict.reason}", flush=True)


def _correct(arguments: argparse.Namespace, work: Path) -> Iterator[Alarm]:
    for alarm in judge_nets(arguments.nets, arguments.seeds, SAMPLES, work):
        _log(arguments, alarm)
        yield alarm


def _log(arguments: argparse.Namespace, row: Result | Alarm) -> None:
    """One line of JSON, so that a run can be looked at while it runs."""
    if arguments.log:
        with arguments.log.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(asdict(row)) + "\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.bench_detection", description=__doc__)
    parser.add_argument("--models", nargs="*", default=list(MODELS), choices=MODELS, metavar="MODEL")
    parser.add_argument("--kinds", nargs="*", default=list(KINDS), choices=KINDS, metavar="KIND")
    parser.add_argument("--places", type=int, default=3, help="networks for each kind of fault and format")
    parser.add_argument("--nets", nargs="*", default=list(NETS), choices=NETS, metavar="NET")
    parser.add_argument("--seeds", type=int, default=3, help="of each correct export")
    parser.add_argument("--quick", action="store_true", help="one network, a few kinds, one correct export")
    parser.add_argument("--log", type=Path, help="gets one line of JSON for each mutant and correct export")
    parser.add_argument(
        "--from-log", type=Path, nargs="+", help="write the page from such files, and run nothing"
    )
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "detection.md")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.models, arguments.nets, arguments.seeds = ["cnn"], ["dense_mlp"], 1
        arguments.kinds = list(QUICK_KINDS)
    return arguments


if __name__ == "__main__":
    main()
