"""The machine-readable result: schema 1, described in `docs/report.md` and `result.schema.json`.

In the file an output's comparison and its tolerance stand side by side, so that each output is one row.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import msgspec

from converters.errors import EdgeproofError
from converters.serial import from_plain, to_plain
from validation.verdict import SCHEMA, Comparison, Validation

STDOUT = Path("-")

SCHEMA_PATH = Path(__file__).with_name("result.schema.json")

_OWN = ("passed", "proven", "needed", "found_by", "found_after")
"""Fields of an `OutputVerdict` that stand in its row as they are."""


def write_result(validation: Validation, path: Path) -> None:
    """Writes the result; the file appears whole or not at all, and `-` is standard output.

    Raises:
        EdgeproofError: the place can't be written to; an earlier file stays as it was.
    """
    text = dump_result(validation)
    if path == STDOUT:
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    write_text(path, text)


def write_text(path: Path, text: str) -> None:
    """Writes a file; it appears whole or not at all.

    Raises:
        EdgeproofError: the place can't be written to; an earlier file stays as it was.
    """
    try:
        _replace(path, text)
    except OSError as error:
        raise EdgeproofError(
            f"{path}: can't be written",
            got=error.strerror or str(error),
            want="a file in a directory that exists, has room and may be written to",
            fix="name another place",
        ) from error


def dump_result(validation: Validation) -> str:
    """The result as JSON text with a final newline."""
    plain = to_plain(validation)
    plain["verdicts"] = [_flat(verdict) for verdict in plain["verdicts"]]
    return json.dumps(plain, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def read_result(path: Path) -> Validation:
    """What `write_result` wrote.

    Raises:
        EdgeproofError: there is no such file, or it is not a result of this schema.
    """
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        got = "no such file" if isinstance(error, FileNotFoundError) else str(error)
        raise _not_a_result(path, got) from error
    schema = plain.get("schema") if isinstance(plain, dict) else None
    if schema != SCHEMA:
        raise _not_a_result(
            path, f"schema {schema}" if schema is not None else "JSON without a schema number"
        )
    try:
        plain["verdicts"] = [_deep(verdict) for verdict in plain["verdicts"]]
        return from_plain(plain, Validation)
    except (msgspec.ValidationError, KeyError, TypeError, AttributeError) as error:
        raise _not_a_result(path, f"schema {SCHEMA} with a fault: {error}") from error


def _flat(verdict: Mapping[str, Any]) -> dict[str, Any]:
    """Each output as one row: the comparison, the limit that counts, and what came of it."""
    return {**verdict, "outputs": [_row(output) for output in verdict["outputs"]]}


def _row(output: Mapping[str, Any]) -> dict[str, Any]:
    rest = {name: output[name] for name in _OWN}
    also = [_limit(tolerance) for tolerance in output["also"]]
    return output["comparison"] | _limit(output["tolerance"]) | rest | {"also": also}


def _limit(tolerance: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "measure": tolerance["measure"],
        "limit": tolerance["limit"],
        "limit_reason": tolerance["reason"],
    }


def _deep(verdict: Mapping[str, Any]) -> dict[str, Any]:
    """The inverse of `_flat`."""
    return {**verdict, "outputs": [_output(row) for row in verdict["outputs"]]}


def _output(row: Mapping[str, Any]) -> dict[str, Any]:
    comparison = {field.name: row[field.name] for field in fields(Comparison)}
    also = [_tolerance(limit) for limit in row["also"]]
    rest = {name: row[name] for name in _OWN}
    return {"comparison": comparison, "tolerance": _tolerance(row), "also": also, **rest}


def _tolerance(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"measure": row["measure"], "limit": row["limit"], "reason": row["limit_reason"]}


def _replace(path: Path, text: str) -> None:
    """Writes beside the file, and takes its place."""
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", dir=path.parent, prefix=f".{path.name}.", delete=False
    ) as stream:
        try:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
            Path(stream.name).chmod(0o644)
            Path(stream.name).replace(path)
        except BaseException:
            Path(stream.name).unlink(missing_ok=True)
            raise


def _not_a_result(path: Path, got: str) -> EdgeproofError:
    return EdgeproofError(
        f"{path}: not a result that this version reads",
        got=got,
        want=f"a file that `edgeproof run` or `validate --json` wrote, schema {SCHEMA}",
        fix="check the path, or validate again with this version",
    )
