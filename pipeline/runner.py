"""What `run`, `validate RECIPE` and `package` do: prove a recipe's exports, write it down, bundle them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from converters.artifact import hash_file
from pipeline.bundle import Bundle, pack, shippable
from pipeline.files import Workplace
from pipeline.job import Job
from pipeline.plan import Proof, prove
from pipeline.recipe import LoadedRecipe
from pipeline.runs import copy_runs
from pipeline.state import RESULT_NAME, RunState, read_state, write_state
from validation.report import render
from validation.result import Validation, write_result


@dataclass(frozen=True, slots=True)
class Done:
    """A recipe that was carried out.

    Attributes:
        validation: the verdicts.
        seconds: how long each took, by artifact label and runtime.
        report: the Markdown and the HTML report.
        bundle: what ships; None when that wasn't asked for, or nothing may ship.
    """

    validation: Validation
    seconds: Mapping[tuple[str, str], float]
    report: tuple[Path, Path]
    bundle: Bundle | None


def run_recipe(
    loaded: LoadedRecipe, job: Job, place: Workplace, bundles: Path | None = None, fresh: bool = False
) -> Done:
    """Carries a recipe out.

    Args:
        loaded: the recipe.
        job: what it comes to, with what the command line changes.
        place: work directory and log; gets the result, the report and what was exported.
        bundles: where a bundle is written if anything may ship; None writes none.
        fresh: do again what was done before.
    """
    proof = prove(job, place, fresh)
    report = _write_down(loaded, job, proof, place.directory)
    bundle = None
    if bundles is not None:
        state, validation = read_state(loaded, place.directory)
        if shippable(state, validation):
            bundle = _pack(state, validation, place.directory, bundles)
    return Done(proof.validation, proof.seconds, report, bundle)


def package_recipe(loaded: LoadedRecipe, work: Path, bundles: Path) -> Bundle:
    """Bundles what the last run of a recipe has proven.

    Raises:
        EdgeproofError: no such run, nothing to ship, or files that were changed since.
    """
    state, validation = read_state(loaded, work)
    return _pack(state, validation, work, bundles)


def _write_down(loaded: LoadedRecipe, job: Job, proof: Proof, work: Path) -> tuple[Path, Path]:
    """Result and report; last the state, without which nothing counts as finished."""
    result = work / RESULT_NAME
    write_result(proof.validation, result)
    report = render(result, work)
    state = RunState(
        name=job.name,
        version=job.version,
        recipe_text=loaded.text,
        source=proof.exports.source,
        artifacts=proof.exports.artifacts,
        failures=proof.exports.failures,
        allow_failing=job.allow_failing,
        result_sha256=hash_file(result),
    )
    write_state(state, work)
    return report


def _pack(state: RunState, validation: Validation, work: Path, bundles: Path) -> Bundle:
    bundle = pack(state, validation, bundles)
    copy_runs(work, bundles / state.name)
    return bundle
