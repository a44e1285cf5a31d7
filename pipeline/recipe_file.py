"""Reads a recipe, and says in which line and section it is wrong and what was probably meant."""

from __future__ import annotations

import difflib
import re
import tomllib
from pathlib import Path
from typing import Any, get_args, get_type_hints

import msgspec

from converters.errors import EdgeproofError
from converters.target import parse_targets
from pipeline.recipe import NAME_PATTERN, CalibrationSection, LimitSection, LoadedRecipe, Recipe
from validation.limit import Limit

RECIPE_NAME = "recipe.toml"
"""Name of the file that is taken when a directory, or nothing, is named."""


def read_recipe(path: Path) -> LoadedRecipe:
    """The recipe in a file, or in `recipe.toml` of a directory.

    Raises:
        EdgeproofError: no such file, not TOML, an unknown key, a wrong type, a contradiction.
    """
    file = path / RECIPE_NAME if path.is_dir() else path
    text = _read_text(file)
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise EdgeproofError(
            f"{file}: not a TOML file",
            got=str(error),
            want="a recipe as in docs/recipe.md",
            fix="correct that line",
        ) from error
    _check_keys(file, text, tables)
    try:
        recipe = msgspec.convert(tables, Recipe)
    except msgspec.ValidationError as error:
        raise _wrong_value(file, text, tables, error) from error
    _check_sense(file, text, recipe)
    return LoadedRecipe(path=file.absolute(), text=text, recipe=recipe)


def sections() -> dict[str, type[msgspec.Struct]]:
    """The struct of each section, in the order of the documentation."""
    found = {}
    for name, hint in get_type_hints(Recipe).items():
        kinds = [kind for kind in (hint, *get_args(hint)) if isinstance(kind, type)]
        found[name] = next(kind for kind in kinds if issubclass(kind, msgspec.Struct))
    return found


def line_of(text: str, section: str, key: str | None = None) -> int | None:
    """Number of the line that holds a key, or the head of a section; from 1; None if not found."""
    current = ""
    inline = re.compile(rf"\s*{re.escape(section)}\s*[.=]")
    entry = re.compile(rf"""\s*["']?{re.escape(key or "")}["']?\s*=""")
    for number, line in enumerate(text.splitlines(), start=1):
        if head := re.match(r"\s*\[\s*([^\]]+?)\s*\]", line):
            current = re.sub(r"""["']""", "", head[1])
            found = key is None and current == section
        elif current == "":
            found = inline.match(line) is not None
        else:
            found = key is not None and current == section and entry.match(line) is not None
        if found:
            return number
    return None


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


def _check_keys(file: Path, text: str, tables: dict[str, Any]) -> None:
    known = sections()
    for section, table in tables.items():
        if section not in known:
            raise _unknown(_place(file, text, section), f"section [{section}]", section, list(known))
        if not isinstance(table, dict):
            raise EdgeproofError(
                f"{_place(file, text, section)}: {section} is a section, not a value",
                got=f"{section} = {table!r}",
                want=f"[{section}] with keys below it",
                fix="see docs/recipe.md",
            )
        fields = list(known[section].__struct_fields__)
        for key in table:
            if key not in fields:
                raise _unknown(_place(file, text, section, key), f"key {key!r} in [{section}]", key, fields)
    _check_limit_keys(file, text, tables.get("validate", {}).get("limits", {}))


def _check_limit_keys(file: Path, text: str, limits: Any) -> None:
    """`[validate.limits.OUTPUT]` by hand, since msgspec doesn't say of which output it speaks."""
    fields = list(LimitSection.__struct_fields__)
    for name, table in limits.items() if isinstance(limits, dict) else [("OUTPUT", limits)]:
        section = f"validate.limits.{name}"
        if not isinstance(table, dict):
            raise EdgeproofError(
                f"{_place(file, text, 'validate.limits', name)}: limits are given by output",
                got=f"{name} = {table!r}" if isinstance(limits, dict) else f"limits = {table!r}",
                want="[validate.limits.OUTPUT] with rtol and atol, sqnr_db, agreement or accuracy",
                fix="see docs/recipe.md",
            )
        for key, value in table.items():
            where = _place(file, text, section, key)
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


