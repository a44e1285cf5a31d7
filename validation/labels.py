"""Labels: the right class of each sample of the data, for the accuracy that an export must keep.

They travel with the chunks of the data, as further arrays under names that no input can have, so that
cutting and joining keeps each with its sample; a feed has them apart again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from converters.errors import EdgeproofError
from converters.signature import Signature, TensorSpec
from validation.dtypes import is_float, is_integer
from validation.tensor_files import write_tensors

_MARK = "label\0"

ONLY = ""
"""Stands for the output of a model that has only one."""


@dataclass(frozen=True, slots=True)
class LabelSpec:
    """Where the labels of the data are.

    Attributes:
        sources: by output name (`ONLY` for a model with one output): a key of the data's `.npz`, or an
            absolute path of a `.npy` file.
        streamed: the data's callable yields them, as `(inputs, labels)`.
    """

    sources: Mapping[str, str] = field(default_factory=dict)
    streamed: bool = False

    @property
    def keys(self) -> frozenset[str]:
        """Keys of the `.npz` that are no inputs."""
        return frozenset(source for source in self.sources.values() if not _is_file(source))


def attach(
    chunks: Iterable[dict[str, np.ndarray]], spec: LabelSpec | None, data: Path | None, signature: Signature
) -> Iterator[dict[str, np.ndarray]]:
    """The chunks with their labels, under the names of the outputs.

    Args:
        chunks: samples along the first dimension.
        spec: None where there are no labels.
        data: the `.npz` that keys belong to.
        signature: of the model, whose outputs are named.

    Raises:
        EdgeproofError: labels are missing, not as many as samples, or of an output that doesn't exist.
    """
    names = signature.output_names
    if spec is None:
        yield from chunks
    elif spec.streamed:
        for chunk in chunks:
            inputs, labels = detach(chunk)
            yield inputs | {_MARK + _name(name, names): array for name, array in labels.items()}
    else:
        arrays = {_name(name, names): _read(source, data) for name, source in spec.sources.items()}
        yield from _beside(chunks, arrays)


def _beside(
    chunks: Iterable[dict[str, np.ndarray]], arrays: Mapping[str, np.ndarray]
) -> Iterator[dict[str, np.ndarray]]:
    done = 0
    for chunk in chunks:
        count = len(next(iter(chunk.values())))
        for name, array in arrays.items():
            _check_length(name, array, done + count, whole=False)
        yield chunk | {_MARK + name: array[done : done + count] for name, array in arrays.items()}
        done += count
    for name, array in arrays.items():
        _check_length(name, array, done, whole=True)


def mark(labels: object) -> dict[str, np.ndarray]:
    """Streamed labels of one batch, ready to join its chunk.

    Args:
        labels: an array for a model with one output, or a dict by output name.
    """
    given = labels if isinstance(labels, Mapping) else {ONLY: labels}
    return {_MARK + str(name): np.asarray(array) for name, array in given.items()}


def detach(chunk: Mapping[str, np.ndarray]) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """A chunk's inputs, and its labels by output name."""
    labels = {n.removeprefix(_MARK): a for n, a in chunk.items() if n.startswith(_MARK)}
    return {n: a for n, a in chunk.items() if not n.startswith(_MARK)}, labels


class LabelRecorder:
    """Gathers the labels of a stream of feeds, as classes.

    Args:
        signature: of the model.
    """

    def __init__(self, signature: Signature) -> None:
        self._specs = {spec.name: spec for spec in signature.outputs}
        self._classes: dict[str, list[np.ndarray]] = {}

    def add(self, labels: Mapping[str, np.ndarray]) -> None:
        """Those of one feed.

        Raises:
            EdgeproofError: they don't fit the output that they belong to.
        """
        for name, array in labels.items():
            self._classes.setdefault(name, []).append(classes_of(array, self._specs[name]))

    def write(self, path: Path) -> Path | None:
        """Writes the classes by output name; None, and no file, without labels."""
        if not self._classes:
            return None
        write_tensors(path, {name: np.concatenate(parts) for name, parts in self._classes.items()})
        return path


