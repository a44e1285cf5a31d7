"""Judges correct exports: whatever the judge finds there is a false alarm."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.detection.correct import NETS, Net
from bench.detection.trial import judge_watched
from bench.detection.watch import Watch, plain_runtime
from bench.detection.workshop import Workshop, record_answers
from converters.artifact import Artifact
from converters.errors import EdgeproofError
from validation.expected import Reference
from validation.fitting import cut


@dataclass(frozen=True, slots=True)
class Alarm:
    """One correct export, judged.

    Attributes:
        net: likewise `target` and `seed`.
        verdict: only "pass" is right here.
        reason: the judge's.
        others: by checker, whether it finds a fault.
        seconds: of the judge's inference; `plain_s` of running the same inputs once.
    """

    net: str
    target: str
    seed: int
    verdict: str
    reason: str
    others: dict[str, bool] = field(default_factory=dict)
    seconds: float = 0.0
    plain_s: float = 0.0


def judge_nets(names: Sequence[str], seeds: int, samples: int, work: Path) -> Iterator[Alarm]:
    """Every export of these networks, with the weights and inputs of so many seeds."""
    for name in names:
        place = work / f"correct-{name}"
        for seed, workshop in _workshops(NETS[name], seeds, samples, place):
            yield from _judged(name, seed, workshop)


def _workshops(net: Net, seeds: int, samples: int, place: Path) -> Iterator[tuple[int, Workshop]]:
    if net.heavy:
        place.mkdir()
        first = net.prepare(0, place, samples)
        yield 0, first
        for seed in range(1, seeds):
            targets = list(first.artifacts)
            answers = record_answers(first.source, net.case, place, targets, samples=samples, seed=seed)
            yield seed, replace(first, reference=answers)
        shutil.rmtree(place)
        return
    for seed in range(seeds):
        place.mkdir()
        yield seed, net.prepare(seed, place, samples)
        shutil.rmtree(place)


def _judged(name: str, seed: int, workshop: Workshop) -> Iterator[Alarm]:
    for target, artifact in workshop.artifacts.items():
        try:
            judged = judge_watched(artifact, workshop.reference)
        except EdgeproofError as error:
            yield Alarm(name, str(target), seed, "error", str(error))
            continue
        yield Alarm(
            net=name,
            target=str(target),
            seed=seed,
            verdict=judged.verdict.verdict,
            reason=judged.verdict.reason,
            others=judged.found,
            seconds=judged.seconds,
            plain_s=_run_once(artifact, workshop.reference),
        )


def _run_once(artifact: Artifact, reference: Reference) -> float:
    """Seconds of inference for every batch of the reference, each run once in a fresh session."""
    watch = Watch(plain_runtime(artifact.target.format))
    calls = [call for batch in reference.batches() for call in cut(batch, artifact, reference)]
    with watch.open(artifact) as session:
        for call in calls:
            session.run(call.inputs)
    return sum(watch.seconds)
