"""Where the inputs come from: the user's data, or drawn from the signature; streamed batch by batch.

    FeedSpec ─► a source in feed_sources/ ─► conform (names, shapes, dtypes) ─► batches ─► Feed

A source yields chunks of any length; no more than a chunk and a batch are ever held.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from converters.errors import EdgeproofError
from converters.signature import Signature
from validation.domain import Domain
from validation.feed import Feed, Origin
from validation.feed_layout import Layout, layout_of
from validation.labels import LabelSpec, attach, detach
from validation.tensor_files import write_tensors

Chunk = dict[str, np.ndarray]

SEARCHED = 16
"""Gradient steps: each costs about three runs of the original."""


@dataclass(frozen=True, slots=True)
class FeedSpec:
    """Which inputs to try. At most one of `npz`, `npy`, `images` and `callable`; none means natural ones.

    Attributes:
        npz: keys are the Keras input names; a model with one input takes a nameless `arr_0` too.
        npy: a directory of `.npy` files, or one such file for a model with one input.
        images: a folder of pictures, searched below too, for a model whose one input is a picture.
        callable: `module:name` of a function without arguments that returns a `tf.data.Dataset`, a
            generator or any iterable of batches.
        code_directories: where that module may be found.
        samples: how many to use; None uses all data, and 32 natural samples.
        batch: samples in a feed; the model's own where that is fixed.
        seed: of natural inputs.
        value_range: pictures are scaled to it, natural numbers drawn from it.
        labels: right classes of the data's samples; None without.
        domain: which inputs count.
        directed: whether boundary values are tried as well.
        searched: how many gradient steps may be spent on looking for faults; 0 for none.
    """

    npz: Path | None = None
    npy: Path | None = None
    images: Path | None = None
    callable: str | None = None
    code_directories: tuple[Path, ...] = ()
    samples: int | None = None
    batch: int = 8
    seed: int = 0
    value_range: tuple[float, float] | None = None
    labels: LabelSpec | None = None
    domain: Domain = field(default_factory=Domain)
    directed: bool = True
    searched: int = SEARCHED

    @property
    def origin(self) -> Origin:
        return "data" if self.given else "natural"

    @property
    def given(self) -> tuple[str, ...]:
        """Names of the sources that were named."""
        names = ("npz", "npy", "images", "callable")
        return tuple(name for name in names if getattr(self, name) is not None)

    def describe(self) -> str:
        """A few words for messages and reports."""
        if not self.given:
            return f"drawn from the signature (seed {self.seed})"
        value = getattr(self, self.given[0])
        return str(value.name if isinstance(value, Path) else value)


def open_feeds(spec: FeedSpec, signature: Signature) -> Iterator[Feed]:
    """Batches of the data, each checked against the signature.

    Raises:
        EdgeproofError: the data is missing, empty, unreadable, or is not what the model takes. What
            can be known only from the values is raised when the stream reaches them.
    """
    _check(spec)
    layout = layout_of(signature)
    chunks = attach(_source(spec)(spec, layout), spec.labels, spec.npz, signature)
    return _number(_batches(chunks, layout, spec), spec, layout)


def write_feeds(spec: FeedSpec, signature: Signature, out: Path) -> tuple[Path, ...]:
    """Writes `feed-00000.npz` …, one batch each, keyed by the Keras input names, into a directory."""
    paths = []
    for number, feed in enumerate(open_feeds(spec, signature)):
        paths.append(out / f"feed-{number:05}.npz")
        write_tensors(paths[-1], feed.tensors)
    return tuple(paths)


def _source(spec: FeedSpec) -> Callable[[FeedSpec, Layout], Iterator[Chunk]]:
    from validation import feed_sources

    return feed_sources.SOURCES[spec.given[0] if spec.given else "natural"]


def _check(spec: FeedSpec) -> None:
    if len(spec.given) > 1:
        raise EdgeproofError(
            "more than one source of data",
            got=", ".join(spec.given),
            want="one of npz, npy, images, callable, or none",
            fix="name only the data to use",
        )
    for name, value in (("samples", spec.samples), ("batch", spec.batch)):
        if value is not None and value < 1:
            raise EdgeproofError(
                f"data: {name} is not a number of samples",
                got=str(value),
                want="1 or more",
                fix=f"set {name} to a positive number, or leave it out",
            )
    if spec.value_range is not None and not _is_range(*spec.value_range):
        raise EdgeproofError(
            "data: range is empty",
            got=str(list(spec.value_range)),
            want="two finite numbers, the lesser first",
            fix="write it as [least, greatest]",
        )


def _is_range(low: float, high: float) -> bool:
    return bool(np.isfinite([low, high]).all()) and low < high


def _batches(chunks: Iterable[Chunk], layout: Layout, spec: FeedSpec) -> Iterator[Chunk]:
    """Chunks cut and joined into batches; samples of another shape start a new batch."""
    size, left = layout.batch(spec.batch), spec.samples
    held: Chunk = {}
    for chunk in chunks:
        new = chunk if left is None else _cut(chunk, 0, left)
        left = None if left is None else left - _length(new)
        if _length(held) and _shapes(held) != _shapes(new):
            yield _whole(held, layout, spec)
            held = {}
        held = _join(held, new)
        while _length(held) >= size:
            yield _cut(held, 0, size)
            held = _cut(held, size, None)
        if left == 0:
            break
    if _length(held):
        yield _whole(held, layout, spec)


def _number(batches: Iterator[Chunk], spec: FeedSpec, layout: Layout) -> Iterator[Feed]:
    first = 0
    for batch in batches:
        # A reshape where a[0] would do: of an object array that is no array any more.
        inputs, labels = detach(batch)
        single = {
            name: array.reshape(array.shape[1:]) for name, array in inputs.items() if not layout.batched
        }
        yield Feed(single or inputs, spec.origin, first, labels=labels)
        first += _length(batch)
    if first == 0:
        raise EdgeproofError(
            f"{spec.describe()}: there are no samples",
            got="0 samples",
            want="at least 2 that differ, so that the outputs move",
            fix="give more data",
        )


def _whole(held: Chunk, layout: Layout, spec: FeedSpec) -> Chunk:
    """The last batch of a shape, which a model with a fixed batch takes only when it is full."""
    if layout.batched and layout.fixed_batch not in (None, _length(held)):
        raise EdgeproofError(
            f"{spec.describe()}: samples are left over",
            got=f"{_length(held)} sample(s) after the last full batch",
            want=f"a multiple of {layout.fixed_batch}, the only batch size that the model takes",
            fix="set samples to such a multiple, or cut the data",
        )
    return held


def _length(chunk: Chunk) -> int:
    return len(next(iter(chunk.values()))) if chunk else 0


def _shapes(chunk: Chunk) -> list[tuple[int, ...]]:
    return [array.shape[1:] for array in chunk.values()]


def _cut(chunk: Chunk, start: int, stop: int | None) -> Chunk:
    return {name: array[start:stop] for name, array in chunk.items()}


def _join(held: Chunk, new: Chunk) -> Chunk:
    if not _length(held):
        return new
    return {name: np.concatenate([held[name], new[name]]) for name in new}