def _place(file: Path, text: str, section: str, key: str | None = None) -> str:
    line = line_of(text, section, key) or line_of(text, section) or line_of(text, section.partition(".")[0])
    return f"{file}, line {line}" if line else str(file)


def _wrong_value(
    file: Path, text: str, tables: dict[str, Any], error: msgspec.ValidationError
) -> EdgeproofError:
    """msgspec ends its message with the place: "Expected `int`, got `str` - at `$.train.epochs`"."""
    message, _, where = str(error).partition(" - at `$")
    section, _, key = where.rstrip("`").lstrip(".").partition(".")
    key = key.partition("[")[0]
    value = tables.get(section, {}).get(key)
    if not where or value is None:
        return EdgeproofError(
            f"{_place(file, text, section) if section else file}: the recipe is incomplete",
            got=message,
            want="the keys that docs/recipe.md calls required",
            fix="add what is missing",
        )
    return EdgeproofError(
        f"{_place(file, text, section, key)}: {key} in [{section}] has the wrong type",
        got=repr(value),
        want=message.partition(", got")[0].removeprefix("Expected ").replace("`", "").replace(" | null", ""),
        fix="see docs/recipe.md",
    )


def _check_sense(file: Path, text: str, recipe: Recipe) -> None:
    """What types cannot say."""
    for key in ("name", "version"):
        value = getattr(recipe.model, key)
        if not NAME_PATTERN.fullmatch(value):
            raise EdgeproofError(
                f"{_place(file, text, 'model', key)}: {key} cannot be a directory name",
                got=repr(value),
                want="letters, digits and . _ + -, beginning with a letter or digit",
                fix=f"choose another {key}",
            )
    if (recipe.model.path is None) == (recipe.train is None):
        raise EdgeproofError(
            f"{_place(file, text, 'model')}: it must be clear where the model comes from",
            got="both model.path and [train]" if recipe.train else "neither model.path nor [train]",
            want="exactly one of the two",
            fix="remove one" if recipe.train else 'add path = "…" to [model], or a [train] section',
        )
    for section, data in (("data", recipe.data), ("calibration", recipe.calibration)):
        _check_data(file, text, section, data)
    _check_numbers(file, text, recipe)
    for name, limit in recipe.validate.limits.items():
        section = f"validate.limits.{name}"
        Limit(**msgspec.structs.asdict(limit)).check(name, f"{_place(file, text, section)}: ")
    parse_targets(recipe.export.targets)
    parse_targets(recipe.package.allow_failing)


def _check_data(file: Path, text: str, section: str, data: CalibrationSection | None) -> None:
    sources = [key for key in ("npz", "npy", "images", "callable") if data and getattr(data, key)]
    if len(sources) > 1:
        raise EdgeproofError(
            f"{_place(file, text, section, sources[1])}: [{section}] names more than one source",
            got=" and ".join(sources),
            want="at most one of npz, npy, images, callable",
            fix="keep one of them",
        )
    labels = getattr(data, "labels", False)
    source = sources[0] if sources else "none"
    if labels and (source == "none" or (labels is True and source != "callable")):
        raise EdgeproofError(
            f"{_place(file, text, section, 'labels')}: labels don't go with the data",
            got=f"labels = {'true' if labels is True else repr(labels)}, and {source} as data",
            want="true with a callable that yields (inputs, labels); else a key of the npz, or a .npy file",
            fix="correct labels, or name the data that they belong to",
        )


def _check_numbers(file: Path, text: str, recipe: Recipe) -> None:
    for section in sections():
        table = getattr(recipe, section)
        for key in ("epochs", "batch", "samples", "opset", "time_limit_s", "memory_limit_mb"):
            value = getattr(table, key, None)
            if value is not None and value <= 0:
                raise EdgeproofError(
                    f"{_place(file, text, section, key)}: {key} in [{section}] is not positive",
                    got=str(value),
                    want="a number above 0",
                    fix="give a positive number, or leave the key out",
                )
