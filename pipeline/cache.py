"""Steps that need not be done twice: the same inputs, versions and code give the same directory."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from converters.artifact import FileRecord, record_files
from converters.serial import dumps, from_plain, loads, to_plain
from converters.writing import write_text
from pipeline.files import fresh_directory

T = TypeVar("T")

CACHE_NAME = ".steps"
"""Directory in the work directory that holds one record for each step."""


@dataclass(frozen=True, slots=True)
class StepRecord:
    """A step that was done.

    Attributes:
        key: digest of everything that it depended on.
        files: what it left in its directory.
        value: what it returned, as plain data.
    """

    key: str
    files: tuple[FileRecord, ...]
    value: Any


def digest(*parts: object) -> str:
    """Hash of records and plain values, the same in any process."""
    text = json.dumps([to_plain(part) for part in parts], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


class StepCache:
    """The steps of one work directory.

    Args:
        directory: the work directory.
        fresh: do every step again.
    """

    def __init__(self, directory: Path, fresh: bool = False) -> None:
        self._directory = directory
        self._fresh = fresh

    def build(self, name: str, key: str, kind: type[T], final: Path, make: Callable[[Path], T]) -> T:
        """What `make` returned for this key, now or earlier.

        Args:
            name: of the step, as a file name.
            key: digest of all that the result depends on.
            kind: type of the value.
            final: directory that the step fills.
            make: fills the directory that it is given, as for `build_directory`.
        """
        key = digest(key, final)
        record = self._find(name, key)
        if record is not None and final.is_dir() and record_files(final) == record.files:
            return from_plain(record.value, kind)
        value = build_directory(kind, final, make)
        write_text(self._path(name), dumps(StepRecord(key, record_files(final), to_plain(value))))
        return value

    def remember(self, name: str, key: str, kind: type[T], make: Callable[[], T]) -> T:
        """Likewise for a step that writes nothing."""
        record = self._find(name, key)
        if record is not None:
            return from_plain(record.value, kind)
        value = make()
        write_text(self._path(name), dumps(StepRecord(key, (), to_plain(value))))
        return value

    def _find(self, name: str, key: str) -> StepRecord | None:
        try:
            record = loads(self._path(name).read_text(encoding="utf-8"), StepRecord)
        except (FileNotFoundError, ValueError, msgspec.ValidationError):  # none, or of another version
            return None
        return record if record.key == key and not self._fresh else None

    def _path(self, name: str) -> Path:
        return self._directory / CACHE_NAME / f"{name}.json"


def build_directory(kind: type[T], final: Path, make: Callable[[Path], T]) -> T:
    """Fills a directory, puts it in its place, and returns what `make` returned.

    Args:
        kind: type of the value; paths in it that lie below the directory given to `make` are
            changed to lie below `final`.
        final: replaced whole, and only when `make` returns.
        make: fills the directory that it is given.
    """
    with fresh_directory(final) as partial:
        value = make(partial)
    return from_plain(moved(to_plain(value), str(partial), str(final.absolute())), kind)


def moved(plain: Any, old: str, new: str) -> Any:
    """The same data with every path below `old` turned into one below `new`."""
    if isinstance(plain, str):
        return new + plain[len(old) :] if plain == old or plain.startswith(old + "/") else plain
    if isinstance(plain, dict):
        return {key: moved(value, old, new) for key, value in plain.items()}
    if isinstance(plain, list):
        return [moved(value, old, new) for value in plain]
    return plain
