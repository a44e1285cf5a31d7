"""What is seen of a runtime's sessions: the first answer, the time, and the runs of a latency at the end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from bench.detection.watch import Watch


class Doubling:
    """Stands for a runtime and for its session."""

    name, formats, groups, arithmetic, device = "doubling", frozenset({"onnx"}), frozenset(), "float32", "CPU"

    def missing(self) -> str | None:
        return None

    @contextmanager
    def open(self, artifact: Any) -> Iterator[Any]:
        yield self

    def run(self, feed: Any) -> dict[str, np.ndarray]:
        return {"y": 2 * feed["x"]}


def test_runs_of_one_object_at_the_end_are_told_from_those_before():
    watch: Any = Watch(Doubling())
    batch, sample = ({"x": np.full((rows, 1), rows, np.float32)} for rows in (3, 1))
    with watch.open(None) as session:
        for feed in (batch, sample, dict(sample), sample, sample, sample):
            session.run(feed)
    assert (len(watch.seconds), watch.again) == (6, 3)
    assert watch.first["y"].tolist() == [[6], [6], [6]]
