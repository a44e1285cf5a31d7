"""Reads a recipe, and says in which line and section it is wrong and what was probably meant."""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path
from typing import Any, get_args, get_type_hints

import msgspec

from converters.errors import EdgeproofError
from pipeline.recipe import LimitSection, LoadedRecipe, Recipe
from pipeline.recipe_sense import check_sense
from pipeline.recipe_text import RecipeText

RECIPE_NAME = "recipe.toml"
"""Name of the file that is taken when a directory, or nothing, is named."""


def read_recipe(path: Path) -> LoadedRecipe:
    """The recipe in a file, or in `recipe.toml` of a directory.

    Raises:
        EdgeproofError: no such file, not TOML, an unknown key, a wrong type, a contradiction.
    """
    file = path / RECIPE_NAME if path.is_dir() else path
    text = _read_text(file)
    written = RecipeText(file, text)
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise EdgeproofError(
            f"{file}: not a TOML file",
            got=str(error),
            want="a recipe as in docs/recipe.md",
            fix="correct that line",
        ) from error
    _check_keys(written, tables)
    try:
        recipe = msgspec.convert(tables, Recipe)
    except msgspec.ValidationError as error:
        raise _wrong_value(written, tables, error) from error
    check_sense(written, recipe)
    return LoadedRecipe(path=file.absolute(), text=text, recipe=recipe)


def sections() -> dict[str, type[msgspec.Struct]]:
    """The struct of each section, in the order of the documentation."""
    found = {}
    for name, hint in get_type_hints(Recipe).items():
        kinds = [kind for kind in (hint, *get_args(hint)) if isinstance(kind, type)]
        found[name] = next(kind for kind in kinds if issubclass(kind, msgspec.Struct))
    return found


def _read_text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise EdgeproofError(
            f"{file}: no such recipe",
            got="no file of this name",
            want="a TOML file as in docs/recipe.md",
            fix=f"name the recipe, or write one to {file}",
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise EdgeproofError(
            f"{file}: the recipe cannot be read",
            got=str(error),
            want="a TOML file in UTF-8",
            fix="name a recipe that you may read",
        ) from error


def _check_keys(written: RecipeText, tables: dict[str, Any]) -> None:
    known = sections()
    for section, table in tables.items():
        if section not in known:
            raise _unknown(written.place(section), f"section [{section}]", section, list(known))
        if not isinstance(table, dict):
            raise EdgeproofError(
                f"{written.place(section)}: {section} is a section, not a value",
                got=f"{section} = {table!r}",
                want=f"[{section}] with keys below it",
                fix="see docs/recipe.md",
            )
        fields = list(known[section].__struct_fields__)
        for key in table:
            if key not in fields:
                raise _unknown(written.place(section, key), f"key {key!r} in [{section}]", key, fields)
    _check_limit_keys(written, tables.get("validate", {}).get("limits", {}))


def _check_limit_keys(written: RecipeText, limits: Any) -> None:
    """`[validate.limits.OUTPUT]` by hand, since msgspec doesn't say of which output it speaks."""
    fields = list(LimitSection.__struct_fields__)
    for name, table in limits.items() if isinstance(limits, dict) else [("OUTPUT", limits)]:
        section = f"validate.limits.{name}"
        if not isinstance(table, dict):
            raise EdgeproofError(
                f"{written.place('validate.limits', name)}: limits are given by output",
                got=f"{name} = {table!r}" if isinstance(limits, dict) else f"limits = {table!r}",
                want="[validate.limits.OUTPUT] with rtol and atol, sqnr_db, agreement or accuracy",
                fix="see docs/recipe.md",
            )
        for key, value in table.items():
            where = written.place(section, key)
            if key not in fields:
                raise _unknown(where, f"key {key!r} in [{section}]", key, fields)
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                raise EdgeproofError(
                    f"{where}: {key} in [{section}] has the wrong type",
                    got=repr(value),
                    want="a number",
                    fix="see docs/recipe.md",
                )


def _unknown(place: str, what: str, name: str, known: list[str]) -> EdgeproofError:
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return EdgeproofError(
        f"{place}: no such {what}",
        got=repr(name),
        want="one of " + ", ".join(known),
        fix=f"did you mean {close[0]}?" if close else "see docs/recipe.md",
    )


def _wrong_value(
    written: RecipeText, tables: dict[str, Any], error: msgspec.ValidationError
) -> EdgeproofError:
    """msgspec ends its message with the place: "Expected `int`, got `str` - at `$.train.epochs`"."""
    message, _, where = str(error).partition(" - at `$")
    section, _, key = where.rstrip("`").lstrip(".").partition(".")
    key = key.partition("[")[0]
    value = tables.get(section, {}).get(key)
    if not where or value is None:
        return EdgeproofError(
            f"{written.place(section)}: the recipe is incomplete",
            got=message,
            want="the keys that docs/recipe.md calls required",
            fix="add what is missing",
        )
    return EdgeproofError(
        f"{written.place(section, key)}: {key} in [{section}] has the wrong type",
        got=repr(value),
        want=message.partition(", got")[0].removeprefix("Expected ").replace("`", "").replace(" | null", ""),
        fix="see docs/recipe.md",
    )
