"""How numbers, sizes and measures are written in the report."""

from __future__ import annotations

import math
import re
from typing import Any

from validation.accuracy import Accuracy
from validation.verdict import MORE_IS_BETTER, Comparison, Latency, Tolerance

MEASURES = {
    "noise_ratio": "greatest error, in noise floors",
    "noise_ratio_rms": "root mean square error, in noise floors",
    "max_rel_range": "greatest error over the range",
    "max_abs": "greatest error",
    "mismatched": "unequal elements",
    "sqnr_db": "signal to quantization noise",
    "cosine": "cosine",
    "argmax_agreement": "same top class",
    "accuracy_kept": "accuracy kept",
    "allclose_ratio": "error over atol + rtol·|expected|",
    "rmse": "root mean square error",
}

SHARES = frozenset({"argmax_agreement", "accuracy_kept"})

_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|~&$])")


class Plain(str):
    """Markdown that is meant as such, and not escaped."""


def escape_markdown(value: Any) -> str:
    """Text that stands for itself in Markdown, in a table too."""
    if isinstance(value, Plain):
        return value
    return " ".join(_MARKDOWN.sub(r"\\\1", str(value)).split()) if value is not None else ""


def unbroken(value: Any) -> Any:
    """What stands on the HTML page, so that no line breaks between a number and its unit."""
    return (
        value.replace(" %", "\N{NO-BREAK SPACE}%").replace(" dB", "\N{NO-BREAK SPACE}dB")
        if isinstance(value, str)
        else value
    )


def number(value: float | None, digits: int = 3) -> str:
    """Three significant digits, powers of ten without padding: 1.32e-6."""
    if value is None:
        return "-"
    if isinstance(value, int) or (math.isfinite(value) and value == int(value) and abs(value) < 1e6):
        return str(int(value))
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "∞" if value > 0 else "-∞"
    text = f"{value:.{digits}g}"
    return re.sub(r"e([+-])0*(\d+)", lambda m: f"e{'-' if m[1] == '-' else ''}{m[2]}", text)


def decibels(value: float) -> str:
    return f"{number(value) if not math.isfinite(value) else format(value, '.1f')} dB"


def latency(measured: Latency | None) -> str:
    """1.32 ms (p95 2.1 ms), load 35 ms; nothing where it was not measured."""
    if measured is None:
        return ""
    times = f"{measured.p50_ms:.3g} ms (p95 {measured.p95_ms:.3g} ms), load {measured.load_ms:.3g} ms"
    return f"{times}, software GPU" if measured.software_gpu else times


def size(size_bytes: int) -> str:
    """1.2 MB, in powers of 1000; nothing where it is not known."""
    if not size_bytes:
        return ""
    amount, units = float(size_bytes), ["B", "kB", "MB", "GB", "TB"]
    while amount >= 999.5 and len(units) > 1:
        amount, units = amount / 1000, units[1:]
    return f"{amount:.3g} {units[0]}"


def measure(tolerance: Tolerance) -> str:
    """What is limited, in words."""
    return MEASURES.get(tolerance.measure, tolerance.measure)


def measured(comparison: Comparison, tolerance: Tolerance) -> str:
    """The value that is held against the limit."""
    return amount(tolerance.measure, getattr(comparison, tolerance.measure))


def limit(tolerance: Tolerance) -> str:
    """`≤ 1.32e-6`, `≥ 23.5 dB`, `none`."""
    if tolerance.measure == "mismatched" and tolerance.limit == 0:
        return "none"
    sign = "≥" if tolerance.measure in MORE_IS_BETTER else "≤"
    return f"{sign} {amount(tolerance.measure, tolerance.limit)}"


def amount(measure: str, value: float | None) -> str:
    """A value of a measure, with its unit; `none` where no value would do."""
    if value is None or math.isnan(value):
        return "none"
    if measure == "sqnr_db":
        return decibels(value)
    return percent(value) if measure in SHARES else number(value)


def percent(share: float) -> str:
    """`98.5 %`, `0.012 %`, `∞ %`."""
    return f"{100 * share:.1f} %" if 0.001 <= share < 1e4 or share == 0 else f"{number(100 * share, 2)} %"


def accuracy(found: Accuracy | None) -> str:
    """`97.3 % of 98.0 %; kept 99.3 % (98.1 % to 100.5 %)`; nothing without labels."""
    if found is None:
        return ""
    return (
        f"{percent(found.export)}, original {percent(found.original)}; kept {percent(found.kept)} "
        f"({percent(found.low)} to {percent(found.high)})"
    )


def worst(comparison: Comparison) -> tuple[str, str, str]:
    """Index, expected and actual value of the worst element."""
    if comparison.worst_expected is None:
        return "", "", ""
    index = ", ".join(map(str, comparison.worst_index))
    return f"[{index}]", value(comparison.worst_expected), value(comparison.worst_actual)


def value(value: Any) -> str:
    """Enough digits to see a float32 difference."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    return number(value, 7)
