"""A network up to the point where faults are put in: saved, frozen, exported, its answers recorded."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.detection.fault import Norm
from bench.detection.models import DOMAINS
from converters.artifact import Artifact
from converters.frozen import FrozenGraph
from converters.source import LoadOptions, SourceModel
from converters.target import ExportTarget, parse_targets
from tests.zoo_case import Case
from validation.domain import Domain
from validation.expected import Reference
from validation.feeds import FeedSpec
from validation.tensor_files import write_tensors

if TYPE_CHECKING:
    import keras

ROOT = Path(__file__).parents[2]
SAMPLES = 32
CALIBRATION_SAMPLES = 256


@dataclass(frozen=True)
class Exports:
    """One network and its correct exports.

    Attributes:
        source: the saved original.
        graph: frozen once for every target.
        artifacts: by target.
        layers: names of the Keras layers but the inputs.
        norms: its BatchNorms.
    """

    source: SourceModel
    graph: FrozenGraph
    artifacts: Mapping[ExportTarget, Artifact]
    layers: Collection[str]
    norms: Mapping[str, Norm]


@dataclass(frozen=True)
class Workshop(Exports):
    """The same with the original's answers: one reference for all mutants."""

    reference: Reference


def prepare(case: Case, targets: Collection[str], work: Path) -> Workshop:
    """Builds, saves, freezes, exports and records a network in an empty directory."""
    return prepare_model(case.build(), case, targets, work, samples=SAMPLES, seed=0)


def prepare_model(
    model: keras.Model,
    case: Case,
    targets: Collection[str],
    work: Path,
    *,
    samples: int,
    seed: int,
    data: bool = False,
) -> Workshop:
    """As `prepare`, for a network that is built already; of the case only the inputs matter.

    Args:
        data: judge on data of the case's range, which the domain then follows; always done for
            quantized exports, which are right only where they were calibrated.
    """
    made = export(model, case, targets, work, seed)
    data = data or not all(target.is_base for target in made.artifacts)
    given, wanted = case if data else None, list(made.artifacts)
    reference = record_answers(
        made.source, given, work, wanted, samples=samples, seed=seed, domain=DOMAINS.get(case.id)
    )
    return Workshop(**vars(made), reference=reference)


def export(model: keras.Model, case: Case, targets: Collection[str], work: Path, seed: int = 0) -> Exports:
    """A network saved, frozen and converted."""
    from converters.freeze import freeze
    from converters.sources import describe_source

    model.save(work / "model.keras")
    options = LoadOptions(custom_objects=case.custom_objects, code_directories=(ROOT,))
    source = describe_source(work / "model.keras", options)
    graph = freeze(source, work / "graph")
    artifacts = _convert(graph, parse_targets(targets), case, work, seed)
    layers = [name for name, kind in graph.layers.items() if kind != "InputLayer"]
    return Exports(source, graph, artifacts, layers, _norms(model))


def record_answers(
    source: SourceModel,
    case: Case | None,
    work: Path,
    targets: Collection[ExportTarget],
    *,
    samples: int,
    seed: int,
    domain: Mapping[str, tuple[float, float]] | None = None,
) -> Reference:
    """What the original answers, to data of a case's range or to what the signature takes.

    Args:
        domain: inputs that count, by name.
    """
    from validation.coarser import roundings
    from validation.reference import record

    out = work / f"reference-{seed}"
    out.mkdir()
    spec = FeedSpec(samples=samples, seed=seed, domain=Domain(ranges=domain or {}))
    if case is not None:
        write_tensors(out / "data.npz", case.feeds(source.signature, samples, seed=seed))
        spec = FeedSpec(npz=out / "data.npz", seed=seed)
    return record(source=source, spec=spec, out=out, precisions=roundings(targets))


def _convert(
    graph: FrozenGraph, targets: Collection[ExportTarget], case: Case, work: Path, seed: int
) -> dict[ExportTarget, Artifact]:
    from converters.convert import convert
    from converters.frozen import ConversionOptions
    from validation.feeds import write_feeds

    (work / "calibration").mkdir()
    data = work / "calibration.npz"
    write_tensors(data, case.feeds(graph.signature, CALIBRATION_SAMPLES, seed=seed + 1))
    files = write_feeds(FeedSpec(npz=data), graph.signature, work / "calibration")
    options = ConversionOptions(calibration=files)
    return {target: convert(graph, target, work / target.slug, options) for target in targets}


def _norms(model: Any) -> dict[str, Norm]:
    found = {}
    for layer in model.layers:
        if type(layer).__name__ == "BatchNormalization":
            variance, beta = np.asarray(layer.moving_variance), np.asarray(layer.beta)
            found[layer.name] = Norm(variance.astype(np.float64), beta.astype(np.float64), layer.epsilon)
    return found
