"""Where in a recipe's text a section or key stands."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class RecipeText:
    """A recipe as it is written."""

    file: Path
    text: str

    def place(self, section: str, key: str | None = None) -> str:
        """`recipe.toml, line 3`: of the key, else of its section; the file alone where neither is found."""
        tried = (section, key), (section, None), (section.partition(".")[0], None)
        line = next(filter(None, (line_of(self.text, *names) for names in tried)), None)
        return f"{self.file}, line {line}" if line else str(self.file)


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
