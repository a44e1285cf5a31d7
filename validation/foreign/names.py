"""Which tensor of a file is which input or output of the original, as far as names and shapes tell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeAlias

from converters.errors import EdgeproofError
from converters.signature import TensorSpec
from validation.dtypes import is_float, is_integer
from validation.foreign.file import FileTensor

NameMap: TypeAlias = Mapping[str, FileTensor]
"""From each Keras name to a tensor of the file."""

MOST_MAPPINGS = 120
"""More ways to map than this (5 tensors alike) are not tried one by one."""


@dataclass(frozen=True, slots=True)
class Side:
    """The inputs, or the outputs, of both.

    Attributes:
        what: "input" or "output".
        certain: pairs that a name settles.
        specs: of the original, those that no name settles.
        tensors: of the file, likewise; as many as `specs`.
    """

    what: str
    certain: NameMap
    specs: tuple[TensorSpec, ...]
    tensors: tuple[FileTensor, ...]

    def mappings(self) -> tuple[NameMap, ...]:
        """Every complete mapping whose shapes and dtypes agree, up to `MOST_MAPPINGS` and one more."""
        found = islice(_assignments(self.specs, self.tensors), MOST_MAPPINGS + 1)
        return tuple({**self.certain, **mapping} for mapping in found)


def _assignments(
    specs: Sequence[TensorSpec], tensors: Sequence[FileTensor]
) -> Iterator[dict[str, FileTensor]]:
    """Every way to give each spec a tensor of its own that agrees with it."""
    if not specs:
        yield {}
        return
    spec, *others = specs
    for index, tensor in enumerate(tensors):
        if agree(spec, tensor):
            rest = [*tensors[:index], *tensors[index + 1 :]]
            yield from ({spec.name: tensor, **mapping} for mapping in _assignments(others, rest))


def pair_up(path: Path, what: str, specs: Sequence[TensorSpec], tensors: Sequence[FileTensor]) -> Side:
    """Settles by name what names settle, and confirms that the rest can be mapped at all.

    Raises:
        EdgeproofError: the numbers differ, a named pair disagrees in shape or dtype, or a tensor has
            no counterpart.
    """
    if len(specs) != len(tensors):
        raise _error(path, f"the file has {len(tensors)} {what}(s), the model {len(specs)}", specs, tensors)
    certain = _by_name(specs, tensors)
    for spec in specs:
        if spec.name in certain and not agree(spec, certain[spec.name]):
            raise _disagreement(path, what, spec, (certain[spec.name],))
    taken = set(map(id, certain.values()))
    side = Side(
        what,
        certain,
        tuple(spec for spec in specs if spec.name not in certain),
        tuple(tensor for tensor in tensors if id(tensor) not in taken),
    )
    for spec in side.specs:
        if not any(agree(spec, tensor) for tensor in side.tensors):
            raise _disagreement(path, what, spec, side.tensors)
    if not side.mappings():
        raise _error(
            path, f"two {what}s of the model need the same one of the file", side.specs, side.tensors
        )
    return side


def _by_name(specs: Sequence[TensorSpec], tensors: Sequence[FileTensor]) -> dict[str, FileTensor]:
    """Pairs that share a name: the name that the runtime uses first, then any other that the file has."""
    found: dict[str, FileTensor] = {}
    for names_of in (lambda tensor: (tensor.name,), lambda tensor: tensor.labels):
        for spec in specs:
            free = [tensor for tensor in tensors if all(tensor is not used for used in found.values())]
            same = [tensor for tensor in free if spec.name in names_of(tensor)]
            if spec.name not in found and len(same) == 1:
                found[spec.name] = same[0]
    return found


def agree(spec: TensorSpec, tensor: FileTensor) -> bool:
    """Whether a tensor of the file can stand for one of the model: rank, fixed sizes, kind of number."""
    return _shapes_agree(spec.shape, tensor.shape) and _dtypes_agree(spec.dtype, tensor)


def _shapes_agree(want: tuple[int | None, ...], got: tuple[int | None, ...] | None) -> bool:
    if got is None:
        return True
    sizes = zip(want, got, strict=False)
    return len(want) == len(got) and all(a == b or a is None or b is None for a, b in sizes)


def _dtypes_agree(want: str, tensor: FileTensor) -> bool:
    got = tensor.dtype
    if tensor.quantization is not None or is_float(got):
        return is_float(want)
    return want == got or (is_integer(want) and is_integer(got))


def _disagreement(path: Path, what: str, spec: TensorSpec, tensors: Sequence[FileTensor]) -> EdgeproofError:
    moved = [tensor for tensor in tensors if _channels_moved(spec, tensor)]
    if moved:
        return EdgeproofError(
            f"{path}: {what} {spec.name} has its channels at another place",
            got=str(moved[0]),
            want=str(spec),
            fix="export it with the layout of the Keras model (channels last); edgeproof transposes nothing "
            "in silence, since the app would have to do the same",
        )
    return _error(path, f"no {what} of the file can be {spec.name}", [spec], tensors)


def _channels_moved(spec: TensorSpec, tensor: FileTensor) -> bool:
    """Whether the file has channels first where the model has them last, or the other way round."""
    shape = tensor.shape
    if shape is None or len(shape) < 3 or len(shape) != len(spec.shape):
        return False
    last, first = (shape[0], *shape[2:], shape[1]), (shape[0], shape[-1], *shape[1:-1])
    return any(_shapes_agree(spec.shape, other) for other in (last, first))


def _error(
    path: Path, what: str, specs: Sequence[TensorSpec], tensors: Sequence[FileTensor]
) -> EdgeproofError:
    return EdgeproofError(
        f"{path}: {what}",
        got="; ".join(map(str, tensors)) or "none",
        want="; ".join(map(str, specs)),
        fix="check that this file was exported from this model and signature (--signature)",
    )
