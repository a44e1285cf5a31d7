"""The written report: Markdown and one self-contained HTML page, made from the JSON result alone.

result.json ─► view (what is said, in order) ─► templates/report.md.j2, report.html.j2
"""

from __future__ import annotations

from pathlib import Path

from converters.writing import write_text
from validation.report import depth
from validation.report.text import escape_markdown, latency, number, unbroken
from validation.report.view import View, build_view
from validation.result import read_result

MARKDOWN_NAME = "report.md"
HTML_NAME = "report.html"


def render(result: Path, out: Path) -> tuple[Path, Path]:
    """Writes `report.md` and `report.html`, each whole or not at all.

    Args:
        result: what `write_result` wrote.
        out: directory, made if it is not there.

    Returns:
        Both paths, Markdown first.

    Raises:
        EdgeproofError: `result` is not a result, or `out` can't be written to.
    """
    view = build_view(read_result(result))
    markdown, html = out / MARKDOWN_NAME, out / HTML_NAME
    write_text(markdown, _render("report.md.j2", view))
    write_text(html, _render("report.html.j2", view))
    return markdown, html


def _render(template: str, view: View) -> str:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    is_html = template.endswith(".html.j2")
    environment = Environment(
        loader=PackageLoader("validation.report"),
        undefined=StrictUndefined,
        autoescape=is_html,
        finalize=unbroken if is_html else escape_markdown,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["latency"] = latency
    environment.filters.update(depth=depth.draw, layers=depth.rows, plain=number)
    return environment.get_template(template).render(view=view)
