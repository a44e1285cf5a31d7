"""One artifact in one session: feeds it, and measures every output."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np

from converters.artifact import Artifact
from validation.casts import DoesNotFitError, from_file
from validation.coarser import rounds_between
from validation.compare import find_mismatch
from validation.dtypes import dtype_name, is_float
from validation.expected import Batch, OutputReference, Reference
from validation.feed import NATURAL, Tensors
from validation.fitting import Call, ValueDoesNotFitError, cut, trim
from validation.labels import read_classes
from validation.latency import TimedSession
from validation.limits import limits_for
from validation.output_trial import OutputTrial
from validation.quantized import QUANTIZED, allowed_of_leaders
from validation.runtime import Arithmetic
from validation.split import DifferenceWriter
from validation.steadiness import Steadiness
from validation.task_meters import meters_for
from validation.trial_reason import reason_of
from validation.verdict import OutputVerdict, Outside

EVERYDAY_ONLY = frozenset({*QUANTIZED, "uint16"})
"""Precisions that only everyday samples tell on. Inside an 8-bit file are activations too, with ranges that
such samples gave them: one unusual sample of usual numbers (all equal, one alone) drives them out. The steps
of uint16 weights are absolute: where a bias is nearly all of a sum, its step is more than was measured."""

LEAST_EXTRA_S = 20.0
"""Directed and searched samples may take as long as the others did, and at least this."""


class FailedError(Exception):
    """The artifact is wrong in a way that ends the comparison; says how."""


class Trial:
    """Measures as it goes; memory does not grow with the number of samples.

    Args:
        artifact: what is tried.
        reference: what it is held against.
        session: the artifact, opened.
        arithmetic: of the runtime.
        on_gpu: it computes there, and may compute in half precision what the file has in it.

    Attributes:
        samples: how many were compared inside the domain.
        not_taken: how many were not, by the reason; a file that the original's inputs don't fit
            can't stand in for the original.
        left_out: likewise, of directed and searched ones, by a reason that is no fault of the file.
        outside: differences outside the domain, one for each output and case.

    Raises:
        FailedError: the artifact has other inputs or outputs than the original.
    """

    def __init__(
        self,
        artifact: Artifact,
        reference: Reference,
        session: TimedSession,
        arithmetic: Arithmetic = "float32",
        *,
        on_gpu: bool = False,
    ) -> None:
        self._artifact, self._reference, self._session = artifact, reference, session
        self._on_gpu = on_gpu
        self.samples = 0
        self.not_taken: Counter[str] = Counter()
        self.left_out: Counter[str] = Counter()
        self.outside: list[Outside] = []
        self._usual_s = self._extra_s = 0.0
        self._usual = dict(artifact.calibrated)
        self._kept: DifferenceWriter | None = None
        labels = read_classes(reference.labels)
        self._outputs = [self._output(each, arithmetic, labels) for each in reference.outputs]
        self.steadiness = Steadiness(
            self._run, single=_takes_one(artifact, reference), per_sample=_independent(reference)
        )

    def keep(self, directory: Path) -> None:
        """Has the differences on data and natural samples kept, for `validation.split`."""
        self._kept = DifferenceWriter(directory)

    def _output(self, output: OutputReference, arithmetic: Arithmetic, labels: Tensors) -> OutputTrial:
        name = output.spec.name
        limit = self._reference.limits.get(name)
        target = self._artifact.target
        limits = limits_for(
            target, output, arithmetic, limit=limit, labelled=name in labels, on_gpu=self._on_gpu
        )
        meters = meters_for(output, limit, labels.get(name), allowed_of_leaders(target, output, limits))
        half = rounds_between(target)
        return OutputTrial(output, limits, meters, by_user=limit is not None, in_half=half)

    def add(self, batch: Batch) -> None:
        """Runs one batch; one that the file can't take is counted with the reason.

        Raises:
            FailedError: an output is missing, extra, or has another shape or dtype.
        """
        self._check_names()
        usual = batch.origin in NATURAL
        if not usual and self._extra_s > max(self._usual_s, LEAST_EXTRA_S):
            self.left_out["they would take longer than all others on this runtime"] += batch.samples
            return
        spent = self._session.spent_s
        try:
            self._add(batch)
        except ValueDoesNotFitError as error:
            (self.not_taken if usual else self.left_out)[str(error)] += batch.samples
        except DoesNotFitError as error:
            (self.not_taken if batch.inside else self.left_out)[str(error)] += batch.samples
        spent = self._session.spent_s - spent
        self._usual_s, self._extra_s = self._usual_s + usual * spent, self._extra_s + (not usual) * spent

    def _add(self, batch: Batch) -> None:
        calls = list(cut(batch, self._artifact, self._reference))
        if batch.origin in NATURAL:
            self._learn(batch)
        if not self._counts(batch):
            for call in calls:
                self._look(call, batch)
            return
        for call in calls:
            actual = self._run(call)
            fault = find_mismatch(call.expected, actual, self._reference.signature.outputs)
            if fault:
                raise FailedError(fault)
            self.steadiness.remember(call, actual)
            if self._kept is not None and batch.origin in NATURAL:
                self._kept.add(call.expected, actual)
            for output in self._outputs:
                output.add(call, actual[output.output.spec.name], batch, self.samples)
            self.samples += call.samples

    def _learn(self, batch: Batch) -> None:
        """What floats usually are: calibrated for, or else what occurs in the data."""
        for name, array in batch.inputs.items():
            if is_float(dtype_name(array)) and name not in self._artifact.calibrated and array.size:
                low, high = self._usual.get(name, (np.inf, -np.inf))
                self._usual[name] = min(low, float(array.min())), max(high, float(array.max()))

    def _counts(self, batch: Batch) -> bool:
        """Whether a difference fails: a rounded export is held to what its roundings were measured on."""
        if batch.origin in NATURAL or not batch.inside or self._artifact.target.is_base:
            return batch.inside
        lost = batch.lost_in_half and rounds_between(self._artifact.target)
        if lost or self._artifact.target.precision in EVERYDAY_ONLY:
            return False
        return all(
            low <= float(np.min(array, initial=low)) and float(np.max(array, initial=high)) <= high
            for name, array in batch.inputs.items()
            if name in self._usual
            for low, high in (self._usual[name],)
        )

    def _look(self, call: Call, batch: Batch) -> None:
        """A call that does not count; whatever it comes to is told, and nothing more."""
        try:
            actual = self._run(call)
            fault = find_mismatch(call.expected, actual, self._reference.signature.outputs)
        except Exception as error:  # an engine may raise anything
            fault = f"{type(error).__name__}: {error}"
        if fault:
            self.outside.append(
                Outside("", batch.case, call.first_sample, np.inf, "an answer", " ".join(fault.split()))
            )
            return
        for output in self._outputs:
            found = output.look(call, actual[output.output.spec.name], batch)
            if found and (found.output, found.case) not in {(o.output, o.case) for o in self.outside}:
                self.outside.append(found)

    def _check_names(self) -> None:
        for kind, want, got in (
            ("inputs", self._reference.signature.input_names, self._artifact.signature.input_names),
            ("outputs", self._reference.signature.output_names, self._artifact.signature.output_names),
        ):
            if set(want) != set(got):
                raise FailedError(f"the file has other {kind}: got {sorted(got)}, want {sorted(want)}")

    def _run(self, call: Call) -> dict[str, np.ndarray]:
        """Outputs in the original's dtypes, without filling."""
        given = self._session.run(call.inputs)
        named = {name: given[name] for name in call.expected if name in given}
        try:
            cast = {name: self._cast(name, array, call) for name, array in named.items()}
        except DoesNotFitError as error:
            raise FailedError(f"output {error}") from error
        return cast | {name: array for name, array in given.items() if name not in named}

    def _cast(self, name: str, array: np.ndarray, call: Call) -> np.ndarray:
        output = self._reference.output(name)
        real = from_file(array, output.spec, self._artifact.quantization.get(name))
        return trim(real, call, output.per_sample)

    def repeat(self) -> None:
        """Some calls once more: the answers must not have changed.

        Raises:
            FailedError: they have, by more than roundings.
        """
        fault = self.steadiness.find_fault(self._session.is_slow)
        if fault:
            raise FailedError(fault)

    def outputs(self) -> tuple[OutputVerdict, ...]:
        """The verdict on every output, in the signature's order; empty when nothing ran."""
        if not self.samples:
            return ()
        return tuple(output.verdict() for output in self._outputs)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was left out, one sentence each."""
        return tuple(f"{count} further samples were left out: {why}" for why, count in self.left_out.items())

    def reason(self, outputs: tuple[OutputVerdict, ...]) -> str:
        """Why the verdict is what it is, in a sentence."""
        total = self._reference.samples
        omitted = [
            f"{count} of {total} samples don't fit the file: {why}" for why, count in self.not_taken.items()
        ]
        return "; ".join([*omitted, reason_of(outputs, self.samples, self._reference)])


def _takes_one(artifact: Artifact, reference: Reference) -> bool:
    """Whether the file takes a sample alone besides batches."""
    return reference.layout.batched and all(spec.shape[:1] == (None,) for spec in artifact.signature.inputs)


def _independent(reference: Reference) -> list[str]:
    """Outputs that give each sample a row of its own, in the original already."""
    return [o.spec.name for o in reference.outputs if o.per_sample and not o.mixes_batch]
