"""An exported file as a graph of named tensors: the same for every format."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from converters.artifact import Quantization

Key = TypeVar("Key", str, int)

CUT = "{}__fed"
"""Name in the file of an input that stands in for a tensor."""


@dataclass(frozen=True, slots=True)
class FileTensor:
    """A tensor that an op of the file computes, or an input.

    Attributes:
        names: of TensorFlow nodes that it may come from, as far as the file tells.
        dtype: "" where the file doesn't say.
        quantization: of an affine quantized one.
        shape: None for what is not known, or changes from call to call; None at all where the rank is not
            known.
        channels_first: it may hold what the original has channels last.
        step: real units between the values that it can have; 0.0 where it can have any. That of its own
            quantization, or of the tensor that it was dequantized from.
    """

    names: tuple[str, ...]
    dtype: str = ""
    quantization: Quantization | None = None
    shape: tuple[int | None, ...] | None = None
    channels_first: bool = False
    step: float = 0.0


@dataclass(frozen=True, slots=True)
class FileOp:
    """An op.

    Attributes:
        kind: as the format calls it.
        inputs: keys of computed tensors; constants are left out.
        outputs: keys.
        weights: names of its constants.
        observable: its results are plain tensors, which a runtime can hand out.
    """

    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    weights: tuple[str, ...] = ()
    observable: bool = True


@dataclass(frozen=True)
class FileGraph:
    """The main graph of a file.

    Attributes:
        tensors: by a key that is unique in the file.
        ops: each after those that it needs.
        inputs: from each Keras name to its key; likewise `outputs`.
    """

    tensors: Mapping[str, FileTensor]
    ops: tuple[FileOp, ...]
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]

    @cached_property
    def makers(self) -> Mapping[str, int]:
        """Number of the op that computes each tensor."""
        return {key: number for number, op in enumerate(self.ops) for key in op.outputs}

    @cached_property
    def used(self) -> frozenset[str]:
        """Tensors that an op takes."""
        return frozenset(key for op in self.ops for key in op.inputs)

    @cached_property
    def takers(self) -> Mapping[str, tuple[int, ...]]:
        """Numbers of the ops that take each tensor."""
        found: dict[str, tuple[int, ...]] = {}
        for number, op in enumerate(self.ops):
            for key in dict.fromkeys(op.inputs):
                found[key] = (*found.get(key, ()), number)
        return found

    def cone(self, keys: Iterable[str], stop: Collection[str]) -> tuple[list[FileOp], set[str]]:
        """The ops that compute tensors when others are given, and which of those they take.

        Args:
            keys: computed even where they are given to others.
            stop: tensors that are given.
        """
        inner = {key for key in self.makers if key not in stop}
        found = needed(keys, self.makers, lambda number: inner.intersection(self.ops[number].inputs))
        ops = [self.ops[number] for number in sorted(found)]
        return ops, {key for op in ops for key in op.inputs if key not in inner}


def needed(keys: Iterable[Key], makers: Mapping[Key, int], reads: Callable[[int], Iterable[Key]]) -> set[int]:
    """Numbers of the ops that tensors are computed by, and of those that these take theirs from.

    Args:
        keys: of the tensors; one that no op computes needs none.
        makers: number of the op that computes each tensor.
        reads: tensors that the op of a number takes, as far as they are to be computed.
    """
    found: set[int] = set()
    todo = list(keys)
    while todo:
        number = makers.get(todo.pop())
        if number is not None and number not in found:
            found.add(number)
            todo.extend(reads(number))
    return found