def read_classes(path: Path | None) -> Mapping[str, np.ndarray]:
    """What a `LabelRecorder` wrote, int64 [samples] by output name; empty without labels."""
    if path is None:
        return {}
    with np.load(path, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def classes_of(labels: np.ndarray, spec: TensorSpec) -> np.ndarray:
    """Labels as one class a sample, int64 [samples].

    Args:
        labels: classes, [samples] or [samples, 1]; or one-hot, [samples, classes].
        spec: of the output that they belong to.

    Raises:
        EdgeproofError: they are something else, or the output names no class.
    """
    last = spec.shape[-1] if len(spec.shape) > 1 else 1
    names_classes = len(spec.shape) <= 2 and (is_float(spec.dtype) or is_integer(spec.dtype))
    if not names_classes:
        raise _misfit(labels, spec, "labels for an output that names one class a sample")
    flat = labels.reshape(len(labels)) if labels.shape in ((len(labels),), (len(labels), 1)) else labels
    if flat.ndim == 2 and last not in (None, 1) and flat.shape[1] == last:
        flat = np.argmax(flat, axis=1)
    if flat.ndim != 1 or flat.dtype.kind not in "biuf" or np.any(flat != np.rint(flat)):
        raise _misfit(labels, spec, "one class a sample, or one-hot vectors as long as the output")
    found = flat.astype(np.int64)
    count = 2 if last == 1 else last
    if not is_float(spec.dtype) or count is None or not found.size:
        return found
    if not 0 <= found.min() <= found.max() < count:
        raise _misfit(labels, spec, f"classes from 0 to {count - 1}", f"{found.min()} to {found.max()}")
    return found


def _is_file(source: str) -> bool:
    return source.endswith(".npy")


def _name(name: str, outputs: Iterable[str]) -> str:
    known = list(outputs)
    if name in known:
        return name
    if name == ONLY and len(known) == 1:
        return known[0]
    raise EdgeproofError(
        "labels: it isn't clear which output they belong to"
        if name == ONLY
        else f"labels: the model has no output {name}",
        got="one array for several outputs" if name == ONLY else name,
        want="labels by output name, of " + ", ".join(known),
        fix=f'write labels = {{ {known[0]} = "…" }}',
    )


def _read(source: str, data: Path | None) -> np.ndarray:
    path = Path(source) if _is_file(source) else data
    if path is None:
        raise EdgeproofError(
            f"labels: {source} is neither a key of an .npz nor a .npy file",
            got="data that aren't an .npz",
            want="a .npy file with one label a sample",
            fix="name such a file",
        )
    try:
        loaded = np.load(path, allow_pickle=False)
        return np.asarray(loaded if _is_file(source) else loaded[source])
    except (OSError, ValueError, EOFError, KeyError) as error:
        raise EdgeproofError(
            f"{path}: there are no labels",
            got=f"no array {source}" if isinstance(error, KeyError) else str(error),
            want="one label for each sample, without pickled objects",
            fix="correct the labels of [data]",
        ) from error


def _check_length(output: str, array: np.ndarray, samples: int, *, whole: bool) -> None:
    count = len(array) if array.ndim else 0
    if count < samples or (whole and count > samples):
        raise EdgeproofError(
            f"labels of {output}: not as many as samples",
            got=f"{count} labels",
            want=f"{samples}, one for each sample" if whole else f"at least {samples}, one for each sample",
            fix="give labels that belong to the data, in the same order",
        )


def _misfit(labels: np.ndarray, spec: TensorSpec, want: str, got: str = "") -> EdgeproofError:
    return EdgeproofError(
        f"labels of {spec.name} don't fit the output {spec}",
        got=got or f"{labels.dtype} {list(labels.shape)}",
        want=want,
        fix="correct the labels of [data], or leave them out",
    )
