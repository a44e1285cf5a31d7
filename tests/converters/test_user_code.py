"""The user's own modules: found where they are said to be, never in place of ours."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from converters.errors import EdgeproofError
from converters.user_code import blame_line, load_object


def _module(directory: Path, name: str, text: str) -> Path:
    path = directory / f"{name}.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def _fails(reference: str, *directories: Path) -> str:
    with pytest.raises(EdgeproofError) as caught:
        load_object(reference, directories)
    return str(caught.value)


def test_object_is_found_with_its_neighbours(tmp_path: Path) -> None:
    _module(tmp_path, "neighbour_a", "VALUE = 3\n")
    _module(tmp_path, "mine_a", "import neighbour_a\nclass Box:\n    value = neighbour_a.VALUE\n")
    assert load_object("mine_a:Box.value", [tmp_path]) == 3


@pytest.mark.parametrize("name", ["converters", "samples", "keras", "json", "numpy"])
def test_module_of_a_taken_name_is_loaded_and_shadows_nothing(tmp_path: Path, name: str) -> None:
    _module(tmp_path, name, "HERE = 'mine'\n")
    before = sys.modules.get(name)
    assert load_object(f"{name}:HERE", [tmp_path]) == "mine"
    assert sys.modules.get(name) is before
    assert str(tmp_path) not in sys.path[:-1]


def test_package_of_a_taken_name_imports_its_own_parts(tmp_path: Path) -> None:
    _module(tmp_path / "pipeline", "__init__", "")
    _module(tmp_path / "pipeline", "parts", "from .other import VALUE\n")
    _module(tmp_path / "pipeline", "other", "VALUE = 5\n")
    assert load_object("pipeline.parts:VALUE", [tmp_path]) == 5


def test_two_recipes_may_have_modules_of_the_same_name(tmp_path: Path) -> None:
    for number in (1, 2):
        _module(tmp_path / str(number), "helper_b", f"N = {number}\n")
        _module(tmp_path / str(number), "train_b", "from helper_b import N\n")
    assert [load_object("train_b:N", [tmp_path / str(number)]) for number in (1, 2, 1)] == [1, 2, 1]


def test_module_that_was_not_named_a_directory_for_is_an_installed_one() -> None:
    assert load_object("json:dumps") is __import__("json").dumps


@pytest.mark.parametrize("reference", ["layers", "layers:", ":Swish", "a b:c", "../x:y", "layers:Swish()"])
def test_reference_of_another_form_is_refused(reference: str) -> None:
    assert _fails(reference) == (
        f"{reference}: not a reference to Python code\n"
        f"  got:  {reference!r}\n"
        "  want: module:name, like layers:Swish\n"
        "  fix:  write the module's import name, a colon, and the name of the object in it"
    )


def test_missing_module_is_named(tmp_path: Path) -> None:
    assert _fails("absent_c:Swish", tmp_path) == (
        "absent_c:Swish: no module of that name\n"
        "  got:  No module named 'absent_c'\n"
        f"  want: absent_c.py in {tmp_path}\n"
        "  fix:  correct the name, or give the directory that holds the module"
    )


def test_missing_directory_is_named(tmp_path: Path) -> None:
    assert _fails("m:x", tmp_path / "no") == (
        f"{tmp_path}/no: no such code directory\n"
        f"  got:  m:x to be imported from {tmp_path}/no\n"
        "  want: a directory with Python files\n"
        "  fix:  correct the path"
    )


def test_missing_name_suggests_a_near_one(tmp_path: Path) -> None:
    path = _module(tmp_path, "mine_d", "class Swish: ...\ndef other(): ...\n")
    assert _fails("mine_d:Swsh", tmp_path) == (
        "mine_d:Swsh: the module has no such name\n"
        f"  got:  mine_d ({path}) with Swish, other\n"
        "  want: Swsh in it\n"
        "  fix:  did you mean Swish?"
    )


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (
            "x = 1\nraise ValueError('no data')\n",
            "ValueError: no data ({path}:2: raise ValueError('no data'))",
        ),
        (
            "import no_such_thing\n",
            "ModuleNotFoundError: No module named 'no_such_thing' ({path}:1: import no_such_thing)",
        ),
        ("x = (\n", "SyntaxError: '(' was never closed ({path}:1: x = ()"),
        ("import sys\nsys.exit(3)\n", "SystemExit: 3 ({path}:2: sys.exit(3))"),
    ],
    ids=["raises", "needs-another", "syntax", "exits"],
)
def test_module_that_raises_shows_the_users_own_line(tmp_path: Path, text: str, what: str) -> None:
    path = _module(tmp_path, "broken_e", text)
    assert _fails("broken_e:x", tmp_path) == (
        "broken_e:x: the module raises while it is imported\n"
        f"  got:  {what.format(path=path)}\n"
        "  want: a module that can be imported\n"
        "  fix:  correct that line, or install what it needs"
    )


def test_exception_without_a_line_of_the_users_stands_alone(tmp_path: Path) -> None:
    assert blame_line(KeyError("x"), [tmp_path]) == "KeyError: 'x'"
