"""Judges correct exports: whatever the judge finds there is a false alarm."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bench.detection.correct import Net
from bench.detection.trial import judge_watched
from bench.detection.watch import Watch, plain_runtime
from bench.detection.workshop import Workshop
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
        ratio: the greatest error of an element, in its noise floors; None where no output has a floor.
        ratio_rms: the same in root mean square, of the channel where it is greatest.
    """

    net: str
    target: str
    seed: int
    verdict: str
    reason: str
    others: dict[str, bool] = field(default_factory=dict)
    seconds: float = 0.0
    plain_s: float = 0.0
    ratio: float | None = None
    ratio_rms: float | None = None


def judge_net(name: str, net: Net, seed: int, work: Path) -> Iterator[Alarm]:
    """Every export of a network with the weights and inputs of a seed, made in an empty directory."""
    yield from _judged(name, seed, net.prepare(seed, work))
    shutil.rmtree(work)


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
            ratio=_greatest(o.comparison.noise_ratio for o in judged.verdict.outputs),
            ratio_rms=_greatest(o.comparison.noise_ratio_rms for o in judged.verdict.outputs),
        )


def _greatest(ratios: Iterable[float | None]) -> float | None:
    return max((ratio for ratio in ratios if ratio is not None), default=None)


def _run_once(artifact: Artifact, reference: Reference) -> float:
    """Seconds of inference for every batch of the reference, each run once in a fresh session."""
    watch = Watch(plain_runtime(artifact.target.format))
    calls = [call for batch in reference.batches() for call in cut(batch, artifact, reference)]
    with watch.open(artifact) as session:
        for call in calls:
            session.run(call.inputs)
    return sum(watch.seconds)
