"""Records what the original gives, after making sure that it agrees with itself.

Before anything is held against it:
- the same batch twice gives the same answer (no randomness, no state),
- eager and graph agree, batch by batch.
What is expected is the truth that `validation.truth` finds, and the original's own distance to it is the
noise floor: both are written beside the feeds, batch by batch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from converters.errors import EdgeproofError
from converters.progress import advance
from converters.source import SourceModel
from validation.asking import Asking
from validation.batch_writer import BatchWriter
from validation.coarser import HALF, MEASURED
from validation.dtypes import is_float
from validation.every_feed import EveryFeed
from validation.expected import Batch, Noise, OutputReference, Reference
from validation.feed import NATURAL, Feed
from validation.feeds import FeedSpec, open_feeds
from validation.half_losses import find_losses
from validation.input_variety import InputVariety
from validation.labels import LabelRecorder
from validation.noise import Given, MeasuredNoise, measure_noise
from validation.original import Original
from validation.output_recorder import OutputRecorder
from validation.rows import fit, split
from validation.truth.answers import RUNS_AT_LEAST, Answer, Truth, noises, one_after_the_other, runs_wanted
from validation.weights.collect import collect

__all__ = ["Batch", "Noise", "OutputReference", "Reference", "record"]


def record(
    *,
    source: SourceModel,
    spec: FeedSpec,
    out: Path,
    scores: tuple[str, ...] = (),
    precisions: tuple[str, ...] = MEASURED,
) -> Reference:
    """Runs the original on all feeds and writes inputs and answers into `out`.

    Args:
        source: the original.
        spec: what to feed it.
        out: an existing directory.
        scores: outputs that are score vectors whatever their values look like.
        precisions: coarser precisions whose effect is to be measured, of `coarser.MEASURED`.

    Raises:
        EdgeproofError: the data is wrong, the original can't run on it, or it disagrees with itself.
    """
    _check_scores(scores, source.signature.output_names)
    recording = _Recording(source, out, scores, precisions)
    tried = EveryFeed(recording.original, spec)
    for feed in tried:
        recording.add(feed)
        advance("reference", recording.samples)
    return recording.finish(spec, tried.notes)


TOGETHER = 8
"""Directed and searched samples that are run as one batch, at most: memory is for as many as of data."""

SIMULATED = 4
"""Samples of a batch of data whose roundings are simulated; the table that they teach does for the others."""

_SEEDS = 100
"""Between those of two batches: more than there are simulated runs for one."""


class _Recording:
    """One pass over the feeds."""

    def __init__(
        self, source: SourceModel, out: Path, scores: Sequence[str], precisions: Sequence[str]
    ) -> None:
        self._source, self._out, self._precisions = source, out, precisions
        self.original = Original(source)
        self._asking = Asking(self.original)
        self._truth = Truth(self.original)
        self._layout = self._asking.layout
        self._outputs = [
            OutputRecorder(spec, self._layout, self.original.arithmetic, spec.name in scores)
            for spec in source.signature.outputs
        ]
        self._variety = InputVariety(self._layout.batched)
        self._noise = MeasuredNoise()
        self._written = BatchWriter(out)
        self._labels = LabelRecorder(source.signature)
        self._unanswered: Counter[str] = Counter()
        self._waiting: list[Feed] = []
        self._usual = 0
        self.samples = 0

    def add(self, feed: Feed) -> None:
        """One batch; a directed or searched one to which the original has no answer is left out.

        Directed and searched ones wait until there are enough of them to be run as one.

        Raises:
            EdgeproofError: the original can't run on data, or disagrees with itself on it.
        """
        waiting = self._waiting
        together = sum(self._layout.count(each.tensors) for each in (*waiting, feed)) <= TOGETHER
        if waiting and not (together and fit(waiting[0].tensors, feed.tensors)):
            self._answer_waiting()
        if feed.origin not in NATURAL and self._asking.is_free:
            self._waiting.append(feed)
        else:
            self._answer_waiting()
            self._add_alone(feed)

    def _answer_waiting(self) -> None:
        feeds, self._waiting = self._waiting, []
        given = self._asking.together(feeds) if feeds[1:] else []
        if not given:
            for feed in feeds:
                self._add_alone(feed)
            return
        seed = _SEEDS * len(self._written.feeds)
        answers = self._truth.answers(given, runs=[RUNS_AT_LEAST] * len(given), seed=seed)
        for feed, answer, lost in zip(feeds, answers, self._losses(feeds, answers), strict=True):
            self._write(feed, answer, lost)

    def _add_alone(self, feed: Feed) -> None:
        runs = runs_wanted(len(self._written.feeds), feed.origin)
        try:
            given = self._asking.alone(feed)
        except EdgeproofError:
            if feed.origin in NATURAL:
                raise
            self._unanswered[feed.case or feed.origin] += self._layout.count(feed.tensors)
            return
        answer = self._answer(given, runs)
        if feed.origin in NATURAL and feed.inside:
            self._learn(feed, given, answer)
        self._write(feed, answer, *self._losses([feed], [answer]))

    def _answer(self, given: Given, runs: int) -> Answer:
        """Of a batch of independent samples a few are simulated, and teach the others their floor."""
        seed, samples = _SEEDS * len(self._written.feeds), self._layout.count(given.inputs)
        if not runs or samples <= SIMULATED or not self._asking.first_are_free(given, samples, SIMULATED):
            return self._truth.answers([given], runs=[runs], seed=seed)[0]
        sizes = (SIMULATED, samples - SIMULATED)
        parts = zip(*(split(each, sizes) for each in (given.inputs, given.eager, given.graph)), strict=True)
        answers = self._truth.answers([Given(*part) for part in parts], runs=[runs, 0], seed=seed)
        return one_after_the_other(answers)

    def _learn(self, feed: Feed, given: Given, answer: Answer) -> None:
        """What is known of inputs and outputs rests on what is usual, not on boundary values."""
        count = self._layout.count(feed.tensors)
        self._variety.add(feed.tensors)
        self._labels.add(feed.labels)
        for output in self._outputs:
            name = output.spec.name
            floor = answer.noise[name] if is_float(output.spec.dtype) else None
            output.add(given.eager[name], count, floor, answer.own.get(name))
        if not self._usual & (self._usual - 1):
            found = measure_noise(
                self.original, given, answer.noise, self._layout, self._precisions, seed=self._usual
            )
            self._noise = self._noise.merge(found, self._usual.bit_length())
        self._usual += 1

    def _losses(self, feeds: Sequence[Feed], answers: Sequence[Answer]) -> list[bool]:
        """Whether half precision loses them; everyday samples are what that is measured by."""
        if HALF not in self._precisions or feeds[0].origin in NATURAL:
            return [False] * len(feeds)
        tensors = [feed.tensors for feed in feeds]
        return find_losses(self.original, tensors, answers, self._layout, self._noise)

    def _write(self, feed: Feed, answer: Answer, lost_in_half: bool) -> None:
        self._written.add(feed, answer.expected, noises(answer), lost_in_half=lost_in_half)
        self.samples += self._layout.count(feed.tensors)

    def finish(self, spec: FeedSpec, notes: Sequence[str]) -> Reference:
        """The record; looks for the reason where an output did not move."""
        self._answer_waiting()
        return Reference(
            directory=self._out,
            source_sha256=self._source.sha256,
            signature=self._source.signature,
            feeds=tuple(self._written.feeds),
            expected=tuple(self._written.expected),
            samples=self.samples,
            origin=spec.origin,
            data=spec.describe(),
            outputs=tuple(self._finish(output, spec) for output in self._outputs),
            notes=(*self._mixing(), *self._omissions(), *notes),
            truth=self._truth.words,
            noise=tuple(self._written.noise),
            kinds=tuple(self._written.kinds),
            labels=self._labels.write(self._out / "labels.npz"),
            weights=collect(self.original, self._out / "weights") if self._has_8_bits else (),
        )

    @property
    def _has_8_bits(self) -> bool:
        return not {"int8", "uint8"}.isdisjoint(self._precisions)

    def _mixing(self) -> list[str]:
        names = (spec.name for spec in self._source.signature.outputs if spec.name in self._noise.mixing)
        return [f"output {name} of a sample depends on the rest of its batch" for name in names]

    def _omissions(self) -> list[str]:
        if not self._unanswered:
            return []
        cases = ", ".join(f"{case} ({count})" for case, count in self._unanswered.items())
        return [f"the original has no answer to {self._unanswered.total()} samples made to try it: {cases}"]

    def _finish(self, output: OutputRecorder, spec: FeedSpec) -> OutputReference:
        name = output.spec.name
        unproven = output.find_unproven(self._variety.fault)
        if unproven and not self._variety.fault and spec.origin == "data":
            unproven += f"; {self._try_natural(output)}"
        result = output.result(self._noise.of(name), unproven)
        return replace(result, mixes_batch=name in self._noise.mixing)

    def _try_natural(self, output: OutputRecorder) -> str:
        """Whether an output that the data leaves constant moves with other inputs."""
        other = OutputRecorder(output.spec, self._layout, self.original.arithmetic, False)
        try:
            for feed in open_feeds(FeedSpec(samples=8), self._source.signature):
                answer = self.original.graph(feed.tensors)[output.spec.name]
                other.add(answer, self._layout.count(feed.tensors))
        except EdgeproofError:
            return "give data that moves it"
        if other.moves:
            return "natural inputs do move it: give data that does"
        return "natural inputs leave it constant too: the model is dead, or saturated"


def _check_scores(scores: Sequence[str], outputs: Sequence[str]) -> None:
    unknown = [name for name in scores if name not in outputs]
    if unknown:
        raise EdgeproofError(
            "score vectors are named that the model does not have",
            got=", ".join(unknown),
            want="some of " + ", ".join(outputs),
            fix="name the outputs as the model does",
        )
