"""Whether a bundle is still the one that was packaged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from converters.artifact import hash_file
from converters.errors import EdgeproofError, ExitStatus
from pipeline.bundle import MANIFEST_NAME, MANIFEST_SCHEMA, self_hash


def verify(bundle: Path) -> int:
    """Confirms that a bundle holds exactly the files of its manifest, unchanged.

    A manifest that somebody rewrote together with its own hash can't be told from a true one without
    a signature.

    Returns:
        How many files were compared, the manifest included.

    Raises:
        EdgeproofError: not a bundle, or not the one that was packaged; names every file at fault.
    """
    manifest = _read(bundle)
    want = _recorded(manifest)
    present = (path for path in bundle.rglob("*") if path.is_file() or path.is_symlink())
    got = {path.relative_to(bundle).as_posix(): _hash(path) for path in present}
    del got[MANIFEST_NAME]
    faults = _differences(want, got)
    if self_hash(manifest) != manifest.get("sha256"):
        faults.insert(0, f"{MANIFEST_NAME} was changed")
    if faults:
        raise EdgeproofError(
            f"{bundle}: not the bundle that was packaged",
            got="\n".join(faults),
            want=f"the {len(want)} files of {MANIFEST_NAME}, unchanged, and no others",
            fix="do not ship it; take the original, or package again",
            status=ExitStatus.VERDICT_FAILED,
        )
    return len(want) + 1


def _read(bundle: Path) -> dict[str, Any]:
    path = bundle / MANIFEST_NAME
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(manifest, dict) or manifest.get("schema") != MANIFEST_SCHEMA:
            raise ValueError(f"schema is not {MANIFEST_SCHEMA}")
        _recorded(manifest)
    except (OSError, ValueError, KeyError, TypeError) as error:
        missing = isinstance(error, (FileNotFoundError, NotADirectoryError))
        raise EdgeproofError(
            f"{bundle}: not a bundle",
            got=f"no {MANIFEST_NAME}" if missing else f"{MANIFEST_NAME} cannot be understood: {error}",
            want=f"a directory that edgeproof packaged, with its {MANIFEST_NAME}",
            fix="name such a directory, like bundles/NAME/VERSION",
            status=ExitStatus.USAGE if missing else ExitStatus.VERDICT_FAILED,
        ) from error
    return manifest


def _recorded(manifest: dict[str, Any]) -> dict[str, str]:
    rows = {row["path"]: row["sha256"] for row in manifest["report"]}
    for export in manifest["exports"]:
        rows |= {f"{export['folder']}/{row['path']}": row["sha256"] for row in export["files"]}
    return rows


def _hash(path: Path) -> str:
    return "a symbolic link" if path.is_symlink() else hash_file(path)


def _differences(want: dict[str, str], got: dict[str, str]) -> list[str]:
    """One line for each file at fault, sorted by the name in the manifest."""
    missing = sorted(want.keys() - got.keys())
    extra = sorted(got.keys() - want.keys())
    faults = [
        f"{path} has other bytes" for path in sorted(want.keys() & got.keys()) if want[path] != got[path]
    ]
    for path in missing:
        twin = next((other for other in extra if got[other] == want[path]), None)
        if twin is None:
            faults.append(f"{path} is missing")
        else:
            extra.remove(twin)
            faults.append(f"{path} was renamed to {twin}")
    return faults + [f"{path} is not in {MANIFEST_NAME}" for path in extra]
