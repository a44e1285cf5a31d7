"""The machine-readable result: schema 1, described in `docs/report.md` and `result.schema.json`.

In the file an output's comparison and its tolerance stand side by side, so that each output is one row.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import msgspec

from converters.errors import EdgeproofError
from converters.serial import from_plain, to_plain
from converters.signature import TensorSpec
from converters.writing import write_text
from validation.verdict import Comparison, Verdict

SCHEMA = 1

_OWN = ("passed", "proven", "needed", "found_by", "found_after")
"""Fields of an `OutputVerdict` that stand in its row as they are."""


@dataclass(frozen=True, slots=True)
class Validation:
    """Everything one `validate` or `run` found out.

    Attributes:
        ok: every verdict is "pass", or is allowed not to be.
        source: path, sha256, loader and notes of the original.
        inputs: the signature's inputs; likewise `outputs`.
        data: where the inputs came from and how many samples there were.
        tools: version of each package involved.
        notes: what a reader should know, one sentence each.
        truth: what the exports were held against: a float64 twin of the original, or its own answers.
    """

    schema: int
    ok: bool
    source: Mapping[str, Any]
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    data: str
    samples: int
    verdicts: tuple[Verdict, ...]
    tools: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    truth: str = ""


def write_result(validation: Validation, path: Path) -> None:
    """Writes the result; the file appears whole or not at all.

    Raises:
        EdgeproofError: the place can't be written to; an earlier file stays as it was.
    """
    write_text(path, dump_result(validation))


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


def _not_a_result(path: Path, got: str) -> EdgeproofError:
    return EdgeproofError(
        f"{path}: not a result that this version reads",
        got=got,
        want=f"a file that `edgeproof run` or `validate --json` wrote, schema {SCHEMA}",
        fix="check the path, or validate again with this version",
    )
