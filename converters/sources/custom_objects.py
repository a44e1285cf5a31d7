"""The user's own classes and functions, under every name that a model file may call them by."""

from __future__ import annotations

import sys
from typing import Any

from converters.errors import EdgeproofError
from converters.source import LoadOptions
from converters.user_code import load_object


def load_custom_objects(options: LoadOptions) -> dict[str, Any]:
    """Custom objects by name, by class name, and by the name they are registered under.

    Args:
        options: each reference names a class, a function, or a dictionary from names to those.

    Raises:
        EdgeproofError: as `load_object`, or it is something else.
    """
    objects: dict[str, Any] = {}
    for reference in options.custom_objects:
        found = load_object(reference, options.code_directories)
        rows = found if isinstance(found, dict) else {reference.partition(":")[2].split(".")[-1]: found}
        for name, value in rows.items():
            if not callable(value):
                raise EdgeproofError(
                    f"{reference}: cannot be a custom object",
                    got=f"{name} is a {type(value).__name__}",
                    want="a class, a function, or a dictionary from names to those",
                    fix="name the layer, model, loss or function itself, as in layers:Swish",
                )
            objects |= {str(name): value, getattr(value, "__name__", str(name)): value}
    return objects | _registered(objects)


def _registered(objects: dict[str, Any]) -> dict[str, Any]:
    """What importing the user's modules has registered, under `package>name`."""
    libraries = [sys.modules[name] for name in ("keras", "tf_keras") if name in sys.modules and objects]
    return {
        name: value for library in libraries for name, value in library.saving.get_custom_objects().items()
    }
