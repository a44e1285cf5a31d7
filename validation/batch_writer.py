"""Writes the batches of a reference: inputs, what they should give, and how far that may be off."""

from __future__ import annotations

from pathlib import Path

from validation.expected import FeedKind
from validation.feed import Feed, Tensors
from validation.tensor_files import write_tensors


class BatchWriter:
    """Files as `validation.expected` describes them.

    Args:
        directory: exists.

    Attributes:
        feeds: one file a batch; likewise `expected`, `noise`.
        kinds: of each batch.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.feeds: list[Path] = []
        self.expected: list[Path] = []
        self.noise: list[Path] = []
        self.kinds: list[FeedKind] = []

    def add(self, feed: Feed, expected: Tensors, noise: Tensors, *, lost_in_half: bool = False) -> None:
        """The next batch."""
        number = _number(len(self.feeds))
        for kind, paths, tensors in (
            ("feed", self.feeds, feed.tensors),
            ("expected", self.expected, expected),
            ("noise", self.noise, noise),
        ):
            paths.append(self._directory / f"{kind}-{number}")
            write_tensors(paths[-1], tensors)
        self.kinds.append(FeedKind(feed.origin, feed.inside, feed.case, lost_in_half))


def written(directory: Path, number: int) -> Path | None:
    """The inputs of a batch, once they are whole: what is written after them has been begun."""
    whole = (directory / f"expected-{_number(number)}").exists()
    return directory / f"feed-{_number(number)}" if whole else None


def _number(batch: int) -> str:
    return f"{batch:05}.npz"
