"""Finds in a file the tensors that the original's layers hand on, by name and by value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from converters.artifact import Quantization
from validation.casts import dequantize, quantize
from validation.dtypes import numpy_dtype
from validation.localize.file_graph import FileGraph
from validation.localize.layouts import Permutation, find_layout, turned
from validation.localize.naming import candidates
from validation.localize.original_graph import Boundary, OriginalGraph

SAME = 1e-3
"""Tensors whose values differ by no more than this, relative, are the same tensor."""


@dataclass(frozen=True, slots=True)
class Match:
    """A tensor of the original and the same in the file.

    Attributes:
        boundary: of the original.
        key: in the file.
        permutation: from the original's axes to the file's; None where they are the same.
        dtype: of the file's tensor; "" as yet unknown.
        quantization: of the file's tensor.
        step: likewise.
    """

    boundary: Boundary
    key: str
    permutation: Permutation | None = None
    dtype: str = ""
    quantization: Quantization | None = None
    step: float = 0.0

    def to_file(self, values: np.ndarray) -> np.ndarray:
        """The original's values in the file's dtype and layout."""
        in_order = turned(values, self.permutation)
        if self.quantization is not None:
            return np.ascontiguousarray(quantize(in_order, self.quantization))
        with np.errstate(over="ignore"):  # float64 has a number where the file has infinity, as the original
            return np.ascontiguousarray(in_order.astype(numpy_dtype(self.dtype)) if self.dtype else in_order)

    def from_file(self, values: np.ndarray) -> np.ndarray:
        """The file's values as real numbers in the original's layout."""
        real = values if self.quantization is None else dequantize(values, self.quantization)
        if self.permutation is None or real.ndim != len(self.permutation):
            return real
        return real.transpose(np.argsort(self.permutation))


def match_by_name(
    original: OriginalGraph,
    file: FileGraph,
    values: Mapping[str, np.ndarray],
    seen: Mapping[str, np.ndarray],
) -> tuple[Match, ...]:
    """A tensor of the file for each boundary that one bears the name of.

    Args:
        original: its boundaries are looked for.
        file: its tensors' names tell nodes; where they tell none, the constants of its ops tell the layer.
        values: the original's, by tensor.
        seen: the file's, by key, as far as they are known.
    """
    keys_of = candidates(original, file)
    found = []
    for boundary in original.boundaries:
        match = _best(boundary, keys_of(boundary), file, values[boundary.tensor], seen)
        if match is not None:
            found.append(match)
    ends = _match_outputs(original, file, values, seen)
    return _one_each([*ends, *(match for match in found if match.boundary.tensor not in _tensors(ends))])


def match_by_value(
    boundaries: Iterable[Boundary],
    file: FileGraph,
    values: Mapping[str, np.ndarray],
    seen: Mapping[str, np.ndarray],
    false: Iterable[Match],
) -> tuple[Match, ...]:
    """The tensor of the file for each boundary that comes nearest to its values.

    Args:
        boundaries: to be found.
        seen: values of the file's tensors that may be matched, by key.
        false: matches that are none.
    """
    left = [key for op in file.ops for key in op.outputs if key in seen]
    ruled_out = {(match.boundary.tensor, match.key) for match in false}
    found = []
    for boundary in boundaries:
        wanted = values[boundary.tensor]
        possible = [key for key in left if (boundary.tensor, key) not in ruled_out]
        if not possible or not _varies(wanted):
            continue
        layouts = {key: find_layout(wanted, file.tensors[key], seen[key]) for key in possible}
        same = {key: error for key, (_, error) in layouts.items() if error <= SAME}
        if same:
            key = _cast_back(min(same, key=same.__getitem__), file, {other: seen[other] for other in same})
            found.append(_match(boundary, key, layouts[key][0], file, seen))
            left.remove(key)
    return tuple(found)


def _cast_back(key: str, file: FileGraph, same: Mapping[str, np.ndarray]) -> str:
    """The last tensor of the same type behind casts alone: what is lost there is lost by the layer before.

    Args:
        same: tensors of the same values, by key.
    """
    last = key
    while len(file.takers.get(key, ())) == 1 and key not in file.outputs.values():
        op = file.ops[file.takers[key][0]]
        if op.kind.lower() != "cast" or op.outputs[0] not in same:
            break
        key = op.outputs[0]
        last = key if same[key].dtype == same[last].dtype else last
    return last


def _match_outputs(
    original: OriginalGraph,
    file: FileGraph,
    values: Mapping[str, np.ndarray],
    seen: Mapping[str, np.ndarray],
) -> list[Match]:
    """The outputs, whose names are sure."""
    boundaries = {boundary.tensor: boundary for boundary in original.boundaries}
    found = []
    for name, tensor in original.outputs.items():
        key = file.outputs.get(name, "")
        if tensor not in boundaries or key not in file.makers:
            continue
        permutation, _ = find_layout(values[tensor], file.tensors[key], seen.get(key))
        found.append(_match(boundaries[tensor], key, permutation, file, seen))
    return found


def _best(
    boundary: Boundary,
    keys: Sequence[str],
    file: FileGraph,
    wanted: np.ndarray,
    seen: Mapping[str, np.ndarray],
) -> Match | None:
    """Of several tensors of one name the one nearest to the values, else the last with the right shape."""
    rated = []
    for place, key in enumerate(keys):
        permutation, error = find_layout(wanted, file.tensors[key], seen.get(key))
        fits = key not in seen or sorted(seen[key].shape) == sorted(wanted.shape)
        nearest = error if error <= SAME else -place
        rated.append((error > SAME, not fits, nearest, place, key, permutation))
    if not rated:
        return None
    *_, key, permutation = min(rated)
    return _match(boundary, key, permutation, file, seen)


def _match(
    boundary: Boundary,
    key: str,
    permutation: Permutation | None,
    file: FileGraph,
    seen: Mapping[str, np.ndarray],
) -> Match:
    tensor = file.tensors[key]
    dtype = tensor.dtype or (seen[key].dtype.name if key in seen else "")
    return Match(boundary, key, permutation, dtype, tensor.quantization, tensor.step)


def _varies(values: np.ndarray) -> bool:
    """Constants equal many tensors."""
    return bool(values.size > 1 and np.any(values != values.reshape(-1)[0]))


def _one_each(matches: Sequence[Match]) -> tuple[Match, ...]:
    """No tensor of the file twice: the first match, which is the surer one, keeps it."""
    found: dict[str, Match] = {}
    for match in matches:
        found.setdefault(match.key, match)
    return tuple(sorted(found.values(), key=lambda match: match.boundary.rank))


def _tensors(matches: Iterable[Match]) -> set[str]:
    return {match.boundary.tensor for match in matches}
