"""One artifact in one session: feeds it, measures every output, and words the outcome."""

from __future__ import annotations

from collections import Counter

import numpy as np

from converters.artifact import Artifact
from validation.casts import DoesNotFitError, from_file
from validation.compare import OutputMeter, differences, find_mismatch
from validation.dtypes import dtype_name, epsilon, is_float
from validation.expected import Batch, OutputReference, Reference
from validation.fitting import Call, cut, trim
from validation.labels import read_classes
from validation.limits import limits_for, settle, why_unproven
from validation.runtime import Arithmetic, Session
from validation.task_meters import meters_for
from validation.tolerance import FLOOR_ULPS, greatest_difference
from validation.verdict import MORE_IS_BETTER, UNPROVEN, OutputVerdict


class FailedError(Exception):
    """The artifact is wrong in a way that ends the comparison; says how."""


class Trial:
    """Measures as it goes; memory does not grow with the number of samples.

    Args:
        artifact: what is tried.
        reference: what it is held against.
        arithmetic: of the runtime.

    Attributes:
        samples: how many were compared.
        not_taken: how many were not, by the reason; a file that the original's inputs don't fit
            can't stand in for the original.

    Raises:
        FailedError: the artifact has other inputs or outputs than the original.
    """

    def __init__(self, artifact: Artifact, reference: Reference, arithmetic: Arithmetic = "float32") -> None:
        self._artifact, self._reference = artifact, reference
        self.samples = 0
        self.not_taken: Counter[str] = Counter()
        self._first: tuple[Call, dict[str, np.ndarray]] | None = None
        labels = read_classes(reference.labels)
        self._tolerances = {
            o.spec.name: limits_for(
                artifact.target,
                o,
                arithmetic,
                limit=reference.limits.get(o.spec.name),
                labelled=o.spec.name in labels,
            )
            for o in reference.outputs
        }
        self._meters = {o.spec.name: self._meter(o) for o in reference.outputs}
        self._task_meters = {
            o.spec.name: meters_for(o, reference.limits.get(o.spec.name), labels.get(o.spec.name))
            for o in reference.outputs
        }

    def _meter(self, output: OutputReference) -> OutputMeter:
        return OutputMeter(
            output.spec,
            limit=min(greatest_difference(t, output) for t in self._tolerances[output.spec.name]),
            value_range=output.range,
            per_sample=output.per_sample,
        )

    def add(self, session: Session, batch: Batch) -> None:
        """Runs one batch; one that the file can't take is counted with the reason.

        Raises:
            FailedError: an output is missing, extra, or has another shape or dtype.
        """
        self._check_names()
        try:
            calls = list(cut(batch, self._artifact, self._reference))
        except DoesNotFitError as error:
            self.not_taken[str(error)] += batch.samples
            return
        for call in calls:
            actual = self._run(session, call)
            fault = find_mismatch(call.expected, actual)
            if fault:
                raise FailedError(fault)
            if self._first is None:
                self._first = (call, actual)
            for name, meter in self._meters.items():
                meter.add(call.expected[name], actual[name], call.first_sample)
                for task in self._task_meters[name]:
                    task.add(call.expected[name], actual[name], call.first_sample, batch)
            self.samples += call.samples

    def _check_names(self) -> None:
        for kind, want, got in (
            ("inputs", self._reference.signature.input_names, self._artifact.signature.input_names),
            ("outputs", self._reference.signature.output_names, self._artifact.signature.output_names),
        ):
            if set(want) != set(got):
                raise FailedError(f"the file has other {kind}: got {sorted(got)}, want {sorted(want)}")

    def _run(self, session: Session, call: Call) -> dict[str, np.ndarray]:
        """Outputs in the original's dtypes, without filling."""
        given = session.run(call.inputs)
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

    def repeat_first(self, session: Session) -> None:
        """The first call once more, after all others: the answer must not have changed.

        Raises:
            FailedError: it has, by more than a few roundings.
        """
        if self._first is None:
            return
        call, before = self._first
        after = self._run(session, call)
        for name, first in before.items():
            again = after[name]
            difference = differences(first, again) if first.shape == again.shape else np.array(np.inf)
            if difference.size and difference.max() > _rounding(first):
                raise FailedError(
                    f"state leaks between invocations: the first batch run again gives another {name}, "
                    f"off by {difference.max():.3g}"
                )

    def outputs(self) -> tuple[OutputVerdict, ...]:
        """The verdict on every output, in the signature's order; empty when nothing ran."""
        if not self.samples:
            return ()
        return tuple(self._judge(output) for output in self._reference.outputs)

    def _judge(self, output: OutputReference) -> OutputVerdict:
        name = output.spec.name
        comparison = self._meters[name].result()
        for task in self._task_meters[name]:
            comparison = task.apply(comparison)
        return settle(self._tolerances[name], comparison, output)

    def reason(self, outputs: tuple[OutputVerdict, ...]) -> str:
        """Why the verdict is what it is, in a sentence."""
        return "; ".join([*self._omissions(), self._main_reason(outputs)])

    def _main_reason(self, outputs: tuple[OutputVerdict, ...]) -> str:
        failed = [output for output in outputs if not output.passed]
        if not outputs:
            return f"{UNPROVEN}: the file takes none of the samples"
        if not failed:
            word = "output keeps its limit" if len(outputs) == 1 else "outputs keep their limits"
            return f"{len(outputs)} {word} over {self.samples} samples"
        wrong = [output for output in failed if output.proven]
        if wrong:
            more = f" ({len(wrong)} of {len(outputs)} outputs fail)" if len(outputs) > 1 else ""
            return _describe(wrong[0]) + more
        name = failed[0].comparison.name
        return f"{UNPROVEN} for {name}: {why_unproven(failed[0], self._reference.output(name))}"

    def _omissions(self) -> list[str]:
        return [
            f"{count} of {self._reference.samples} samples don't fit the file: {why}"
            for why, count in self.not_taken.items()
        ]


def _describe(output: OutputVerdict) -> str:
    c, t = output.comparison, output.tolerance
    value = getattr(c, t.measure)
    sign = "<" if t.measure in MORE_IS_BETTER else ">"
    return (
        f"{c.name}: {t.measure} {value:.3g} {sign} {t.limit:.3g}, worst at {list(c.worst_index)}: "
        f"expected {c.worst_expected}, got {c.worst_actual}"
    )


def _rounding(values: np.ndarray) -> float:
    """A few float32 epsilons of the greatest value; 0 for all but floats."""
    if not is_float(dtype_name(values)):
        return 0.0
    finite = np.abs(values[np.isfinite(values)].astype(np.float64))
    return FLOOR_ULPS * epsilon("float32") * float(np.max(finite, initial=0.0))
