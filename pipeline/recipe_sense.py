"""Whether a recipe makes sense: what the types of its keys cannot say."""

from __future__ import annotations

import math

import msgspec

from converters.errors import EdgeproofError
from converters.target import parse_targets
from pipeline.recipe import NAME_PATTERN, CalibrationSection, Recipe
from pipeline.recipe_text import RecipeText
from validation.limit import Limit


def check_sense(written: RecipeText, recipe: Recipe) -> None:
    """Confirms what types cannot say.

    Raises:
        EdgeproofError: a contradiction, or a number that makes no sense.
    """
    for key in ("name", "version"):
        value = getattr(recipe.model, key)
        if not NAME_PATTERN.fullmatch(value):
            raise EdgeproofError(
                f"{written.place('model', key)}: {key} cannot be a directory name",
                got=repr(value),
                want="letters, digits and . _ + -, beginning with a letter or digit",
                fix=f"choose another {key}",
            )
    if (recipe.model.path is None) == (recipe.train is None):
        raise EdgeproofError(
            f"{written.place('model')}: it must be clear where the model comes from",
            got="both model.path and [train]" if recipe.train else "neither model.path nor [train]",
            want="exactly one of the two",
            fix="remove one" if recipe.train else 'add path = "…" to [model], or a [train] section',
        )
    for section, data in (("data", recipe.data), ("calibration", recipe.calibration)):
        _check_data(written, section, data)
    _check_numbers(written, recipe)
    _check_not_empty(written, recipe)
    for name, limit in recipe.validate.limits.items():
        section = f"validate.limits.{name}"
        Limit(**msgspec.structs.asdict(limit)).check(name, f"{written.place(section)}: ")
    parse_targets(recipe.export.targets)
    parse_targets(recipe.package.allow_failing)


def _check_data(written: RecipeText, section: str, data: CalibrationSection | None) -> None:
    sources = [key for key in ("npz", "npy", "images", "callable") if data and getattr(data, key)]
    if len(sources) > 1:
        raise EdgeproofError(
            f"{written.place(section, sources[1])}: [{section}] names more than one source",
            got=" and ".join(sources),
            want="at most one of npz, npy, images, callable",
            fix="keep one of them",
        )
    labels = getattr(data, "labels", False)
    source = sources[0] if sources else "none"
    if labels and (source == "none" or (labels is True and source != "callable")):
        raise EdgeproofError(
            f"{written.place(section, 'labels')}: labels don't go with the data",
            got=f"labels = {'true' if labels is True else repr(labels)}, and {source} as data",
            want="true with a callable that yields (inputs, labels); else a key of the npz, or a .npy file",
            fix="correct labels, or name the data that they belong to",
        )


def _check_numbers(written: RecipeText, recipe: Recipe) -> None:
    for section in Recipe.__struct_fields__:
        for key, (wanted, suits) in _NUMBERS.items():
            value = getattr(getattr(recipe, section), key, None)
            if value is not None and not suits(value):
                raise EdgeproofError(
                    f"{written.place(section, key)}: {key} in [{section}] is out of range",
                    got=str(value),
                    want=wanted,
                    fix="correct it, or leave the key out",
                )


_POSITIVE = "a number above 0", lambda value: value > 0
_NOT_NEGATIVE = "a finite number, 0 or more", lambda value: 0 <= value < math.inf
_NUMBERS = dict.fromkeys(
    ("epochs", "batch", "samples", "opset", "time_limit_s", "memory_limit_mb"), _POSITIVE
)
_NUMBERS |= dict.fromkeys(("seed", "searched", "margin"), _NOT_NEGATIVE)


def _check_not_empty(written: RecipeText, recipe: Recipe) -> None:
    for section, key in (("export", "targets"), ("validate", "runtimes")):
        if not getattr(getattr(recipe, section), key):
            raise EdgeproofError(
                f"{written.place(section, key)}: {key} in [{section}] names none",
                got="[]",
                want=f"at least one of the {key}",
                fix="name some, or leave the key out",
            )
