"""Shares the trials out over processes.

    every model ─► prepare ─► its correct exports and the original's answers
                                 └─► plan ─► chunks of mutants ─► rows of the log
    every network and seed ─► its correct exports, judged ─► rows of the log

Each piece of work is a function of plain values and directories, and writes its rows by itself, so that
nothing but the piece in hand is lost when a run is cut short.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from multiprocessing import get_context
from multiprocessing.pool import AsyncResult
from pathlib import Path

from bench.detection import plan
from bench.detection.alarms import judge_net
from bench.detection.correct import NETS
from bench.detection.log import Log
from bench.detection.models import FLOAT32, MODELS, TARGETS
from bench.detection.observable import Search
from bench.detection.trial import judge_watched, try_mutant
from bench.detection.workshop import Workshop, prepare
from converters.artifact import Artifact
from converters.target import ExportTarget

CHUNK = 12
"""Mutants that one process tries in a row: few, so that all end at about the same time."""

LASTS = 6
"""Pieces of work after which a process is replaced: TensorFlow never gives back a traced network."""

TOO_LONG_S = 4 * 3600
"""Nobody tells of a process that was killed: what it had in hand never ends."""


@dataclass(frozen=True)
class Wanted:
    """What is to be tried.

    Attributes:
        models: networks that faults are put into, `kinds` the faults.
        places: networks for each kind of fault and format, at most.
        nets: correct exports, with the weights and inputs of so many `seeds`.
    """

    models: Sequence[str]
    kinds: Sequence[str]
    places: int
    nets: Sequence[str]
    seeds: int


def measure(wanted: Wanted, log: Log, processes: int, work: Path) -> bool:
    """Tries whatever the log doesn't hold, and adds it there; False where a piece of work broke down."""
    done = log.rows().keys
    # A ProcessPoolExecutor that replaces its processes comes to a stop (CPython issue 115634, in 3.11).
    with get_context("spawn").Pool(processes, maxtasksperchild=LASTS) as pool:
        shops = pool.starmap(_prepare, [(name, work) for name in wanted.models], chunksize=1)
        made = dict(zip(wanted.models, shops, strict=True))
        places = plan.choose(made, wanted.kinds, wanted.places)
        print(f"{len(places)} mutants", flush=True)
        chunks = _chunks([p for p in places if (p.model, str(p.target), p.kind) not in done])
        pieces = [
            pool.apply_async(_try, (made[chunk[0].model], chunk, work / f"chunk-{number}", log))
            for number, chunk in enumerate(chunks)
        ]
        pieces += [
            pool.apply_async(_judge, (name, targets, seed, work / f"{name}-{seed}", log))
            for seed in range(wanted.seeds)
            for name in wanted.nets
            if (targets := [t for t in NETS[name].targets if (name, t, seed) not in done])
        ]
        went_well = [_went_well(piece) for piece in pieces]
    return all(went_well)


def _went_well(piece: AsyncResult[None]) -> bool:
    """Whether a piece of work was done; what broke it is shown, and the others go on."""
    try:
        piece.get(TOO_LONG_S)
    except Exception:  # a fault of ours, of an engine, or a process that was killed
        traceback.print_exc()
        return False
    return True


def _chunks(places: Sequence[plan.Place]) -> Iterator[list[plan.Place]]:
    """A few places of one network at a time."""
    for model in dict.fromkeys(place.model for place in places):
        own = [place for place in places if place.model == model]
        yield from (own[start : start + CHUNK] for start in range(0, len(own), CHUNK))


def _prepare(name: str, work: Path) -> Workshop:
    """A network's exports that pass without a fault, and what the original answers."""
    (work / name).mkdir()
    shop = prepare(MODELS[name], TARGETS.get(name, FLOAT32), work / name)
    print(f"{name}: {shop.reference.samples} inputs, {shop.reference.truth}", flush=True)
    return replace(shop, artifacts=dict(_sound(shop)))


def _sound(shop: Workshop) -> Iterator[tuple[ExportTarget, Artifact]]:
    """The exports that pass without a fault; what is found in another proves nothing."""
    for target, artifact in shop.artifacts.items():
        verdict = judge_watched(artifact, shop.reference).verdict
        if verdict.verdict == "pass":
            yield target, artifact
        else:
            print(f"{shop.source.path.parent.name}: {target} left out: {verdict.reason}", flush=True)


def _try(shop: Workshop, places: Sequence[plan.Place], work: Path, log: Log) -> None:
    work.mkdir()
    search = Search(shop, MODELS[places[0].model], work)
    for place in places:
        mutant = plan.make(place, shop, work / "mutant")
        log.add(try_mutant(shop, place.model, mutant, search))


def _judge(name: str, targets: Sequence[str], seed: int, work: Path, log: Log) -> None:
    work.mkdir()
    for alarm in judge_net(name, replace(NETS[name], targets=tuple(targets)), seed, work):
        log.add(alarm)
