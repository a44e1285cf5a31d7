"""Numbers, limits and verdicts: what is known of one artifact on one runtime."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from validation.accuracy import Accuracy
from validation.localization import Localization
from validation.weights.wrong import WrongWeight

UNPROVEN = "nothing was proven"
"""How the reason of a failure begins that accuses neither file nor runtime."""

Outcome = Literal["pass", "fail", "unavailable", "error"]

MORE_IS_BETTER = frozenset({"sqnr_db", "cosine", "argmax_agreement", "accuracy_kept"})
"""Measures whose limit is the least value that passes; of all others it is the greatest."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One output of one artifact on one runtime against the original, over all samples.

    Differences are taken in float64 for floats, exactly for integers; of booleans and strings they
    are 0 or 1. A NaN or an infinity against anything else differs by Infinity.

    Attributes:
        name: Keras name of the output.
        count: elements compared.
        mismatched: elements beyond the limit, or unequal where exactness is asked.
        max_abs: greatest |actual - expected|.
        max_rel_range: `max_abs` over the range (max - min) of the expected values.
        rmse: root of the mean squared difference.
        cosine: between the two, all elements as one vector.
        sqnr_db: 10 log10(sum expected² / sum difference²); Infinity when equal. Of everyday samples, where it
            is limited together with `noise_ratio`.
        quantiles: of |actual - expected|, keyed "p50", "p90", "p99", "p99.9"; too great by 4.5 % at
            most, never too small.
        expected_min: least finite expected value; NaN if there is none.
        expected_max: greatest.
        nan_expected: number of NaN in the reference; likewise the three after it.
        worst_index: of the worst element, the sample's number first.
        worst_expected: value there.
        worst_actual: value there.
        argmax_agreement: share of score vectors of data and natural samples whose greatest element is at
            the same place, or, where the user limits it, of equal integers; else None.
        score_vectors: how many score vectors (or integers) that share is of.
        close_calls: those among them whose two greatest elements the original has within the noise that is
            allowed: their order proves nothing.
        noise_ratio: greatest |actual - expected| over that element's noise floor; None where none is known.
        noise_ratio_rms: root mean square of that ratio, in the channel where it is greatest.
        allclose_ratio: greatest |actual - expected| / (atol + rtol |expected|), where the recipe sets
            these; None elsewhere.
        accuracy: None without labels.
    """

    name: str
    count: int
    mismatched: int
    max_abs: float
    max_rel_range: float
    rmse: float
    cosine: float
    sqnr_db: float
    quantiles: Mapping[str, float]
    expected_min: float
    expected_max: float
    nan_expected: int
    nan_actual: int
    inf_expected: int
    inf_actual: int
    worst_index: tuple[int, ...]
    worst_expected: Any
    worst_actual: Any
    argmax_agreement: float | None = None
    score_vectors: int = 0
    close_calls: int = 0
    noise_ratio: float | None = None
    noise_ratio_rms: float | None = None
    allclose_ratio: float | None = None
    accuracy: Accuracy | None = None

    @property
    def accuracy_kept(self) -> float | None:
        """Share of the original's accuracy that is left."""
        return None if self.accuracy is None else self.accuracy.kept


@dataclass(frozen=True, slots=True)
class Tolerance:
    """The limit for one output.

    Attributes:
        measure: the field of `Comparison` that is held against the limit.
        limit: greatest value that passes; least for those of `MORE_IS_BETTER`.
        reason: why this limit, in a sentence with its numbers.
    """

    measure: str
    limit: float
    reason: str


@dataclass(frozen=True, slots=True)
class OutputVerdict:
    """A comparison, the limit that it was held against, and whether it passed.

    Attributes:
        proven: the comparison tells something: a file that ignores its inputs would have been found, or
            this one was found to be wrong. Nothing passes without.
        needed: smallest limit (greatest, for measures of which more is better) that would have passed,
            in the tolerance's measure; NaN where none would.
        found_by: what kind of sample broke the limit first, "directed: negative integers"; "" where
            none did.
        found_after: how many samples had been run by then, that one included.
        also: further limits that had to be kept; `tolerance` is the first of all that was broken.
    """

    comparison: Comparison
    tolerance: Tolerance
    passed: bool
    proven: bool = True
    needed: float = math.nan
    found_by: str = ""
    found_after: int = 0
    also: tuple[Tolerance, ...] = ()


