"""One piece of work, fully spelled out: what a recipe or a command line comes to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from msgspec.structs import asdict

from converters.errors import EdgeproofError
from converters.source import LoadOptions
from converters.target import ExportTarget, parse_targets
from converters.training import TrainingPlan
from pipeline.recipe import CalibrationSection, DataSection, DomainSection, LoadedRecipe, TrainSection
from validation.domain import Domain
from validation.feeds import FeedSpec
from validation.labels import ONLY, LabelSpec
from validation.limit import Limit

_SHARE_OF_MEMORY = 0.8


@dataclass(frozen=True, slots=True)
class Limits:
    """What one call of a worker may take.

    Attributes:
        time_s: seconds.
        memory_mb: resident memory of the worker and its children; None takes 80 % of the machine's.
    """

    time_s: float = 1800.0
    memory_mb: int | None = None

    @property
    def memory_limit_mb(self) -> int:
        if self.memory_mb is not None:
            return self.memory_mb
        import psutil

        return int(psutil.virtual_memory().total * _SHARE_OF_MEMORY / 2**20)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is to be made of which model, and how it is to be proven.

    Attributes:
        name: of the model; names the work directory and the bundle.
        version: of the model; names the bundle.
        model: path of the original; None when it is trained.
        training: how it is trained; None when it is loaded.
        load: how it may be opened.
        data: inputs to validate on.
        calibration: inputs to calibrate integer exports on; None takes `data`.
        targets: in registry order.
        opset: of ONNX files; None takes the default.
        batch: batch size to fix where a format can't keep it dynamic.
        runtimes: names, patterns and groups, as the user wrote them.
        require: names of runtimes that must be here.
        allow_failing: targets that may ship, or be missing, without having passed.
        limits: what the user set for single outputs, in place of what is derived.
        conversion: limits for each conversion; training has none.
        judging: limits for each artifact on each runtime.
        localize: ask of every verdict which layer differs, and not of failures only.
    """

    name: str
    version: str = "0.0.0"
    model: Path | None = None
    training: TrainingPlan | None = None
    load: LoadOptions = LoadOptions()
    data: FeedSpec = field(default_factory=FeedSpec)
    calibration: FeedSpec | None = None
    targets: tuple[ExportTarget, ...] = ()
    opset: int | None = None
    batch: int = 1
    runtimes: tuple[str, ...] = ("cpu",)
    require: tuple[str, ...] = ()
    allow_failing: tuple[ExportTarget, ...] = ()
    limits: Mapping[str, Limit] = field(default_factory=dict)
    conversion: Limits = Limits()
    judging: Limits = Limits()
    localize: bool = False


def job_of(loaded: LoadedRecipe) -> Job:
    """The job that a recipe describes."""
    recipe = loaded.recipe
    code = (loaded.directory,)
    return Job(
        name=recipe.model.name,
        version=recipe.model.version,
        model=loaded.resolve(recipe.model.path),
        training=_training(recipe.train, code),
        load=LoadOptions(
            signature_key=recipe.model.signature,
            custom_objects=recipe.model.custom_objects,
            code_directories=code,
            trust=recipe.model.trust,
        ),
        data=_data(loaded, recipe.data or DataSection(), _domain(recipe.domain)),
        calibration=_calibration(loaded, recipe.calibration, _domain(recipe.domain)),
        targets=parse_targets(recipe.export.targets),
        opset=recipe.export.opset,
        batch=recipe.export.batch,
        runtimes=recipe.validate.runtimes,
        require=recipe.validate.require,
        allow_failing=parse_targets(recipe.package.allow_failing),
        conversion=Limits(recipe.export.time_limit_s, recipe.export.memory_limit_mb),
        judging=Limits(recipe.validate.time_limit_s, recipe.validate.memory_limit_mb),
        limits={name: Limit(**asdict(limit)) for name, limit in recipe.validate.limits.items()},
    )


def check_data(job: Job) -> None:
    """Confirms that the data are there, before anything that takes long.

    Raises:
        EdgeproofError: a file or directory of the data doesn't exist.
    """
    for spec in filter(None, (job.data, job.calibration)):
        for path in filter(None, (spec.npz, spec.npy, spec.images)):
            if not path.exists():
                raise EdgeproofError(
                    f"{path}: no such data",
                    got="no file or directory of this name",
                    want="inputs for the model",
                    fix="correct the path, or leave it out to have inputs drawn from the signature",
                )


def _training(section: TrainSection | None, code: tuple[Path, ...]) -> TrainingPlan | None:
    if section is None:
        return None
    return TrainingPlan(
        callable=section.callable,
        code_directories=code,
        epochs=section.epochs,
        batch=section.batch,
        optimizer=section.optimizer,
        seed=section.seed,
    )


def _data(loaded: LoadedRecipe, section: DataSection, domain: Domain) -> FeedSpec:
    return replace(
        _feeds(loaded, section, domain),
        labels=_labels(loaded, section.labels),
        directed=section.directed,
        searched=section.searched,
    )


def _calibration(loaded: LoadedRecipe, section: CalibrationSection | None, domain: Domain) -> FeedSpec | None:
    return None if section is None else _feeds(loaded, section, domain)


def _feeds(loaded: LoadedRecipe, section: CalibrationSection, domain: Domain) -> FeedSpec:
    return FeedSpec(
        npz=loaded.resolve(section.npz),
        npy=loaded.resolve(section.npy),
        images=loaded.resolve(section.images),
        callable=section.callable,
        code_directories=(loaded.directory,),
        samples=section.samples,
        batch=section.batch,
        seed=section.seed,
        value_range=section.range,
        domain=domain,
    )


def _labels(loaded: LoadedRecipe, labels: bool | str | dict[str, str]) -> LabelSpec | None:
    """`true` for what a callable yields beside the inputs; a key or a file; or those by output."""
    if labels is False:
        return None
    if labels is True:
        return LabelSpec(streamed=True)
    named = {ONLY: labels} if isinstance(labels, str) else labels
    files = {name: str(loaded.resolve(text)) for name, text in named.items() if text.endswith(".npy")}
    return LabelSpec({**named, **files})


def _domain(section: DomainSection) -> Domain:
    return Domain(
        ranges=section.ranges,
        range=section.range,
        nan=section.nan,
        inf=section.inf,
        denormals=section.denormals,
        margin=section.margin,
    )
