"""Accuracy, and how sure it is: 95 % confidence intervals.

Sources: the ratio of two accuracies on the same samples: Bonett and Price, "Confidence intervals for a
ratio of binomial proportions based on paired data", Statistics in Medicine 25 (2006) 3039-3047; one
share: Wilson, JASA 22 (1927) 209-212. Neither degenerates where nothing differs, as the bootstrap does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

Z = 1.959963984540054
"""Of the normal distribution: 95 % lie within ± this many standard deviations."""


@dataclass(frozen=True, slots=True)
class Accuracy:
    """How often an export and the original name the right class, on the same labelled samples.

    Attributes:
        samples: that have a label.
        original: share that the original gets right.
        export: share that the export gets right.
        constant: share of the commonest label, which an answer that ignores the inputs would get right.
        kept: `export` over `original`; NaN where the original gets nothing right.
        low: lower end of the confidence interval of `kept`.
        high: upper end.
        confidence: of the interval, 0.95.
    """

    samples: int
    original: float
    export: float
    constant: float
    kept: float
    low: float
    high: float
    confidence: float = 0.95


def accuracy_of(right: np.ndarray, commonest: int) -> Accuracy:
    """From counts.

    Args:
        right: samples by [original right, export right], each index 0 or 1.
        commonest: samples with the commonest label.
    """
    samples = int(right.sum())
    original, export = int(right[1].sum()), int(right[:, 1].sum())
    low, high = ratio_interval(int(right[1, 1]), int(right[1, 0]), int(right[0, 1]))
    total = max(samples, 1)
    return Accuracy(
        samples=samples,
        original=original / total,
        export=export / total,
        constant=commonest / total,
        kept=export / original if original else math.nan,
        low=low,
        high=high,
    )


def describe_accuracy(found: Accuracy) -> str:
    """`97.6 % right and the original 98.0 %, so 99.6 % kept (98.7 % to 100.4 %; 450 samples)`."""
    export, original, kept, low, high = (
        f"{100 * share:.1f} %" for share in (found.export, found.original, found.kept, found.low, found.high)
    )
    doubt = f"{low} to {high}; {found.samples} samples"
    return f"{export} right and the original {original}, so {kept} kept ({doubt})"


def ratio_interval(both: int, only_original: int, only_export: int) -> tuple[float, float]:
    """Bonett and Price's interval of export's accuracy over the original's.

    Args:
        both: samples that both get right.
        only_original: that only the original gets right.
        only_export: that only the export gets right.

    Returns:
        NaN twice where the original gets nothing right.
    """
    total = both + only_original + only_export
    export, original = both + only_export, both + only_original
    if not original:
        return math.nan, math.nan
    a = math.sqrt((only_original + only_export + 2) / ((export + 1) * (original + 1)))
    b = math.sqrt((1 - (export + 1) / (total + 2)) / (export + 1))
    c = math.sqrt((1 - (original + 1) / (total + 2)) / (original + 1))
    z = a / (b + c) * Z
    export_low, export_high = share_interval(export, total, z)
    original_low, original_high = share_interval(original, total, z)
    return export_low / original_high, export_high / original_low


def share_interval(hits: int, total: int, z: float = Z) -> tuple[float, float]:
    """Wilson's interval of a share; 0 to 1 without samples."""
    if not total:
        return 0.0, 1.0
    middle = 2 * hits + z * z
    reach = z * math.sqrt(z * z + 4 * hits * (1 - hits / total))
    return (middle - reach) / (2 * (total + z * z)), (middle + reach) / (2 * (total + z * z))
