"""The converting side of a job: train or load, freeze once, convert to every target.

Each step is a function of hashed inputs that fills a directory and returns a small record; what was
done before with the same inputs, versions and code is not done again. One worker does them all, so
that TensorFlow and the model are loaded once; it starts with the first step that has to be done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from converters.artifact import Artifact, hash_file
from converters.convert import convert
from converters.errors import EdgeproofError, ExitStatus
from converters.freeze import freeze
from converters.frozen import ConversionOptions, FrozenGraph
from converters.progress import advance
from converters.signature import Signature
from converters.source import SourceModel
from converters.sources import describe_source
from converters.sources.locate import find_kind, hash_source
from converters.target import ExportTarget, all_targets
from converters.training import TrainingRecord, train
from pipeline.cache import StepCache, build_directory, digest
from pipeline.job import Job
from pipeline.versions import own_code_sha256, tool_versions, user_code_sha256
from pipeline.worker import Worker, WorkerError
from validation.coarser import roundings
from validation.feeds import FeedSpec, write_feeds
from validation.limit import check_limits
from validation.original_artifact import write_original
from validation.reference import Reference, record

CALIBRATION_SAMPLES = 256
"""How many samples calibrate an integer export unless the recipe says: TensorFlow's guides use 100
to 500, and the ranges hardly move after the first 100."""

_CALIBRATED = ("int8", "int8_io")


@dataclass(frozen=True, slots=True)
class FailedTarget:
    """A target that could not be made, with the four parts of its error."""

    target: ExportTarget
    what: str
    got: str
    want: str
    fix: str

    def error(self) -> EdgeproofError:
        """As what it ends a command that can't do without the target."""
        return EdgeproofError(
            self.what, got=self.got, want=self.want, fix=self.fix, status=ExitStatus.CONVERSION_FAILED
        )


