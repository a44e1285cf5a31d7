"""The part of the report that tells which layer is wrong: a table, and a plot along the depth."""

from __future__ import annotations

import json
import math
import re
from dataclasses import fields

import jsonschema
import pytest

from tests.validation.localizations import layer, localization
from tests.validation.results import RESULT_SCHEMA, validation, verdict
from tests.validation.test_report import HOSTILE, Page
from validation.localization import LayerError, Localization
from validation.report import depth, render
from validation.result import dump_result, read_result, write_result


@pytest.fixture
def written(tmp_path):
    """Both reports of one failed verdict with this localization: Markdown first."""

    def give(found):
        result = validation(verdict(verdict="fail", localization=found))
        write_result(result, tmp_path / "result.json")
        assert read_result(tmp_path / "result.json") == result
        return tuple(path.read_text() for path in render(tmp_path / "result.json", tmp_path / "out"))

    return give


def test_markdown_has_a_row_for_each_layer_and_says_which_is_wrong(written):
    markdown, _ = written(localization())
    section = markdown[markdown.index("### Which layer") :]
    assert section.strip().splitlines() == [
        "### Which layer, on litert-cpu",
        "",
        "norm creates the error: 2.1e+04 times its own noise.",
        "",
        "Sample 3, held against the float64 twin of the original's graph. "
        "A layer is right up to 8 times its own noise.",
        "",
        "| Layers | | In the file | As it ran | Alone | Of its noise | SQNR | Values | Stored as |",
        "|---|---|---|---:|---:|---:|---:|---|---|",
        "| conv |   | Conv, Relu | 1.2e-7 | 9e-8 | 0.7 | 140.9 dB | 0 to 4.25 | float32 |",
        "| norm | wrong  | Conv, Relu | 0.003 | 0.003 | 21000 | 50.5 dB | 0 to 4.25 | float32 |",
        "| pool |   | Conv, Relu | 0.0025 | 0 | 0.7 | ∞ dB | 0 to 4.25 | float32 |",
        "",
        "- not found in the file by themselves: dropout",
        "- a note",
        "- smallest failing case: build/model/reproducer/onnx-float32-onnxruntime-cpu",
    ]


def test_page_has_a_plot_with_the_wrong_layer_marked(written):
    page = Page(written(localization())[1])
    dots = [attributes["class"] for tag, attributes in page.tags if tag == "circle"]
    assert dots == ["right", "guilty", "right"]
    assert "norm: alone 0.003, 21000 times its own noise" in page.words


def test_quantized_tensors_are_shown_with_scale_zero_point_and_range(written):
    row = layer(dtype="int8", scale=0.0234, zero_point=-12, low=-2.75, high=3.25)
    markdown, _ = written(localization(layers=(row,)))
    assert "| -2.75 to 3.25 | int8, scale 0.0234, zero point -12 |" in markdown


def test_a_row_of_one_channel_says_of_which(written):
    row = layer("norm", guilty=True, noise_ratio=839.0, alone=1e-4, channel=1)
    markdown, page = written(localization(layers=(row,)))
    assert "| norm | wrong  | Conv, Relu | 1.2e-7 | 0.0001 | 839 in channel 1 | 140.9 dB |" in markdown
    assert "norm: alone 0.0001, 839 times its own noise in channel 1" in Page(page).words
    assert "839 in channel 1" in page


def test_what_names_bring_along_stays_text(written):
    markdown, page = written(localization(guilty=(HOSTILE,), summary=HOSTILE, layers=(layer(HOSTILE),)))
    assert "<script>alert" not in markdown + page
    Page(page)


def test_nothing_to_draw_where_no_layer_was_found(written):
    markdown, page = written(localization(guilty=(), summary="no layer was found in the file", layers=()))
    assert "no layer was found in the file." in markdown
    assert '<svg class="depth"' not in page


def test_plot_keeps_infinite_errors_inside_and_leaves_out_unknown_ones():
    rows = (layer(), layer("b", inherited=math.nan, alone=math.inf), layer("c", inherited=math.inf))
    plot = depth.draw(localization(layers=rows))
    assert plot is not None
    assert [dot.y for dot in plot.dots][1] == depth.TOP
    assert re.findall("[ML]", plot.line) == ["M", "M"]
    heights = [y for y, _ in plot.grid]
    assert max(heights) <= depth.HEIGHT - depth.BOTTOM
    assert min(heights) >= depth.TOP


@pytest.mark.parametrize(("kind", "part"), [(Localization, "localization"), (LayerError, "layer")])
def test_the_schema_knows_every_field(kind, part):
    definition = RESULT_SCHEMA["$defs"][part]
    names = {field.name for field in fields(kind)}
    assert set(definition["properties"]) == set(definition["required"]) == names


def test_results_with_a_localization_keep_the_schema():
    result = validation(verdict(verdict="fail", localization=localization()))
    jsonschema.Draft202012Validator(RESULT_SCHEMA).validate(json.loads(dump_result(result)))
