"""TensorFlow ops that have no TFLite builtin and that no pass writes in other ops.

Tried one by one with the converter of TensorFlow 2.21. What isn't listed and fails all the same is
named by the converter itself (`converters.tflite.translate`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

_GROUPS: tuple[tuple[str, str, Iterable[str]], ...] = (
    (
        "TFLite has no linear algebra beyond matrix products",
        "compute it outside of the model, or write it out for the size that you need",
        (
            *("Cholesky", "Eig", "LogMatrixDeterminant", "Lu", "MatrixDeterminant", "MatrixInverse"),
            *("MatrixSolve", "MatrixSolveLs", "MatrixSquareRoot", "MatrixTriangularSolve"),
            *("Qr", "SelfAdjointEigV2", "Svd"),
        ),
    ),
    (
        "TFLite has no string operations",
        "turn text into integers before the model, and export the model that takes the integers",
        (
            *(
                "AsString",
                "RegexFullMatch",
                "RegexReplace",
                "StaticRegexReplace",
                "StringJoin",
                "StringLength",
            ),
            *("StringLower", "StringNGrams", "StringSplitV2", "StringStrip", "StringToHashBucketFast"),
            *("StringToHashBucketStrong", "StringToNumber", "StringUpper", "Substr", "UnicodeDecode"),
        ),
    ),
    (
        "TFLite has no such random numbers, and an answer that changes can't be proven",
        "draw the numbers outside and pass them in as an input",
        (
            *("StatelessRandomBinomial", "StatelessRandomGammaV3", "StatelessRandomGetKeyCounter"),
            *("StatelessRandomNormalV2", "StatelessRandomUniformIntV2", "StatelessRandomUniformV2"),
            *("StatelessTruncatedNormalV2", "TruncatedNormal"),
        ),
    ),
    (
        "TFLite has no such function",
        "replace it by one that TFLite has, or by a polynomial over the range that you need",
        (
            *("BesselI0e", "BesselI1e", "Betainc", "Digamma", "Igamma", "Igammac", "Ndtri"),
            *("NextAfter", "Polygamma", "Zeta"),
        ),
    ),
    (
        "TFLite has no such image operation",
        "do it before the model, or resize with interpolation 'bilinear' or 'nearest'",
        (
            *("AdjustContrastv2", "AdjustHue", "AdjustSaturation", "HSVToRGB", "ImageProjectiveTransformV3"),
            *("RGBToHSV", "ResizeArea", "ResizeBicubic"),
        ),
    ),
    (
        "TFLite pools over two dimensions only, and this one couldn't be split",
        "keep channels last",
        ("AvgPool3D", "MaxPool3D"),
    ),
    (
        "TFLite has no such op on complex numbers, and this use of them has no form in real ones here",
        "fix the transform's length to one without a prime factor above 512, and keep to sums and products "
        "between transforms; or compute the spectrum before the model",
        (
            *("Angle", "Complex", "Conj", "FFT", "FFT2D", "FFT3D"),
            *("IFFT", "IFFT2D", "IFFT3D", "IRFFT", "IRFFT2D"),
        ),
    ),
    (
        "TFLite has no histograms",
        "count with one_hot and a sum",
        ("Bincount", "DenseBincount", "HistogramFixedWidth"),
    ),
)

UNSUPPORTED: Mapping[str, tuple[str, str]] = {op: (why, fix) for why, fix, ops in _GROUPS for op in ops}
"""From op to why it can't be expressed and what to do."""

ARITHMETIC = frozenset(
    {
        *("AddV2", "BatchMatMulV2", "BatchMatMulV3", "BiasAdd", "Conv2D", "Conv3D", "DepthwiseConv2dNative"),
        *("FusedBatchNormV3", "MatMul", "Mul", "Relu", "Sigmoid", "Softmax", "Sub", "Tanh"),
    }
)
NARROW_OR_WIDE = frozenset({"float16", "bfloat16", "float64"})


def unsupported(op: str, dtype: str | None) -> tuple[str, str] | None:
    """Why an op on elements of this type can't be expressed and what to do, or None."""
    if op in UNSUPPORTED:
        return UNSUPPORTED[op]
    if op in ARITHMETIC and dtype in NARROW_OR_WIDE:
        why = f"TFLite computes in float32, and this layer computes in {dtype}"
        return why, "load the model with dtype policy 'float32', the weights are cast on loading"
    return None
