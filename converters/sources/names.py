"""Names for the tensors of a nested structure, by rules that give the same names every time.

- A Keras model knows its own names: `output_names`, and the names of its input layers. Where two
  outputs have the same name (one layer with several outputs), the later ones get `_1`, `_2`, as in
  tf-keras; if the outputs are a dictionary its keys are taken instead.
- A subclassed model has none. An input has the name of its argument of `call`; a dictionary there gives
  its keys, a list `argument_0`, `argument_1`. An output has its dictionary key, else `output_0`,
  `output_1`, as `model.export()` names them. Deeper levels are joined with `_`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any


def leaves(
    structure: Any, is_leaf: Callable[[Any], bool], path: tuple[str, ...] = ()
) -> Iterator[tuple[str, Any]]:
    """(path joined with `_`, leaf) in the structure's own order; the path of a bare leaf is ""."""
    if is_leaf(structure):
        yield "_".join(path), structure
    elif isinstance(structure, dict):
        for key, value in structure.items():
            yield from leaves(value, is_leaf, (*path, str(key)))
    elif isinstance(structure, (list, tuple)):
        for index, value in enumerate(structure):
            yield from leaves(value, is_leaf, (*path, str(index)))


def rebuild(structure: Any, is_leaf: Callable[[Any], bool], values: Iterator[Any]) -> Any:
    """The structure with its leaves replaced, in the order of `leaves`."""
    if is_leaf(structure):
        return next(values)
    if isinstance(structure, dict):
        return {key: rebuild(value, is_leaf, values) for key, value in structure.items()}
    return [rebuild(value, is_leaf, values) for value in structure]


def output_name(path: str) -> str:
    """Name of an output of a model that has no names of its own."""
    return f"output_{path or 0}" if path[:1].isdigit() or not path else path


def make_unique(names: Sequence[str]) -> tuple[str, ...]:
    """The names, with `_1`, `_2` after those that were there before.

    Source: tf-keras, `Functional._set_output_names`.
    """
    taken: set[str] = set()
    unique = []
    for name in names:
        proposal, count = name, 0
        while proposal in taken or (count and proposal in names):
            count += 1
            proposal = f"{name}_{count}"
        taken.add(proposal)
        unique.append(proposal)
    return tuple(unique)
