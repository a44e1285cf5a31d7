"""Records to JSON and back: dataclasses, paths, and floats that JSON has no word for.

NaN and the infinities are written as the strings "NaN", "Infinity" and "-Infinity",
since JSON has no such numbers and parsers disagree about the bare words.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")


def to_plain(value: object) -> Any:
    """Dicts, lists, strings, numbers and None, ready for `json.dumps`."""
    return _spell_floats(msgspec.to_builtins(value, enc_hook=_encode))


def from_plain(plain: Any, kind: type[T]) -> T:
    """The inverse of `to_plain`.

    Raises:
        msgspec.ValidationError: a key is missing or has the wrong type.
    """
    return msgspec.convert(plain, kind, strict=False, dec_hook=_decode)


def dumps(value: object) -> str:
    """Indented JSON with a final newline; keys keep the order of the dataclass."""
    return json.dumps(to_plain(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def loads(text: str, kind: type[T]) -> T:
    """The inverse of `dumps`."""
    return from_plain(json.loads(text), kind)


def _spell_floats(plain: Any) -> Any:
    if isinstance(plain, float) and not math.isfinite(plain):
        return "NaN" if math.isnan(plain) else "Infinity" if plain > 0 else "-Infinity"
    if isinstance(plain, dict):
        return {key: _spell_floats(item) for key, item in plain.items()}
    if isinstance(plain, (list, tuple)):
        return [_spell_floats(item) for item in plain]
    return plain


def _encode(value: object) -> object:
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _decode(kind: type, value: Any) -> Any:
    if kind is Path or issubclass(kind, Path):
        return Path(value)
    raise TypeError(f"no way to read {kind.__name__}")
