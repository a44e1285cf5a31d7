"""The machine-readable result: its schema, its round trip, and files that are refused."""

from __future__ import annotations

import json
import math
import re
from dataclasses import fields
from pathlib import Path

import jsonschema
import pytest

from converters.errors import EdgeproofError
from tests.validation.results import RESULT_SCHEMA as SCHEMA
from tests.validation.results import comparison, tolerance, validation, varied, verdict
from validation.accuracy import Accuracy
from validation.result import Validation, dump_result, read_result, write_result
from validation.verdict import Comparison, OutputVerdict, Outside, Split, Verdict

VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

OF_THE_VERDICT = {"measure", "limit", "limit_reason", "passed", "proven"} | {
    "needed", "found_by", "found_after", "also"}  # fmt: skip
"""Fields of an output's row that its comparison doesn't have."""


def plain(result: Validation) -> dict:
    return json.loads(dump_result(result))


def test_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("result", [validation(), varied(), validation(verdict(outputs=(), verdict="error"))])
def test_results_keep_the_schema(result):
    VALIDATOR.validate(plain(result))


def test_the_schema_knows_every_field():
    for kind, part, other in (
        (Validation, SCHEMA, set()),
        (Verdict, SCHEMA["$defs"]["verdict"], set()),
        (Comparison, SCHEMA["$defs"]["output"], OF_THE_VERDICT),
        (Accuracy, SCHEMA["$defs"]["accuracy"], set()),
        (Outside, SCHEMA["$defs"]["outside"], set()),
        (Split, SCHEMA["$defs"]["split"], set()),
    ):
        names = {field.name for field in fields(kind)} | other
        assert set(part["properties"]) == names
        assert set(part["required"]) == names


DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize(
    ("heading", "part"), [("The whole", None), ("A verdict", "verdict"), ("An output", "output")]
)
def test_tables_of_the_documentation_have_every_field_and_no_other(heading, part):
    text = (DOCS / "report.md").read_text().partition(f"## {heading}\n")[2].partition("\n## ")[0]
    firsts = re.findall(r"^\| (`.*?) \|", text, re.M)
    documented = [name for first in firsts for name in re.findall(r"`([^`]+)`", first)]
    definition = SCHEMA if part is None else SCHEMA["$defs"][part]
    assert sorted(documented) == sorted(definition["properties"])


@pytest.mark.parametrize(
    ("page", "part"),
    [
        ("report.md", "accuracy"),
        ("report.md", "outside"),
        ("report.md", "split"),
        ("report.md", "latency"),
        ("localize.md", "localization"),
        ("localize.md", "layer"),
    ],
)
def test_every_field_of_a_part_is_documented(page, part):
    text = (DOCS / page).read_text()
    assert [name for name in SCHEMA["$defs"][part]["properties"] if f"`{name}`" not in text] == []


BREACHES = {
    "bare-nan": lambda r: r["verdicts"][0]["outputs"][0].update(max_abs=None),
    "unknown-verdict": lambda r: r["verdicts"][0].update(verdict="skipped"),
    "unknown-field": lambda r: r["verdicts"][0].update(colour="red"),
    "pass-without-outputs": lambda r: r["verdicts"][0].update(outputs=[]),
    "pass-without-device": lambda r: r["verdicts"][0].update(device=""),
    "pass-without-samples": lambda r: r["verdicts"][0].update(samples=0),
    "pass-with-failed-output": lambda r: r["verdicts"][0]["outputs"][0].update(passed=False),
    "passed-but-not-proven": lambda r: r["verdicts"][0]["outputs"][0].update(proven=False),
    "other-schema": lambda r: r.update(schema=2),
}


@pytest.mark.parametrize("breach", BREACHES.values(), ids=BREACHES.keys())
def test_the_schema_refuses(breach):
    result = plain(validation())
    breach(result)
    assert not VALIDATOR.is_valid(result)


def test_an_output_is_one_row():
    (output,) = plain(validation())["verdicts"][0]["outputs"]
    want = {
        "name": "logits",
        "max_abs": 2.4e-6,
        "max_rel_range": 1.6e-7,
        "worst_index": [3, 7],
        "measure": "max_rel_range",
        "limit": 1.28e-6,
        "limit_reason": tolerance().reason,
        "passed": True,
        "proven": True,
    }
    assert {name: output[name] for name in want} == want


def test_what_is_no_number_is_spelt():
    odd = comparison(max_abs=math.inf, sqnr_db=-math.inf, cosine=math.nan, worst_actual=math.nan)
    text = dump_result(validation(verdict(outputs=(OutputVerdict(odd, tolerance(), False),), verdict="fail")))
    output = json.loads(text, parse_constant=pytest.fail)["verdicts"][0]["outputs"][0]
    assert [output[name] for name in ("max_abs", "sqnr_db", "cosine", "worst_actual")] == [
        "Infinity", "-Infinity", "NaN", "NaN"]  # fmt: skip


def test_reading_gives_what_was_written(tmp_path):
    write_result(varied(), tmp_path / "result.json")
    again = read_result(tmp_path / "result.json")
    assert dump_result(again) == (tmp_path / "result.json").read_text()
    assert again.verdicts[0] == varied().verdicts[0]
    assert math.isinf(again.verdicts[3].outputs[0].comparison.max_abs)


def refusal(path: Path) -> str:
    with pytest.raises(EdgeproofError) as caught:
        read_result(path)
    return str(caught.value)


REFUSED = {
    "schema-2": ('{"schema": 2}', "schema 2"),
    "no-schema": ("{}", "JSON without a schema number"),
    "a-list": ("[]", "JSON without a schema number"),
    "no-verdicts": ('{"schema": 1}', "schema 1 with a fault: 'verdicts'"),
    "not-json": ("hello", "Expecting value: line 1 column 1 (char 0)"),
}


@pytest.mark.parametrize(("text", "got"), REFUSED.values(), ids=REFUSED.keys())
def test_other_files_are_refused(tmp_path, text, got):
    path = tmp_path / "result.json"
    path.write_text(text)
    assert refusal(path) == (
        f"{path}: not a result that this version reads\n"
        f"  got:  {got}\n"
        "  want: a file that `edgeproof run` or `validate --json` wrote, schema 1\n"
        "  fix:  check the path, or validate again with this version"
    )


def test_a_missing_file_is_refused(tmp_path):
    assert "  got:  no such file\n" in refusal(tmp_path / "gone.json")
