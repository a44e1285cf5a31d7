"""Asks of each failure which layer is wrong; on demand of every verdict.

It runs in a worker, beside TensorFlow: a runtime that crashes there ends that answer and nothing else.
Whatever goes wrong, the verdict stays what it is.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from converters.artifact import Artifact
from converters.errors import EdgeproofError
from converters.frozen import FrozenGraph
from converters.progress import advance
from converters.target import PRECISIONS
from pipeline.job import Job
from pipeline.worker import Worker, WorkerError
from validation.blame import accuses
from validation.expected import Reference
from validation.localization import Localization
from validation.localize import localize
from validation.verdict import Verdict, names_of

REPRODUCERS = "reproducer"
"""Name of the directory for failing cases: a directory for each export and runtime."""


@dataclass(frozen=True, slots=True)
class Localizer:
    """What is needed to find wrong layers.

    Attributes:
        reference: the original's answers.
        graph_of: gives the original's frozen graph; only called when it is needed.
        worker: to run it in.
        job: says how long one may take, and whether all verdicts are asked about.
        out: gets a directory for each failing case that can be made smaller.
    """

    reference: Reference
    graph_of: Callable[[], FrozenGraph]
    worker: Worker
    job: Job
    out: Path

    def explain(
        self, verdicts: tuple[Verdict, ...], artifacts: Mapping[str, Artifact]
    ) -> tuple[Verdict, ...]:
        """The verdicts, with what could be found out about each that has something to explain.

        Args:
            artifacts: by label.
        """
        asked = [verdict for verdict in verdicts if self._is_asked(verdict, artifacts)]
        if not asked:
            return verdicts
        try:
            graph = self.graph_of()
        except (EdgeproofError, WorkerError) as error:
            return _explained(verdicts, {id(verdict): _unknown(error) for verdict in asked})
        found = {}
        folders = _folders(artifacts)
        for number, verdict in enumerate(asked):
            advance("localize", number, len(asked), f"{verdict.artifact} on {verdict.runtime}")
            found[id(verdict)] = self._localize(
                verdict, artifacts[verdict.artifact], graph, f"{folders[verdict.artifact]}-{verdict.runtime}"
            )
        return _explained(verdicts, found)

    def _is_asked(self, verdict: Verdict, artifacts: Mapping[str, Artifact]) -> bool:
        if verdict.artifact not in artifacts or verdict.target.partition(":")[0] not in PRECISIONS:
            return False
        return accuses(verdict) or (self.job.localize and verdict.verdict != "unavailable")

    def _localize(self, verdict: Verdict, artifact: Artifact, graph: FrozenGraph, name: str) -> Localization:
        directory = self.out.absolute() / name
        try:
            found = self.worker.call_within(
                self.job.judging.time_s,
                localize,
                artifact=artifact,
                runtime_name=verdict.runtime,
                reference=self.reference,
                graph=graph,
                out=directory,
                sample=_worst_sample(verdict),
            )
        except (EdgeproofError, WorkerError) as error:
            return _unknown(error)
        return replace(found, reproducer=_portable(found.reproducer))


def _folders(artifacts: Mapping[str, Artifact]) -> dict[str, str]:
    """A name for each artifact: its target, and a number where several have the same one."""
    names: dict[str, str] = {}
    for label, artifact in artifacts.items():
        slug = artifact.target.slug
        alike = sum(artifacts[other].target == artifact.target for other in names)
        names[label] = f"{slug}-{alike + 1}" if alike else slug
    return names


def _worst_sample(verdict: Verdict) -> int | None:
    """Of the first output that fails; None has it looked for."""
    failed = [output.comparison for output in verdict.outputs if not output.passed]
    return failed[0].worst_index[0] if failed and failed[0].worst_index else None


def _portable(path: str) -> str:
    """Below the current directory where it lies there."""
    inside = path and Path(path).is_relative_to(Path.cwd())
    return Path(path).relative_to(Path.cwd()).as_posix() if inside else path


def describe_layers(verdicts: Collection[Verdict]) -> Iterator[str]:
    """What was found out, for people: a line for each verdict, and where its failing case is."""
    names = names_of(verdicts)
    for verdict in verdicts:
        found = verdict.localization
        if found is None:
            continue
        yield f"layer        {names[verdict.artifact]} on {verdict.runtime}: {found.summary}"
        if found.reproducer:
            yield f"             smallest failing case: {found.reproducer}"


def _unknown(error: EdgeproofError | WorkerError) -> Localization:
    why = f"{error.what}: {error.got}" if isinstance(error, EdgeproofError) else error.summary
    return Localization((), " ".join(f"it could not be told which layer is wrong: {why}".split()))


def _explained(verdicts: tuple[Verdict, ...], found: Mapping[int, Localization]) -> tuple[Verdict, ...]:
    return tuple(replace(v, localization=found[id(v)]) if id(v) in found else v for v in verdicts)
