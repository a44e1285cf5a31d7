"""Takes a case of the zoo through the stages, in this process, remembering the last one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from converters.artifact import Artifact
from converters.convert import convert
from converters.freeze import freeze
from converters.frozen import ConversionOptions, FrozenGraph
from converters.source import LoadOptions, SourceModel
from converters.sources import describe_source
from converters.target import ExportTarget
from tests.zoo import ZOO
from validation.feeds import FeedSpec, write_feeds
from validation.judge import conclude, judge
from validation.reference import Reference, record
from validation.runtimes import select
from validation.verdict import Verdict

SAMPLES = 8
CALIBRATION_SAMPLES = 256
"""As many as the command line takes; a few would leave the judged samples outside of their range."""

REPOSITORY = Path(__file__).parents[2]


@dataclass(frozen=True)
class Prepared:
    """A case up to the point where its targets part.

    Attributes:
        source: the saved model.
        graph: frozen once for every target.
        reference: what the original answers to the case's own feeds.
        calibration: other feeds of the same kind.
    """

    source: SourceModel
    graph: FrozenGraph
    reference: Reference
    calibration: tuple[Path, ...]


@lru_cache(maxsize=1)
def prepare(case_id: str, directory: Path) -> Prepared:
    """Builds, saves, opens, freezes and records a case; `directory` is empty."""
    case = ZOO[case_id]
    path = directory / f"{case_id}.keras"
    case.build().save(path)
    source = describe_source(
        path, LoadOptions(custom_objects=case.custom_objects, code_directories=(REPOSITORY,))
    )
    graph = freeze(source, directory / "graph")
    for folder in ("reference", "calibration"):
        (directory / folder).mkdir()
    judged, calibrated = directory / "judged.npz", directory / "calibrated.npz"
    np.savez(judged, **case.feeds(source.signature, SAMPLES, seed=0))
    np.savez(calibrated, **case.feeds(source.signature, CALIBRATION_SAMPLES, seed=1))
    reference = record(source=source, spec=FeedSpec(npz=judged), out=directory / "reference")
    feeds = write_feeds(FeedSpec(npz=calibrated), source.signature, directory / "calibration")
    return Prepared(source, graph, reference, feeds)


@lru_cache(maxsize=4)
def export_once(case_id: str, target: ExportTarget, directory: Path) -> tuple[Prepared, Artifact]:
    """A case and one target of it, for every runtime that asks; `directory` is the case's own."""
    directory.mkdir(exist_ok=True)
    prepared = prepare(case_id, directory)
    return prepared, export(prepared, target, directory)


def export(prepared: Prepared, target: ExportTarget, directory: Path) -> Artifact:
    """One target, converted and confirmed."""
    options = ConversionOptions(calibration=prepared.calibration)
    return convert(prepared.graph, target, directory / target.slug, options)


def judge_everywhere(prepared: Prepared, artifact: Artifact) -> tuple[Verdict, ...]:
    """Verdicts of every runtime that opens this format and needs neither GPU nor browser."""
    runtimes = [runtime for runtime in select(("cpu",), artifact.target.format) if not runtime.missing()]
    verdicts = tuple(
        judge(
            artifact=artifact, runtime_name=runtime.name, reference=prepared.reference, label=artifact.entry
        )
        for runtime in runtimes
    )
    return conclude(verdicts)
