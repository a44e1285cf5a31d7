"""Runs cut copies of an export on its runtime."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from converters.artifact import Artifact
from converters.errors import EdgeproofError
from validation.localize.cutting import cut, read_graph
from validation.localize.file_graph import FileGraph
from validation.runtime import Runtime


class Bench:
    """An export, and a runtime to try copies of it on.

    Args:
        artifact: the export.
        runtime: opens copies of it too.
        work: an existing directory for copies.

    Attributes:
        file: the export's graph.
    """

    def __init__(self, artifact: Artifact, runtime: Runtime, work: Path) -> None:
        self.artifact = artifact
        self.runtime = runtime
        self.file: FileGraph = read_graph(artifact)
        self._work = work
        self._numbers = itertools.count()

    def plain(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The export as it is: outputs by Keras name."""
        with self.runtime.open(self.artifact) as session:
            return session.run(inputs)

    def run(
        self, feeds: Mapping[str, np.ndarray], outputs: Iterable[str], times: int = 1
    ) -> dict[str, np.ndarray]:
        """Tensors by key when others are given; the last answer of several.

        Raises:
            EdgeproofError: the runtime doesn't open or run the copy.
        """
        copy = self.cut(feeds, outputs)
        with self.runtime.open(copy) as session:
            for _ in range(times):
                found = session.run({key: feeds[key] for key in copy.input_names})
        return found

    def cut(
        self, feeds: Mapping[str, np.ndarray], outputs: Iterable[str], out: Path | None = None
    ) -> Artifact:
        """A copy of the export that takes no more than it needs of what is given."""
        keys = list(outputs)
        _, taken = self.file.cone(keys, feeds.keys())
        needed = {key: array for key, array in feeds.items() if key in taken}
        return cut(self.artifact, needed, keys, out or self._directory())

    def run_each(
        self, feeds: Mapping[str, np.ndarray], outputs: Iterable[str], times: int = 1
    ) -> tuple[dict[str, np.ndarray], dict[str, str]]:
        """As `run`, or one tensor after the other where all at once fail.

        Returns:
            What could be computed, and what the runtime said where it could not.
        """
        keys = list(dict.fromkeys(outputs))
        try:
            return self.run(feeds, keys, times), {}
        except EdgeproofError:
            found: dict[str, np.ndarray] = {}
            failed: dict[str, str] = {}
            for key in keys:
                try:
                    found |= self.run(feeds, [key], times)
                except EdgeproofError as error:
                    failed[key] = " ".join(error.got.split())
            return found, failed

    def _directory(self) -> Path:
        return Path(tempfile.mkdtemp(prefix=f"cut{next(self._numbers):03}-", dir=self._work))
