"""The one exception that users see, and the exit statuses.

    EdgeproofError        what happened, what was got, what was wanted, what to do
      .status             ExitStatus, becomes the exit status of the command line

Any other exception that reaches the command line is a bug in edgeproof.
"""

from __future__ import annotations

from enum import IntEnum


class ExitStatus(IntEnum):
    """Exit status of every command."""

    OK = 0
    VERDICT_FAILED = 1
    USAGE = 2
    CONVERSION_FAILED = 3
    UNAVAILABLE = 4


class EdgeproofError(Exception):
    """A fault that the user can act on.

    Args:
        what: one line: the thing at fault and what is wrong with it.
        got: what was found, as text.
        want: what would have been right, as text.
        fix: what the user can do next.
        status: exit status of a command that ends with this error.
    """

    def __init__(
        self,
        what: str,
        *,
        got: str,
        want: str,
        fix: str,
        status: ExitStatus = ExitStatus.USAGE,
    ) -> None:
        super().__init__(what)
        self.what = what
        self.got = got
        self.want = want
        self.fix = fix
        self.status = status

    def __str__(self) -> str:
        rows = (("got: ", self.got), ("want:", self.want), ("fix: ", self.fix))
        return "\n".join([self.what, *(f"  {label} {_indent(text)}" for label, text in rows)])

    def in_a_line(self) -> str:
        """The same as one sentence, for the reason of a verdict."""
        return f"{self.what}: got {self.got}; want {self.want}; {self.fix}"

    def __reduce__(self):
        return _rebuild, (self.what, self.got, self.want, self.fix, self.status)


def _rebuild(what: str, got: str, want: str, fix: str, status: ExitStatus) -> EdgeproofError:
    return EdgeproofError(what, got=got, want=want, fix=fix, status=status)


def _indent(text: str) -> str:
    """Continuation lines stand under the first one."""
    return text.replace("\n", "\n        ")
