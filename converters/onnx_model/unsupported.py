"""TensorFlow ops that tf2onnx 1.17 or ONNX Runtime 1.31 lacks and that no pass writes in other ops.

What isn't listed and fails all the same is named, with its layer, once tf2onnx has left it in the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

_GROUPS: tuple[tuple[str, str, Iterable[str]], ...] = (
    (
        "ONNX has no linear algebra beyond matrix products",
        "compute it outside of the model, or write it out for the size that you need",
        (
            *("Cholesky", "Eig", "LogMatrixDeterminant", "Lu", "MatrixInverse", "MatrixSolve"),
            *("MatrixSolveLs", "MatrixSquareRoot", "MatrixTriangularSolve", "Qr", "SelfAdjointEigV2", "Svd"),
        ),
    ),
    (
        "ONNX has no complex numbers, and this use of them has no form in real ones here",
        "fix the transform's length to one without a prime factor above 512, and keep to sums and products "
        "between transforms; or compute the spectrum before the model",
        (
            *("Angle", "Complex", "ComplexAbs", "Conj", "FFT", "FFT2D", "FFT3D", "IFFT", "IFFT2D", "IFFT3D"),
            *("IRFFT", "IRFFT2D", "Imag", "RFFT", "RFFT2D", "Real"),
        ),
    ),
    (
        "ONNX has no such string operation",
        "turn text into integers before the model, and export the model that takes the integers",
        (
            *("AsString", "RegexFullMatch", "RegexReplace", "StaticRegexReplace", "StringJoin"),
            *("StringLength", "StringLower", "StringNGrams", "StringSplit", "StringSplitV2", "StringStrip"),
            *("StringToHashBucketFast", "StringToHashBucketStrong", "StringUpper", "Substr", "UnicodeDecode"),
        ),
    ),
    (
        "ONNX has no such random numbers, and an answer that changes can't be proven",
        "draw the numbers outside and pass them in as an input",
        (
            *("StatelessRandomBinomial", "StatelessRandomGammaV3", "StatelessRandomGetKeyCounter"),
            *("StatelessRandomNormalV2", "StatelessRandomUniformIntV2", "StatelessRandomUniformV2"),
            *("StatelessTruncatedNormalV2", "TruncatedNormal"),
        ),
    ),
    (
        "ONNX has no such function",
        "replace it by one that ONNX has, or by a polynomial over the range that you need",
        (
            *("BesselI0e", "BesselI1e", "Betainc", "Bitcast", "Digamma", "Igamma", "Igammac", "Lgamma"),
            *("Ndtri", "NextAfter", "Polygamma", "Zeta"),
        ),
    ),
    (
        "ONNX has no such image operation",
        "do it before the model",
        (
            "AdjustContrastv2",
            "AdjustHue",
            "AdjustSaturation",
            "HSVToRGB",
            "ImageProjectiveTransformV3",
            "RGBToHSV",
        ),
    ),
)

UNSUPPORTED: Mapping[str, tuple[str, str]] = {op: (why, fix) for why, fix, ops in _GROUPS for op in ops}
"""From op to why it can't be expressed and what to do."""

ARITHMETIC = frozenset(
    {"AddV2", "BatchMatMulV2", "BiasAdd", "Conv2D", "Conv3D", "DepthwiseConv2dNative", "MatMul"}
)
FLOAT64_GAPS = frozenset({"Conv2D", "Conv3D", "DepthwiseConv2dNative", "MaxPool3D"})


def unsupported(op: str, dtype: str | None) -> tuple[str, str] | None:
    """Why an op on elements of this type can't be expressed and what to do, or None."""
    if op in UNSUPPORTED:
        return UNSUPPORTED[op]
    gap = (op in ARITHMETIC and dtype == "bfloat16") or (op in FLOAT64_GAPS and dtype == "float64")
    if gap:
        why = f"ONNX Runtime's CPU has no {op} in {dtype}"
        return why, "load the model with dtype policy 'float32', the weights are cast on loading"
    return None
