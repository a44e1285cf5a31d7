"""The report: made from the JSON alone, self-contained, and safe from what names bring along."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from converters.errors import EdgeproofError
from tests.validation.results import comparison, tolerance, validation, varied, verdict
from validation.report import render, text
from validation.report.figure import LIMIT, WIDTH, gauge, shares
from validation.report.view import build_view
from validation.result import Validation, write_result
from validation.room import nearest, share_of_limit, used
from validation.verdict import OutputVerdict, Split

HOSTILE = '<script>alert("x")</script> & | `code` *bold* [a](http://x) \n## no'


@pytest.fixture
def written(tmp_path):
    """Both reports of a result, as text: Markdown first."""

    def give(result: Validation) -> tuple[str, str]:
        write_result(result, tmp_path / "result.json")
        return tuple(path.read_text() for path in render(tmp_path / "result.json", tmp_path / "out"))

    return give


class Page(HTMLParser):
    """Checks that tags are closed in order; collects tags, attributes and text."""

    VOID = frozenset({"meta", "br", "line", "rect"})

    def __init__(self, content: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(content)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def hostile() -> Validation:
    named = comparison(HOSTILE, worst_expected=HOSTILE, worst_actual="b")
    output = OutputVerdict(named, tolerance(reason=HOSTILE), True)
    texts = {"artifact": HOSTILE, "device": HOSTILE, "reason": HOSTILE, "notes": (HOSTILE,)}
    return validation(verdict(outputs=(output,), **texts))


@pytest.mark.parametrize("result", [validation(), varied(), hostile()], ids=["good", "varied", "hostile"])
def test_the_page_is_whole_and_needs_nothing_from_elsewhere(written, result):
    _, html = written(result)
    page = Page(html)
    assert not re.search(r"https?:|//|@import|url\(", html.replace(HOSTILE, "").replace("http://x", ""))
    assert {tag for tag, _ in page.tags}.isdisjoint({"script", "link", "img", "iframe"})
    assert not any(
        name.startswith("on") or name in ("src", "style") for _, attrs in page.tags for name in attrs
    )
    links = [attrs["href"] for tag, attrs in page.tags if tag == "a"]
    anchors = {f"#{attrs['id']}" for _, attrs in page.tags if "id" in attrs}
    assert set(links) <= anchors


def test_hostile_names_stay_text(written):
    markdown, html = written(hostile())
    assert HOSTILE.splitlines()[0] in "".join(Page(html).words)
    assert "<script" not in html.replace("&lt;script", "")
    assert "<script" not in markdown.replace("\\<script", "")
    assert "\n## no" not in markdown
    for line in markdown.splitlines():
        if line.startswith("|"):
            assert re.sub(r"\\\|", "", line).count("|") in (3, 5, 15), line


def test_both_say_the_verdict_first(written):
    markdown, html = written(varied())
    assert markdown.startswith(
        "# digits.keras: Not proven: 4 of 8 checks do not pass\n\n4 pass, 2 fail, 1 unavailable, 1 error\n"
    )
    body = html[html.index("<body>") :]
    assert body.index("Not proven: 4 of 8") < body.index("Overview") < body.index("What does not pass")


HEADLINES = {
    "all": (validation(verdict(), verdict("litert-reference")), "Proven: every check passes"),
    "one": (validation(), "Proven: the check passes"),
    "allowed": (
        validation(verdict(), verdict("x", verdict="fail")),
        "Good to ship: 1 of 2 checks pass, the others are allowed not to",
    ),
    "bad": (validation(verdict("x", verdict="fail"), ok=False), "Not proven: 1 of 1 checks do not pass"),
    "required-runtime-missing": (
        validation(verdict(), ok=False),
        "Not proven: all that was checked passes, but not all that was asked for was checked",
    ),
}


@pytest.mark.parametrize(("result", "headline"), HEADLINES.values(), ids=HEADLINES.keys())
def test_headline(result, headline):
    assert build_view(result).headline == headline


def test_nothing_checked_is_not_proven(written):
    nothing = replace(validation(ok=False), verdicts=())
    markdown, html = written(nothing)
    assert "# digits.keras: Nothing was checked" in markdown
    assert '<p class="headline bad">Nothing was checked</p>' in html


def test_the_matrix_has_a_cell_for_every_export_and_runtime(written):
    view = build_view(varied())
    assert view.runtimes == (
        "litert-cpu", "litert-reference", "onnxruntime-cpu", "onnxruntime-unoptimized", "tfjs-node-cpu",
        "tfjs-node-wasm", "conversion")  # fmt: skip
    assert [[cell.verdict if cell else None for cell in export.cells] for export in view.exports] == [
        ["pass", "pass", None, None, None, None, None],
        ["pass", None, None, None, None, None, None],
        [None, None, "fail", "pass", None, None, None],
        [None, None, None, None, "unavailable", "fail", None],
        [None, None, None, None, None, None, "error"],
    ]
    markdown, _ = written(varied())
    row = (
        "| onnx:float32 (onnx-float32) | not proven | 51.9 kB |  |  |  | fail ∞ % | pass 12.5 % |  |  |  |\n"
    )
    assert row in markdown


def test_every_fact_of_an_output_is_in_both(written):
    for content in written(varied()):
        for fact in ("≤ 1.28e-6", "139.2 dB", "4.125003", "87.5 %", "≥ 27.9 dB", "∞", "48.2 kB",
                     "4 of 80 elements beyond the limit", "found by directed: negative integers",
                     "after 4 samples", "file 0.06, runtime 0.005", "same top class ≥ 75.0 %", "float64 twin",
                     "97.6 %, original 98.0 %; kept 99.6 % (98.7 % to 100.4 %)", "0.5", "negative integers",
                     "1.6e-7", "NaN: 0 expected, 1 got", "unproven"):  # fmt: skip
            assert fact in content.replace("\N{NO-BREAK SPACE}", " "), fact


def test_no_line_of_the_page_breaks_between_a_number_and_its_unit(written):
    markdown, html = written(varied())
    assert re.findall(r"\d (?:%|dB)", html) == []
    assert "97.6\N{NO-BREAK SPACE}%, original 98.0\N{NO-BREAK SPACE}%; kept" in html
    assert "97.6 %, original 98.0 %; kept" in markdown


def test_many_outputs_and_long_names_are_all_there(written):
    names = [f"block_{n}_" + "very_long_name_" * 8 for n in range(60)]
    outputs = tuple(OutputVerdict(comparison(name), tolerance(), True) for name in names)
    markdown, html = written(validation(verdict(outputs=outputs)))
    assert all(name in html and name.replace("_", "\\_") in markdown for name in names)


def test_the_same_result_gives_the_same_bytes(written):
    assert written(varied()) == written(varied())


def test_a_report_of_something_else_is_refused(tmp_path):
    (tmp_path / "result.json").write_text("{}")
    with pytest.raises(EdgeproofError, match="not a result that this version reads"):
        render(tmp_path / "result.json", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["result.json"]


# pictures


@pytest.mark.parametrize(("facts", "share"), [
    ({}, 0.125), ({"max_rel_range": 1.28e-6}, 1.0), ({"max_rel_range": 0.0}, 0.0),
    ({"max_abs": math.inf}, math.inf), ({"max_rel_range": math.nan}, math.inf),
])  # fmt: skip
def test_how_much_of_a_limit_is_used(facts, share):
    assert share_of_limit(comparison(**facts), tolerance()) == pytest.approx(share)


@pytest.mark.parametrize(("measure", "value", "limit", "share"), [
    ("sqnr_db", 40.0, 20.0, 0.1), ("sqnr_db", 0.0, 20.0, 10.0), ("sqnr_db", math.inf, 20.0, 0.0),
    ("sqnr_db", -math.inf, 20.0, 1e300), ("argmax_agreement", 0.98, 0.96, 0.5),
    ("argmax_agreement", 1.0, 1.0, 0.0),
    ("argmax_agreement", 0.9, 1.0, math.inf), ("mismatched", 0, 0.0, 0.0), ("mismatched", 1, 0.0, math.inf),
])  # fmt: skip
def test_how_much_of_other_limits_is_used(measure, value, limit, share):
    found = share_of_limit(comparison(**{measure: value}), tolerance(measure=measure, limit=limit))
    assert found == pytest.approx(share)


@pytest.mark.parametrize(
    ("value", "beyond"), [(0.0, False), (1e-9, False), (1.2e-6, False), (2e-6, True), (9.0, True)]
)
def test_a_bar_ends_left_of_the_limit_if_that_is_kept(value, beyond):
    drawn = gauge(OutputVerdict(comparison(max_rel_range=value), tolerance(), not beyond))
    assert 0 <= drawn.length <= WIDTH
    assert (drawn.length > LIMIT) is drawn.beyond is beyond


def test_a_bar_tells_how_errors_are_spread():
    assert gauge(OutputVerdict(comparison(), tolerance(), True)).title == (
        "uses 12.5 % of its limit; half of the errors up to 1.9e-7, 99 % up to 1.7e-6, all up to 2.4e-6"
    )


def test_of_several_limits_the_nearest_one_is_told():
    also = (tolerance(measure="sqnr_db", limit=20.0), tolerance(measure="max_abs", limit=1.0))
    output = OutputVerdict(comparison(sqnr_db=26.0), tolerance(), True, also=also)
    assert nearest(output) == also[0]
    assert used(output) == pytest.approx(0.501, abs=1e-3)
    assert gauge(output).title.startswith("uses 50.1 % of its limit")


def test_whose_error_it_is():
    drawn = shares(Split("y", "litert-reference", 5.0, 3.0, 4.0))
    assert (drawn.words, drawn.file) == ("file 3, runtime 4", pytest.approx(WIDTH * 9 / 25, abs=0.1))
    assert shares(Split("y", "litert-reference", 0.0, 0.0, 0.0)).file == WIDTH


# words


@pytest.mark.parametrize(("value", "want"), [
    (0.0, "0"), (1.32e-6, "1.32e-6"), (1.5e12, "1.5e12"), (-0.25, "-0.25"), (12.0, "12"), (7, "7"),
    (math.nan, "NaN"), (math.inf, "∞"), (-math.inf, "-∞"), (None, "-"), (123456.7, "1.23e5"),
])  # fmt: skip
def test_number(value, want):
    assert text.number(value) == want


@pytest.mark.parametrize(("size", "want"), [
    (0, ""), (12, "12 B"), (999, "999 B"), (1000, "1 kB"), (48_208, "48.2 kB"), (999_600, "1 MB"),
    (3_210_000_000, "3.21 GB"),
])  # fmt: skip
def test_size(size, want):
    assert text.size(size) == want
