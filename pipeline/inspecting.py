"""What a model is, and what would stop each target: nothing is converted."""

from __future__ import annotations

from dataclasses import dataclass

from converters.errors import EdgeproofError
from converters.inspection import Inspection, inspect_model
from converters.obstacles import Obstacle, find_obstacles
from converters.progress import advance
from converters.target import all_targets
from pipeline.files import Workplace
from pipeline.job import Job
from pipeline.steps import Steps
from pipeline.worker import Worker


@dataclass(frozen=True, slots=True)
class Examination:
    """A model, described and traced.

    Attributes:
        inspection: what the model itself tells.
        obstacles: ops of the traced graph that a format refuses, with their layers.
        stopped: why the model can't be traced and frozen at all, or "".
    """

    inspection: Inspection
    obstacles: tuple[Obstacle, ...]
    stopped: str = ""


def examine_model(job: Job, place: Workplace) -> Examination:
    """Describes the model of a job; a recipe's model is trained if it has not been yet.

    Args:
        job: names the model.
        place: gets the trained model, and the traced graph for a while.
    """
    with Worker(place.log, job.conversion.time_s, job.conversion.memory_limit_mb) as worker:
        steps = Steps(job, place.directory, place.directory, worker)
        source = steps.source(steps.train())
        advance("inspect", 0, 2, "layers")
        inspection = worker.call(inspect_model, source=source)
        advance("inspect", 1, 2, "graph")
        try:
            graph = steps.graph(source)
        except EdgeproofError as error:
            return Examination(inspection, (), str(error))
        found = [
            obstacle
            for target in all_targets()
            if target.is_base  # an op stops a format in every precision
            for obstacle in worker.call(find_obstacles, graph=graph, target=target)
        ]
    return Examination(inspection, tuple(found))
