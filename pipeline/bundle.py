"""What ships: the artifacts that passed, their manifest and the report, in one directory.

The manifest holds no time and no absolute path: the same exports and verdicts give the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from converters.artifact import Artifact, FileRecord, check_files, hash_file
from converters.errors import EdgeproofError, ExitStatus
from converters.serial import to_plain
from pipeline.files import fresh_directory
from pipeline.state import RunState, label_of
from validation.report import render
from validation.result import Validation, write_result
from validation.verdict import Verdict, proven

MANIFEST_NAME = "manifest.json"
MANIFEST_SCHEMA = 1
REPORT = ("result.json", "report.md", "report.html")
"""What tells about the exports, besides the manifest."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle that was written.

    Attributes:
        directory: where it is.
        packed: artifacts in it.
        left_out: why each other target is not in it.
    """

    directory: Path
    packed: tuple[Artifact, ...]
    left_out: Mapping[str, str]


def pack(state: RunState, validation: Validation, bundles: Path) -> Bundle:
    """Writes `bundles/NAME/VERSION`, whole or not at all; an earlier one stays until then.

    Args:
        state: what was exported.
        validation: the verdicts on exactly these files.
        bundles: gets a directory for each model.

    Raises:
        EdgeproofError: there is nothing to ship, or a file is no longer the one that was validated.
    """
    packed = shippable(state, validation)
    left_out = _left_out(state, validation, packed)
    if not packed:
        raise EdgeproofError(
            f"{state.name} {state.version}: there is nothing to package",
            got="\n".join(f"{target}: {reason}" for target, reason in left_out.items()) or "no exports",
            want="at least one export that passed on the runtimes that are here",
            fix="see the report, or name targets that may fail in [package] allow_failing",
            status=ExitStatus.VERDICT_FAILED,
        )
    final = bundles / state.name / state.version
    with fresh_directory(final) as partial:
        for artifact in packed:
            check_files(artifact.directory, artifact.files)
            _copy(artifact, partial / artifact.target.slug)
        lasting = _without_times(validation)
        write_result(lasting, partial / "result.json")
        render(partial / "result.json", partial)
        manifest = _manifest(state, lasting, packed, left_out, partial)
        (partial / MANIFEST_NAME).write_text(sealed(manifest), encoding="utf-8")
    return Bundle(final, tuple(packed), left_out)


def _without_times(validation: Validation) -> Validation:
    """The result as it is every time; latencies never are."""
    verdicts = tuple(replace(verdict, latency=None) for verdict in validation.verdicts)
    return replace(validation, verdicts=verdicts)


def shippable(state: RunState, validation: Validation) -> list[Artifact]:
    """Artifacts that passed, or that the recipe allows to ship without."""
    return [
        artifact
        for artifact in state.artifacts
        if artifact.target in state.allow_failing or proven(validation.verdicts, label_of(artifact))
    ]


def sealed(manifest: dict[str, Any]) -> str:
    """The manifest as text, with its own hash as the last key."""
    body = {key: value for key, value in manifest.items() if key != "sha256"}
    return json.dumps({**body, "sha256": self_hash(body)}, indent=2, ensure_ascii=False) + "\n"


def self_hash(manifest: dict[str, Any]) -> str:
    """SHA-256 of a manifest without its own hash: sorted keys, no spaces, ASCII."""
    body = {key: value for key, value in manifest.items() if key != "sha256"}
    return hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _left_out(state: RunState, validation: Validation, packed: list[Artifact]) -> dict[str, str]:
    reasons = {str(failure.target): failure.what for failure in state.failures}
    for artifact in state.artifacts:
        if artifact not in packed:
            reasons[str(artifact.target)] = _worst_reason(_verdicts_on(artifact, validation))
    return reasons


def _verdicts_on(artifact: Artifact, validation: Validation) -> list[Verdict]:
    return [verdict for verdict in validation.verdicts if verdict.artifact == label_of(artifact)]


def _worst_reason(verdicts: list[Verdict]) -> str:
    for outcome in ("fail", "error", "unavailable"):
        for verdict in verdicts:
            if verdict.verdict == outcome:
                return f"{outcome} on {verdict.runtime}: {verdict.reason}"
    return "was judged on no runtime"


def _copy(artifact: Artifact, folder: Path) -> None:
    for record in artifact.files:
        target = folder / record.path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(artifact.directory / record.path, target)
    check_files(folder, artifact.files)


def _manifest(
    state: RunState, validation: Validation, packed: list[Artifact], left_out: dict[str, str], directory: Path
) -> dict[str, Any]:
    copied = [
        FileRecord(name, hash_file(directory / name), (directory / name).stat().st_size) for name in REPORT
    ]
    return {
        "schema": MANIFEST_SCHEMA,
        "name": state.name,
        "version": state.version,
        "source": to_plain(validation.source),
        "signature": to_plain(state.source.signature),
        "exports": [_export(artifact, state, validation) for artifact in packed],
        "left_out": left_out,
        "report": to_plain(copied),
        "data": validation.data,
        "samples": validation.samples,
        "recipe": state.recipe_text,
        "tools": to_plain(validation.tools),
    }


def _export(artifact: Artifact, state: RunState, validation: Validation) -> dict[str, Any]:
    plain = to_plain(artifact)
    return {
        "target": str(artifact.target),
        "folder": artifact.target.slug,
        "passed": proven(validation.verdicts, label_of(artifact)),
        "allowed_to_fail": artifact.target in state.allow_failing,
        **{key: value for key, value in plain.items() if key not in ("target", "directory")},
        "verdicts": to_plain(_verdicts_on(artifact, validation)),
    }
