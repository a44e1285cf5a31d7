"""Values at which implementations part, by dtype and by the ops that part there.

Each family is one case: its values fill an input, so that a single sample tries all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from validation.directed.graph_facts import ops_of

ANYTHING: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Family:
    """Values that belong together.

    Attributes:
        case: what is tried, in words.
        values: finite ones.
        ops: in whose presence it is worth trying; empty for always.
    """

    case: str
    values: tuple[float, ...]
    ops: frozenset[str] = ANYTHING


def _both(*values: float) -> tuple[float, ...]:
    """Each value and its negative, one after the other."""
    return tuple(signed for value in values for signed in (value, -value))


_SATURATING = ops_of(
    """Exp Expm1 Softplus Softsign Sigmoid Tanh Sinh Cosh Erf Erfc Softmax LogSoftmax Elu Selu Log Log1p Pow
    Relu6 Minimum Maximum ClipByValue Digamma Lgamma LeakyRelu Relu Atan Atan2 Asinh Acosh"""
)
_NEAR_ZERO = ops_of(
    """Log Log1p Exp Expm1 Rsqrt Sqrt Reciprocal Inv RealDiv Div DivNoNan Xdivy Xlogy Pow Softplus Sigmoid
    Atan2 Tan Sinh Tanh Erf Asinh Sign Mod FloorMod Lgamma Digamma Erfinv Ndtri"""
)
_STEPS = ops_of(
    """Round Rint Floor Ceil FloorDiv FloorMod Mod TruncateDiv TruncateMod Cast Sign Bucketize OneHot Less
    LessEqual Greater GreaterEqual Equal NotEqual Quantize FakeQuantWithMinMaxVars"""
)
_ANGLES = ops_of("Sin Cos Tan")
_SIGNED_ZERO = ops_of("Reciprocal Inv RealDiv Div Rsqrt Sqrt Atan2 Pow Log Sign Xdivy DivNoNan")
_INTEGERS = ops_of(
    """FloorDiv FloorMod Mod TruncateDiv TruncateMod RealDiv Abs Sign Neg BitwiseAnd BitwiseOr BitwiseXor
    Invert LeftShift RightShift Relu Maximum Minimum Pow Square Mul Sub AddV2 Add AddN Sum Cumsum Prod Cast
    OneHot Less LessEqual Greater GreaterEqual Equal NotEqual SelectV2 Bincount DenseBincount"""
)

FLOATS = (
    Family(
        "saturating values",
        # exp leaves float32 at 88.73, and its denormals at -103.98; TFLite's softplus is flat from 88.4 on;
        # tanh is 1 from 9.01 on, 1 + exp(-x) from 16.64 on.
        _both(2.5, 6, 9.1, 16.7, 20, 30, 50, 87, 88.5, 89, 95, 104, 150, 500, 1000, 9999),
        _SATURATING,
    ),
    Family(
        "values near zero",
        # Half an epsilon of float32 is 5.96e-8: below, 1 + x is 1. The least normal number is 1.18e-38.
        _both(1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-7, 5e-8, 1e-9, 1e-12, 1e-16, 1e-20, 1e-30, 1.2e-38),
        _NEAR_ZERO,
    ),
    Family(
        "whole numbers and halves",
        _both(0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 9, 10, 0.49999997, 127.5, 255.5, 1e4),
        _STEPS,
    ),
    Family("large angles", _both(1, 1.5707964, 3.1415927, 10, 31, 100, 314, 1000, 3000, 1e4), _ANGLES),
    Family("zeros of both signs", (0.0, -0.0), _SIGNED_ZERO),
)
"""For float inputs."""

INTEGERS = (
    Family("small integers of both signs", tuple(range(-9, 12)), _INTEGERS),
    Family("2^24 + 1", _both(2**24 - 1, 2**24, 2**24 + 1, 2**24 + 3, 2**25 + 2)),
    Family(
        "products beyond the dtype",
        _both(181, 182, 255, 256, 32767, 32768, 46341, 65535, 65537, 3037000500, 4294967297),
        ops_of("Mul Square Pow Prod Sum Cumsum AddV2 Add Sub AddN MatMul BatchMatMulV2 LeftShift"),
    ),
)
"""For integer inputs; those that the dtype or the domain doesn't have are left out."""

TEXTS: Sequence[bytes] = (
    b"",
    b" ",
    b"a",
    b"A",
    b"0",
    b"-7",
    b"a b  c\t",
    "Stra\u00dfe \u4e2d\u6587 \U0001f600".encode(),
    b"x" * 300,
)
"""For text inputs: empty, blank, short, capital, numeric, several words, not ASCII, long."""
