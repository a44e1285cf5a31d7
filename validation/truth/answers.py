"""The truth of each batch, and how far the original may be off it, element by element.

With a float64 twin the truth is the twin's, and the errors are those of the original, eagerly and as a
graph, and of the twin with every rounding simulated. Without one the original's answer stands for the
truth, and the errors are what one ulp does to it, as `ulp` has it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from converters.signature import TensorSpec
from validation.compare import differences
from validation.dtypes import epsilon, is_float, largest, least_normal
from validation.feed import NATURAL, Tensors
from validation.feed_layout import layout_of
from validation.floor import RUNS_ENOUGH, has_channels, noise_floor
from validation.noise import Given
from validation.noise_table import NoiseTable
from validation.original import Original
from validation.rows import join, split
from validation.truth.twin import NoTwinError, Twin, build_twin
from validation.truth.ulp import OneUlp

AMPLITUDE = 8.0
"""Unit roundoffs by which a simulated run may be off in each op: the factor that a limit grants an export
over the floor, so that what such a run does to an element is granted whole, be it linear or a jump."""

RUNS_AT_LEAST = RUNS_ENOUGH - 2
"""Simulated runs of a batch that has any; the original's own two are added."""

ULP_RUNS = 16
"""Runs with one ulp up or down, without a twin, for each batch that would have simulated ones."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one batch should give.

    Attributes:
        expected: see `validation.expected.Batch`.
        noise: likewise; for outputs that are no floats, by how much roundings before them move them.
        own: the original's error, for each float output; empty without a twin.
    """

    expected: dict[str, np.ndarray]
    noise: dict[str, np.ndarray]
    own: dict[str, np.ndarray]


class Truth:
    """Answers batch by batch.

    Args:
        original: opened.
    """

    def __init__(self, original: Original) -> None:
        self._original, self._layout = original, layout_of(original.signature)
        self._twin: Twin | None = None
        self._one_ulp: OneUlp | None = None
        self._missing = ""
        self._tables = {
            spec.name: NoiseTable(has_channels(spec))
            for spec in original.signature.outputs
            if is_float(spec.dtype)
        }
        try:
            self._twin = build_twin(original.traced, original.signature)
        except NoTwinError as error:
            self._do_without(error)

    @property
    def words(self) -> str:
        """What the truth is, and why it is no more."""
        if self._one_ulp is None:
            return "float64 twin"
        words = f"one ulp, {ULP_RUNS} times: no float64 twin, because {self._missing}"
        left_out = self._one_ulp.left_out
        return f"{words}; on inputs and weights alone, because {left_out}" if left_out else words

    def answers(self, given: Sequence[Given], *, runs: Sequence[int], seed: int) -> list[Answer]:
        """The truth of some batches, which are run as one and have a floor each.

        Args:
            given: the batches; where there are several, no sample depends on another.
            runs: simulated ones of each, 0 or more: without any the floor rests on the original's own
                error, and on what earlier batches taught; where they taught nothing there are
                `RUNS_AT_LEAST`.
            seed: of what is simulated.
        """
        if self._twin is not None:
            try:
                exact = split(self._twin.run(join([batch.inputs for batch in given])), self._sizes(given))
                return self._with_floors(given, exact, runs, seed)
            except NoTwinError as error:
                self._do_without(error)
        return self._with_floors(given, [None] * len(given), runs, seed)

    def _do_without(self, error: NoTwinError) -> None:
        self._twin, self._missing = None, str(error)
        self._one_ulp = OneUlp(self._original)

    def _with_floors(
        self, given: Sequence[Given], exact: Sequence[Tensors | None], runs: Sequence[int], seed: int
    ) -> list[Answer]:
        chosen = [batch for batch, wanted in zip(given, runs, strict=True) if wanted]
        moved = iter(self._moved(chosen, max(runs), seed))
        answers = []
        for batch, truth, wanted in zip(given, exact, runs, strict=True):
            if wanted:
                answers.append(self._answer(batch, truth, next(moved)))
            elif self._is_taught(truth or batch.eager):
                answers.append(self._answer(batch, truth, []))
            else:
                answers.append(self._answer(batch, truth, *self._moved([batch], RUNS_AT_LEAST, seed)))
        return answers

    def _moved(self, given: Sequence[Given], runs: int, seed: int) -> list[list[Tensors]]:
        """Simulated runs of each batch, all in one."""
        if not given:
            return []
        inputs, twin, ulp = join([batch.inputs for batch in given]), self._twin, self._one_ulp
        found: list[dict[str, np.ndarray] | None] = []
        if twin is not None:
            found += [twin.rounded(inputs, seed=seed + n, amplitude=AMPLITUDE) for n in range(runs)]
        elif ulp is not None:
            found += [ulp.run(inputs, seed + n) for n in range(ULP_RUNS)]
        apart = [split(run, self._sizes(given)) for run in found if run is not None]
        return [[run[number] for run in apart] for number in range(len(given))]

    def _sizes(self, given: Sequence[Given]) -> list[int]:
        return [self._layout.count(batch.inputs) for batch in given] if given[1:] else []

    def _answer(self, given: Given, exact: Tensors | None, moved: Sequence[Tensors]) -> Answer:
        expected, noise, own = {}, {}, {}
        for spec in self._original.signature.outputs:
            name = spec.name
            eager, graph, runs = given.eager[name], given.graph[name], [run[name] for run in moved]
            if not is_float(spec.dtype):
                expected[name] = eager
                if spec.dtype != "string":
                    others = [graph, *([] if exact is None else [exact[name]]), *runs]
                    noise[name] = np.max([differences(eager, run) for run in others], 0)
                continue
            if exact is None:
                expected[name] = eager.astype(np.float64)
                errors = _errors(expected[name], [graph, *runs])
            else:
                expected[name] = _truth(exact[name], eager, spec)
                errors = _errors(expected[name], [eager, graph, *runs], [1, 1, *[AMPLITUDE] * len(runs)])
                own[name] = errors[0]
            noise[name] = self._floor(spec, errors, expected[name], bool(moved))
        return Answer(expected, noise, own)

    def _is_taught(self, truth: Tensors) -> bool:
        """Whether a batch can do without simulated runs."""
        return all(table.floor(truth[name]) is not None for name, table in self._tables.items())

    def _floor(self, spec: TensorSpec, errors: np.ndarray, truth: np.ndarray, simulated: bool) -> np.ndarray:
        dtype = max((spec.dtype, self._original.arithmetic), key=epsilon)
        roundoff, least = max(epsilon(dtype), epsilon("float32")) / 2, least_normal(spec.dtype)
        table = self._tables[spec.name]
        taught = None if simulated else table.floor(truth)
        floor = noise_floor(
            errors, truth, roundoff=roundoff, least=least, channels=has_channels(spec), taught=taught
        )
        if simulated:
            table.add(floor, truth)
        return floor


