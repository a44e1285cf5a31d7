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
from validation.report.figure import HEIGHT, MARGIN, WIDTH, axis_for, draw, limit_in_units
from validation.report.view import build_view
from validation.result import write_result
from validation.verdict import OutputVerdict, Validation

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

    VOID = frozenset({"meta", "br", "line", "circle"})

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
            assert re.sub(r"\\\|", "", line).count("|") in (3, 4, 5, 11), line


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
    assert "| onnx:float32 (onnx-float32) | 51.9 kB |  |  | fail | pass |  |  |  |\n" in markdown


def test_every_fact_of_an_output_is_in_both(written):
    for content in written(varied()):
        for fact in ("≤ 1.28e-6", "139.2 dB", "4.125003", "87.5 %", "≥ 27.9 dB", "∞", "48.2 kB",
                     "4 of 80 elements beyond the limit", "NaN: 0 expected, 1 got", "unproven"):  # fmt: skip
            assert fact in content, fact


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


# figures


def test_figure_stands_in_its_frame_with_the_limit_right_of_what_keeps_it():
    pair = comparison(), tolerance()
    figure = draw(*pair, axis_for([pair]))
    assert figure is not None
    left, right = figure.band
    assert MARGIN <= left < right <= figure.tail[1] == figure.measured < figure.limit <= WIDTH - MARGIN
    assert figure.height == HEIGHT
    assert (
        figure.title
        == "half of the errors up to 1.9e-07, 99 % up to 1.7e-06, all up to 2.4e-06; limit 1.9e-05"
    )


@pytest.mark.parametrize("facts", [
    {"max_abs": math.inf, "rmse": math.inf, "quantiles": {"p50": 0.0, "p99": math.inf}},
    {"max_abs": 5e-324, "quantiles": {"p50": 0.0, "p99": 5e-324}},
    {"max_abs": 1e308, "quantiles": {"p50": 1e-300, "p99": 1e308}},
    {"expected_min": math.nan, "expected_max": math.nan},
])  # fmt: skip
def test_figure_of_extremes_stays_in_its_frame(facts):
    pair = comparison(**facts), tolerance()
    figure = draw(*pair, axis_for([pair]))
    places = [*figure.band, *figure.tail, figure.measured, figure.limit or MARGIN]
    assert all(MARGIN <= place <= WIDTH - MARGIN for place in places), places


def test_no_figure_where_nothing_differs():
    pair = comparison(max_abs=0.0), tolerance()
    assert draw(*pair, axis_for([pair])) is None


def test_limit_in_the_units_of_the_output():
    assert limit_in_units(comparison(), tolerance()) == pytest.approx(1.28e-6 * 15)
    assert limit_in_units(comparison(), tolerance(measure="max_abs", limit=0.5)) == 0.5
    sqnr = comparison(rmse=0.06, sqnr_db=40.0), tolerance(measure="sqnr_db", limit=20.0)
    assert limit_in_units(*sqnr) == pytest.approx(0.6)
    assert limit_in_units(comparison(), tolerance(measure="mismatched")) is None


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
