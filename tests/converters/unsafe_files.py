"""What tests of safety share: ways to spoil the harmless file of `conftest.py`, and how a refusal reads."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from converters.errors import EdgeproofError
from converters.source import LoadOptions
from converters.sources import describe_source

DATA_ONLY = "  want: a model of data only: configuration, weights, and ops that compute\n"
TRUST = "  fix:  give --trust if you know who made it, or export it again without these"
NEVER = "  fix:  get the file from its maker again; --trust does not allow this"
MEMBERS = ("metadata.json", "config.json", "model.weights.h5")


def refused(path: Path, trust: bool = False) -> str:
    with pytest.raises(EdgeproofError) as caught:
        describe_source(path, LoadOptions(trust=trust))
    return str(caught.value)


def unsafe(path: Path, *found: str, fix: str = TRUST) -> str:
    rows = "\n        ".join(found)
    return f"{path}: the model file is not safe to open\n  got:  {rows}\n{DATA_ONLY}{fix}"


def with_member(good: Path, out: Path, name: str, content: bytes, method: int = zipfile.ZIP_STORED) -> Path:
    shutil.copy(good, out)
    with zipfile.ZipFile(out, "a") as archive:
        archive.writestr(name, content, method)
    return out


def with_config(good: Path, out: Path, edit: Callable[[dict[str, Any]], object]) -> Path:
    """The file with the Dense layer's configuration edited."""
    with zipfile.ZipFile(good) as old, zipfile.ZipFile(out, "w") as new:
        for name in MEMBERS:
            content = old.read(name)
            if name == "config.json":
                config = json.loads(content)
                edit(config["config"]["layers"][1])
                content = json.dumps(config).encode()
            new.writestr(name, content)
    return out