@dataclass(frozen=True, slots=True)
class Outside:
    """A difference on an input outside the domain: reported, and no failure.

    Attributes:
        output: Keras name.
        case: what the input tried, in words.
        sample: its number.
        max_abs: greatest |actual - expected|.
        expected: value of the original there.
        actual: value of the export.
    """

    output: str
    case: str
    sample: int
    max_abs: float
    expected: Any
    actual: Any


@dataclass(frozen=True, slots=True)
class Split:
    """Where one output's error comes from: the file's quantization, or the runtime.

    Attributes:
        output: Keras name.
        reference: the runtime that stands for the file itself: plain kernels, no optimiser.
        total: root mean square difference to the original.
        quantization: that of the same file on `reference`.
        runtime: root mean square difference to the same file on `reference`.
    """

    output: str
    reference: str
    total: float
    quantization: float
    runtime: float


@dataclass(frozen=True, slots=True)
class Latency:
    """How long an artifact took on a runtime, on a machine that did other things as well.

    Attributes:
        load_ms: until it was open.
        warm_up_ms: the first run of a single sample, or of the file's fixed batch.
        p50_ms: median of the runs after that; likewise `p95_ms`.
        runs: how many these were.
        software_gpu: a CPU did a GPU's work: not to be compared with other devices.
    """

    load_ms: float
    warm_up_ms: float
    p50_ms: float
    p95_ms: float
    runs: int
    software_gpu: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """One artifact on one runtime.

    Attributes:
        artifact: the entry file or directory, as the user knows it.
        target: `tflite:int8`.
        runtime: name of the runtime.
        device: what it really ran on; empty when it did not run.
        verdict: only "pass" is a pass.
        reason: a sentence that says why.
        samples: how many were compared.
        outputs: in the signature's order; empty when nothing was compared.
        blame: "file" or "runtime" when a failure could be told apart, else "".
        size_bytes: of all the artifact's files.
        notes: what the converter had to do to get here, one sentence each.
        latency: None where nothing ran to the end, and in bundles, which are the same every time.
        outside: differences outside the domain.
        split: of quantized exports, where their reference runtime could be run too.
        localization: which layer is wrong; None where it was not looked for.
        weights: of an 8-bit file, those that are further off than rounding explains.
    """

    artifact: str
    target: str
    runtime: str
    device: str
    verdict: Outcome
    reason: str
    samples: int = 0
    outputs: tuple[OutputVerdict, ...] = ()
    blame: str = ""
    size_bytes: int = 0
    notes: tuple[str, ...] = ()
    latency: Latency | None = None
    outside: tuple[Outside, ...] = ()
    split: tuple[Split, ...] = ()
    localization: Localization | None = None
    weights: tuple[WrongWeight, ...] = ()


def names_of(verdicts: Collection[Verdict]) -> dict[str, str]:
    """What people call each artifact: its target, with the file where several have the same one."""
    targets = {verdict.artifact: verdict.target for verdict in verdicts}
    shared = {target for target, count in Counter(targets.values()).items() if count > 1}
    return {
        artifact: f"{target} {artifact}" if target in shared else target
        for artifact, target in targets.items()
    }


def proven(verdicts: Collection[Verdict], artifact: str) -> bool:
    """Whether an artifact passed on at least one runtime, and on every one that is here.

    A runtime that is not here is no failure, but no proof either.
    """
    outcomes = {verdict.verdict for verdict in verdicts if verdict.artifact == artifact}
    return "pass" in outcomes and outcomes <= {"pass", "unavailable"}
