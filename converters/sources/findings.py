"""What makes a model file unsafe to open, and how that is told."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from converters.errors import EdgeproofError

SHOWN = 8
"""Findings named in one message; the rest are counted."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing in a model file that would act when the model is opened or run.

    Attributes:
        what: "Python bytecode", "op ReadFile", …
        where: layer, node, function, or member of the file.
        trustable: whether `--trust` lets it pass.
        custom_object: its name, if all that is wrong is that the user did not name it.
    """

    what: str
    where: str
    trustable: bool = True
    custom_object: str = ""

    def __str__(self) -> str:
        return f"{self.what} in {self.where}"


def refuse(path: Path, findings: Iterable[Finding], trust: bool) -> None:
    """Ends with an error if anything is left that is not allowed.

    Raises:
        EdgeproofError: names what was found and where.
    """
    left = [finding for finding in dict.fromkeys(findings) if not (trust and finding.trustable)]
    if not left:
        return
    names = list(dict.fromkeys(finding.custom_object for finding in left))
    if all(names):
        raise EdgeproofError(
            f"{path}: the model needs code that was not named",
            got=_listed(left),
            want="every custom object named: nothing is imported because a model file says so",
            fix=" ".join(f"--custom-objects module:{name}" for name in names)
            + ", with your own module's name",
        )
    trustable = all(finding.trustable for finding in left)
    raise EdgeproofError(
        f"{path}: the model file is not safe to open",
        got=_listed(left),
        want="a model of data only: configuration, weights, and ops that compute",
        fix="give --trust if you know who made it, or export it again without these"
        if trustable
        else "get the file from its maker again; --trust does not allow this",
    )


def _listed(findings: list[Finding]) -> str:
    rows = [str(finding) for finding in findings[:SHOWN]]
    if len(findings) > SHOWN:
        rows.append(f"and {len(findings) - SHOWN} more")
    return "\n".join(rows)
