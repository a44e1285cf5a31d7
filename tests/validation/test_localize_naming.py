"""Which tensors of a file bear a layer's name: what isn't needed to tell is not looked at."""

from __future__ import annotations

import itertools
from types import SimpleNamespace
from typing import Any

from validation.localize.file_graph import FileGraph, FileOp, FileTensor
from validation.localize.naming import candidates


class Counted(tuple[FileOp, ...]):
    """Ops that count how often one of them is asked for."""

    asked = 0

    def __getitem__(self, place: Any) -> Any:
        self.asked += 1
        return super().__getitem__(place)


def test_ops_behind_the_last_of_a_name_are_not_looked_at():
    """Of a thousand nameless ones each takes two results."""
    keys = ["first", "second", *(f"nameless {number}" for number in range(1000))]
    taken = [("x",), ("first",), *itertools.pairwise(keys[:-1])]
    ops = Counted(FileOp("Add", inputs, (key,)) for key, inputs in zip(keys, taken, strict=True))
    tensors = {key: FileTensor(("layer/Add",) if key in ("first", "second") else ()) for key in keys}
    file = FileGraph(tensors, ops, {"x": "x"}, {"y": keys[-1]})
    original: Any = SimpleNamespace(rank={"layer/Add": 0}.get, layer=lambda node: "layer")
    boundary: Any = SimpleNamespace(tensor="layer/Add", layer="layer")
    assert candidates(original, file)(boundary) == ["first", "second"]
    assert ops.asked < 10
