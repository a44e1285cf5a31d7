"""Reads a Keras configuration, before Keras does, for code that it brings along or asks for.

Keras 3 checks `.keras` files itself and HDF5 only in part; tf-keras, which opens older files, imports
any module that a configuration names and reads legacy Lambdas by the name of a loaded module. So the
same rules are applied here to every file, whoever opens it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from converters.sources.findings import Finding

KERAS_PACKAGES = ("keras", "tf_keras")
FORBIDDEN_MODULES = frozenset(
    {"utils", "saving", "datasets", "config", "export", "callbacks", "distribution", "backend", "legacy"}
)
"""Parts of Keras that do things (download, save, read) and have no place in a model's configuration."""

FUNCTION_MODULES = (
    "activations",
    "constraints",
    "initializers",
    "losses",
    "metrics",
    "ops",
    "optimizers",
    "regularizers",
)
"""Where the functions that a configuration may name live; also what module "builtins" stands for."""


def scan_config(config: Any, known: Collection[str]) -> Iterator[Finding]:
    """Everything in a configuration that would run code or read files.

    Args:
        config: parsed JSON, of any Keras version.
        known: names under which the user gave custom objects.
    """
    yield from _scan(config, "the model", frozenset(known))


def layer_classes(config: Any) -> Iterator[tuple[str, str]]:
    """(name, class name) of each layer in a configuration, outermost first."""
    if isinstance(config, dict):
        inner = config.get("config")
        if "class_name" in config and isinstance(inner, dict) and "name" in inner:
            yield str(inner["name"]), str(config["class_name"])
        for value in config.values():
            yield from layer_classes(value)
    elif isinstance(config, list):
        for value in config:
            yield from layer_classes(value)


def _scan(node: Any, where: str, known: frozenset[str]) -> Iterator[Finding]:
    if isinstance(node, list):
        for item in node:
            yield from _scan(item, where, known)
    if not isinstance(node, dict):
        return
    where = _place(node, where)
    kind = node.get("class_name")
    if isinstance(kind, str):
        yield from _scan_object(node, kind, where, known)
    if isinstance(node.get("vocabulary"), str):
        yield Finding(f"a vocabulary read from the file {node['vocabulary']!r}", where)
    for value in node.values():
        yield from _scan(value, where, known)


def _place(node: dict[str, Any], where: str) -> str:
    inner = node.get("config")
    if (
        isinstance(node.get("class_name"), str)
        and isinstance(inner, dict)
        and isinstance(inner.get("name"), str)
    ):
        return f"layer '{inner['name']}' ({node['class_name']})"
    return where


def _scan_object(node: dict[str, Any], kind: str, where: str, known: frozenset[str]) -> Iterator[Finding]:
    if kind == "__lambda__":
        yield Finding("Python bytecode", where)
    elif kind == "Lambda" and isinstance(node.get("config"), dict):
        yield from _scan_legacy_lambda(node["config"], where, known)
    if "module" in node or "registered_name" in node:
        yield from _scan_reference(node, kind, where, known)


def _scan_legacy_lambda(config: dict[str, Any], where: str, known: frozenset[str]) -> Iterator[Finding]:
    """Keras 1 and 2 write bytecode as a list, or the name of a function in a module."""
    for part in ("function", "output_shape", "mask"):
        value = config.get(part)
        by_name = config.get(f"{part}_type") == "function"
        if config.get(f"{part}_type") == "lambda" or (part == "function" and isinstance(value, list)):
            yield Finding("Python bytecode", where)
        elif by_name and isinstance(value, str) and value not in known:
            yield missing(value, str(config.get("module")), where)


def _scan_reference(node: dict[str, Any], kind: str, where: str, known: frozenset[str]) -> Iterator[Finding]:
    """A class or function that is to be looked up in a module."""
    module, registered = node.get("module"), node.get("registered_name")
    is_function = kind == "function" and isinstance(node.get("config"), str)
    name = str(node["config"]) if is_function else str(node.get("spec_name", kind))
    if {name, registered} & known or (module is None and not (registered and ">" in str(registered))):
        return
    parts = str(module).split(".")
    if kind == "__typespec__" and parts[0] == "tensorflow":
        return
    if is_function and module == "builtins":
        if not _is_keras_function(name):
            yield missing(name, "builtins", where)
    elif parts[0] not in KERAS_PACKAGES or (registered and ">" in str(registered)):
        yield missing(name, str(module), where)
    elif name != "FeatureSpace" and (
        FORBIDDEN_MODULES & set(parts) or (is_function and not set(FUNCTION_MODULES) & set(parts))
    ):
        yield Finding(f"{module}.{name}, which is no part of a model", where)


def missing(name: str, module: str, where: str) -> Finding:
    """A custom object that the file wants imported; only the user may say from where."""
    origin = f" (saved from module {module})" if module != "None" else ""
    return Finding(f"custom object '{name}'{origin}", where, trustable=False, custom_object=name)


def _is_keras_function(name: str) -> bool:
    import keras

    return any(hasattr(getattr(keras, module, None), name) for module in FUNCTION_MODULES)
