"""What the documentation says is so: commands, options, links, tables, snippets."""

from __future__ import annotations

import re
import shlex
import subprocess
import tomllib
from pathlib import Path

import pytest

from converters.target import ORIGINAL, PRECISIONS
from pipeline.recipe_file import read_recipe
from validation.runtimes import RUNTIMES

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def table_of_runtimes() -> str:
    """The README's table: which runtime opens which format."""
    columns = {**dict.fromkeys(PRECISIONS), ORIGINAL: "original"}
    heads = [head or format for format, head in columns.items()]
    rows = ["| runtime | " + " | ".join(heads) + " |", "|---|" + "---|" * len(columns)]
    for name, runtime in RUNTIMES.items():
        cells = ["yes" if each in runtime.formats else "" for each in columns]
        rows.append(f"| `{name}` | " + " | ".join(cells) + " |")
    return "\n".join(rows)


def table_of_targets() -> str:
    """The README's table: which precisions each format has."""
    rows = ["| format | targets |", "|---|---|"]
    for format, precisions in PRECISIONS.items():
        rows.append(f"| {format} | " + ", ".join(f"`{format}:{each}`" for each in precisions) + " |")
    return "\n".join(rows)


def snippets(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S)


def shell_lines() -> list[tuple[str, str]]:
    """Every line of every shell snippet, with its page."""
    lines = [
        (page.name, line) for page in PAGES for text in snippets(page, "sh") for line in text.splitlines()
    ]
    return [(page, line) for page, line in lines if line.strip()]


def anchors(page: Path) -> set[str]:
    """The anchors that headings get on a forge."""
    heads = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def test_readme_has_the_tables_of_the_registries() -> None:
    assert table_of_targets() in README
    assert table_of_runtimes() in README


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        file = page.parent / path if path else page
        assert file.exists(), f"{page.name} links to {target}"
        assert not anchor or anchor in anchors(file), f"{page.name} links to {target}"


def test_every_recipe_in_the_documentation_can_be_read(tmp_path: Path) -> None:
    whole = [text for page in PAGES for text in snippets(page, "toml") if "model" in tomllib.loads(text)]
    assert len(whole) >= 2
    for number, text in enumerate(whole):
        (tmp_path / f"{number}.toml").write_text(text)
        read_recipe(tmp_path / f"{number}.toml")


def test_every_edgeproof_command_is_one_with_such_options() -> None:
    from pipeline.cli import edgeproof

    commands = [line for _, line in shell_lines() if line.startswith("edgeproof ")]
    assert commands
    for line in commands:
        _, name, *arguments = shlex.split(line, comments=True)
        command = edgeproof.get_command(None, name)
        assert command is not None, line
        known = {option for parameter in command.params for option in parameter.opts}
        for argument in arguments:
            assert not argument.startswith("-") or argument in known, f"{line}: no option {argument}"


def test_every_make_target_is_one() -> None:
    listed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    targets = set(re.findall(r"^  ([a-z-]+) ", listed, re.M))
    named = {shlex.split(line, comments=True)[1] for _, line in shell_lines() if line.startswith("make ")}
    assert {"demo", "test"} <= named <= targets
    assert {
        "export-tflite",
        "export-tfjs",
        "export-onnx",
        "export",
        "validate",
        "package",
        "report",
    } <= targets
    assert {"lint", "clean", "bench", "wheel", "setup", "test-all", "help"} <= targets


@pytest.mark.parametrize(
    "target",
    ["demo", "export-tflite", "export-tfjs", "export-onnx", "export", "validate", "package", "report"],
)
def test_make_calls_commands_and_options_that_exist(target: str) -> None:
    from pipeline.cli import edgeproof

    dry = ["make", "--dry-run", "--always-make", target, "RECIPE=samples/linear/recipe.toml"]
    lines = subprocess.run(dry, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    calls = [shlex.split(line) for line in lines if "bin/edgeproof" in line]
    assert len(calls) == 1
    _, name, recipe, *options = calls[0]
    command = edgeproof.get_command(None, name)
    assert command is not None
    assert recipe == f"samples/{'digits' if target == 'demo' else 'linear'}/recipe.toml"
    assert {each for each in options if each.startswith("-")} <= {o for p in command.params for o in p.opts}


def test_exit_statuses_are_those_of_the_code() -> None:
    from converters.errors import ExitStatus

    listed = {int(number) for number in re.findall(r"^\| (\d+) \| ", README, re.M)}
    assert listed == {int(status) for status in ExitStatus}


def test_dependencies_are_all_justified_and_no_others() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = [
        *project["project"]["dependencies"],
        *(row for extra in project["project"]["optional-dependencies"].values() for row in extra),
        *project["dependency-groups"]["dev"],
    ]
    names = {re.match(r"[\w-]+", row)[0] for row in wanted} - {"edgeproof"}
    text = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    python, javascript = text.split("## In JavaScript")
    assert set(re.findall(r"^\| ([\w-]+) \|", python, re.M)) - {"package", "uv"} == names
    package = (ROOT / "validation/runtimes/js/package.json").read_text()
    wanted_js = set(re.findall(r'"([@\w/-]+)": "\d', package.split('"devDependencies"')[1]))
    first_cells = re.findall(r"^\| ([@\w/, -]+) \|", javascript, re.M)
    assert {name for cell in first_cells for name in cell.split(", ")} - {"package"} == wanted_js
