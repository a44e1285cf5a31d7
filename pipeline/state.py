"""What a run exported: kept in the work directory, so that `package` ships exactly what was proven."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from converters.artifact import Artifact, hash_file
from converters.errors import EdgeproofError
from converters.serial import dumps, loads
from converters.source import SourceModel
from converters.target import ExportTarget
from converters.writing import write_text
from pipeline.recipe import LoadedRecipe
from pipeline.steps import FailedTarget
from validation.result import Validation, read_result

STATE_NAME = "state.json"
RESULT_NAME = "result.json"


@dataclass(frozen=True, slots=True)
class RunState:
    """The exports of one run.

    Attributes:
        name: of the model; likewise `version`.
        recipe_text: the recipe's content at that time.
        source: the original.
        artifacts: that were made.
        failures: of those that were not.
        allow_failing: targets that may ship without having passed.
        result_sha256: hash of the `result.json` that belongs to them.
    """

    name: str
    version: str
    recipe_text: str
    source: SourceModel
    artifacts: tuple[Artifact, ...]
    failures: tuple[FailedTarget, ...]
    allow_failing: tuple[ExportTarget, ...]
    result_sha256: str


def label_of(artifact: Artifact) -> str:
    """The artifact as verdicts name it: `tflite-int8/model.tflite`."""
    return f"{artifact.target.slug}/{artifact.entry}"


def write_state(state: RunState, work: Path) -> None:
    write_text(work / STATE_NAME, dumps(state))


def read_state(loaded: LoadedRecipe, work: Path) -> tuple[RunState, Validation]:
    """The exports and verdicts of the recipe's last run.

    Raises:
        EdgeproofError: it was not run, was changed since, or the result is of another run.
    """
    try:
        state = loads((work / STATE_NAME).read_text(encoding="utf-8"), RunState)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise _run_first(loaded, work, f"no {STATE_NAME}") from error
    except (ValueError, msgspec.ValidationError) as error:
        raise _run_first(loaded, work, f"a {STATE_NAME} of another version") from error
    if state.recipe_text != loaded.text:
        raise _run_first(loaded, work, "a run of the recipe before it was changed")
    result = work / RESULT_NAME
    if not result.is_file() or hash_file(result) != state.result_sha256:
        raise _run_first(loaded, work, f"a {RESULT_NAME} that is not this run's")
    return state, read_result(result)


def _run_first(loaded: LoadedRecipe, work: Path, got: str) -> EdgeproofError:
    return EdgeproofError(
        f"{work}: no finished run of {loaded.path.name} here",
        got=got,
        want="exports and verdicts of this recipe",
        fix=f"edgeproof run {loaded.path}",
    )