class Steps:
    """The steps of one job.

    Args:
        job: what to do.
        work: directory for what is made on the way (`model`, `frozen`, `reference` …).
        artifacts: directory that gets one folder for each target.
        worker: runs the steps.
        fresh: do again what was done before.
    """

    def __init__(self, job: Job, work: Path, artifacts: Path, worker: Worker, fresh: bool = False) -> None:
        self._job = job
        self._work = work
        self._artifacts = artifacts
        self._worker = worker
        self._cache = StepCache(work, fresh)
        self._surroundings = digest(tool_versions(), own_code_sha256())

    def train(self) -> TrainingRecord | None:
        """The trained model's record; None when the job loads one."""
        plan = self._job.training
        if plan is None:
            return None
        code = user_code_sha256([plan.callable], plan.code_directories)
        key = digest(plan, code, self._surroundings)

        def make(out: Path) -> TrainingRecord:
            return self._worker.call_within(None, train, plan=plan, out=out)

        return self._cache.build("train", key, TrainingRecord, self._work / "model", make)

    def source(self, training: TrainingRecord | None) -> SourceModel:
        """The original, described.

        Raises:
            EdgeproofError: it doesn't exist, can't be opened, or lacks an output that has a limit.
        """
        path = training.model if training else self._job.model
        assert path is not None
        find_kind(path)
        load = self._job.load
        code = user_code_sha256(load.custom_objects, load.code_directories)
        key = digest(path, hash_source(path), load, code, self._surroundings)
        advance("load", 0, 1)

        def make() -> SourceModel:
            return self._worker.call(describe_source, path=path, options=load)

        found = self._cache.remember("source", key, SourceModel, make)
        check_limits(self._job.limits, found.signature.output_names)
        return found

    def graph(self, source: SourceModel) -> FrozenGraph:
        """The frozen graph that every format starts from."""
        load = source.options
        code = user_code_sha256(load.custom_objects, load.code_directories)
        key = digest(source, code, self._surroundings)

        def make(out: Path) -> FrozenGraph:
            return self._worker.call(freeze, source=source, out=out)

        return self._cache.build("frozen", key, FrozenGraph, self._work / "frozen", make)

    def reference(self, source: SourceModel, begun: Callable[[Path], None] = lambda _: None) -> Reference:
        """What the original answers; always recorded anew, since it is what everything is held against.

        Args:
            source: the original.
            begun: gets the directory that is being filled.
        """

        def make(out: Path) -> Reference:
            begun(out)
            # Of files that somebody else made, the targets are known only when they are opened.
            rounded = roundings(self._job.targets or all_targets())
            return self._worker.call(record, source=source, spec=self._job.data, out=out, precisions=rounded)

        found = build_directory(Reference, self._work / "reference", make)
        return replace(found, limits=self._job.limits)

    def original(self, source: SourceModel) -> Artifact:
        """The original as an artifact, for runtimes that open it."""
        return build_directory(Artifact, self._work / "original", lambda out: write_original(source, out))

    def options(self, signature: Signature) -> ConversionOptions:
        """What the conversions are told; writes the calibration feeds if a target needs them."""
        options = ConversionOptions(opset=self._job.opset, batch=self._job.batch)
        if not any(target.precision in _CALIBRATED for target in self._job.targets):
            return options
        spec = _calibration_spec(self._job, signature)
        advance("calibration data", 0, 1)

        def make(out: Path) -> tuple[Path, ...]:
            return self._worker.call(write_feeds, spec=spec, signature=signature, out=out)

        paths = build_directory(tuple[Path, ...], self._work / "calibration", make)
        return replace(options, calibration=paths)

    def convert(self, graph: FrozenGraph, options: ConversionOptions) -> Iterator[Artifact | FailedTarget]:
        """Every target of the job, one after the other; one that fails leaves the others alone."""
        made: dict[ExportTarget, Artifact | FailedTarget] = {}
        for number, target in enumerate(self._job.targets):
            advance("convert", number, len(self._job.targets), str(target))
            if target.base not in made and not target.is_base:
                made[target.base] = self._make(graph, target.base, options, None)
            base = made.get(target.base)
            if isinstance(base, FailedTarget):
                made[target] = replace(base, target=target)
            else:
                made[target] = self._make(graph, target, options, base)
            yield made[target]

    def _make(
        self, graph: FrozenGraph, target: ExportTarget, options: ConversionOptions, base: Artifact | None
    ) -> Artifact | FailedTarget:
        wanted = target in self._job.targets
        final = (self._artifacts if wanted else self._work / "bases") / target.slug
        if target.precision not in _CALIBRATED:
            options = replace(options, calibration=())
        feeds = [hash_file(path) for path in options.calibration]
        key = digest(
            graph.sha256,
            graph.signature,
            target,
            options.opset,
            options.batch,
            feeds,
            base.files if base else None,
            self._surroundings,
        )

        def make(out: Path) -> Artifact:
            return self._worker.call(convert, graph=graph, target=target, out=out, options=options, base=base)

        try:
            return self._cache.build(target.slug, key, Artifact, final, make)
        except EdgeproofError as error:
            return FailedTarget(target, error.what, error.got, error.want, error.fix)
        except WorkerError as error:
            return _converter_fault(target, error)


def _converter_fault(target: ExportTarget, error: WorkerError) -> FailedTarget:
    return FailedTarget(
        target,
        f"{target}: the converter failed",
        got=error.summary,
        want="a converted model",
        fix=f"see the traceback in {error.log}",
    )


def _calibration_spec(job: Job, signature: Signature) -> FeedSpec:
    """The calibration data, cut to a size that is enough, in whole batches of a fixed batch size."""
    spec = job.calibration or job.data
    fixed = [spec.shape[0] for spec in signature.inputs if spec.shape and spec.shape[0]]
    size = max(fixed, default=1)
    return replace(spec, samples=spec.samples or max(CALIBRATION_SAMPLES // size, 1) * size)