def one_after_the_other(answers: Sequence[Answer]) -> Answer:
    """Those of the parts of a batch, as one."""
    parts = [(answer.expected, answer.noise, answer.own) for answer in answers]
    return Answer(*(join(kind) for kind in zip(*parts, strict=True)))


def _truth(exact: np.ndarray, given: np.ndarray, spec: TensorSpec) -> np.ndarray:
    """The twin's values; where the original's isn't finite, or the twin leaves the dtype's range, that."""
    with np.errstate(invalid="ignore"):
        usable = np.isfinite(given.astype(np.float64)) & (np.abs(exact) <= largest(spec.dtype))
    return np.where(usable, exact, given.astype(np.float64))


def _errors(
    truth: np.ndarray, runs: Sequence[np.ndarray], amplitudes: Sequence[float] | None = None
) -> np.ndarray:
    """[runs, *shape]: each run's distance to the truth over its amplitude; 0 where one isn't finite."""
    found = np.stack([differences(truth, run) for run in runs])
    found[~np.isfinite(found)] = 0.0
    if amplitudes is not None:
        found /= np.reshape(np.asarray(amplitudes, np.float64), (-1, *[1] * truth.ndim))
    return found


def runs_wanted(number: int, origin: str) -> int:
    """Simulated runs for a batch: all directed ones get some, data the fewer the more there is of it."""
    if origin in NATURAL and number & (number - 1):
        return 0
    return RUNS_AT_LEAST


def noises(answer: Answer) -> Mapping[str, np.ndarray]:
    """What is written beside the feeds: float32 halves the file, and rounding up loses nothing."""
    most = np.finfo(np.float32).max
    written = {}
    for name, noise in answer.noise.items():
        low = np.minimum(noise, most).astype(np.float32)
        written[name] = np.where(low < noise, np.nextafter(low, np.float32(np.inf)), low)
    return written
