"""TensorFlow ops that TF.js 4.22 lacks, on one backend at least, and that no pass writes in other ops.

What isn't listed and fails all the same is named, with its layer, by tensorflowjs' list of ops.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

_GROUPS: tuple[tuple[str, str, Iterable[str]], ...] = (
    (
        "TF.js has no linear algebra beyond matrix products",
        "compute it outside of the model, or write it out for the size that you need",
        (
            *("Cholesky", "Eig", "LogMatrixDeterminant", "Lu", "MatrixDeterminant", "MatrixInverse"),
            *("MatrixSolve", "MatrixSolveLs", "MatrixSquareRoot", "MatrixTriangularSolve"),
            *("Qr", "SelfAdjointEigV2", "Svd"),
        ),
    ),
    (
        "TF.js has no such string operation",
        "turn text into integers before the model, and export the model that takes the integers",
        (
            *("AsString", "RegexFullMatch", "RegexReplace", "StringJoin", "StringLength", "StringLower"),
            *("StringSplitV2", "StringStrip", "StringToHashBucketStrong", "StringUpper", "Substr"),
            "UnicodeDecode",
        ),
    ),
    (
        "TF.js has no such random numbers, and an answer that changes can't be proven",
        "draw the numbers outside and pass them in as an input",
        (
            *("StatelessRandomBinomial", "StatelessRandomGammaV3", "StatelessRandomGetKeyCounter"),
            *("StatelessRandomNormalV2", "StatelessRandomUniformIntV2", "StatelessRandomUniformV2"),
            "StatelessTruncatedNormalV2",
        ),
    ),
    (
        "TF.js has no such function",
        "replace it by one that TF.js has, or by a polynomial over the range that you need",
        (
            *("BesselI0e", "BesselI1e", "Betainc", "Bitcast", "Digamma", "Igamma", "Igammac", "Lgamma"),
            *("Ndtri", "NextAfter", "Polygamma", "SegmentSum", "UnsortedSegmentSum", "Zeta"),
        ),
    ),
    (
        "TF.js has no transposed convolution in three dimensions",
        "use UpSampling3D and Conv3D instead",
        ("Conv3DBackpropInputV2",),
    ),
    (
        "TF.js has no such image operation",
        "do it before the model, or resize with interpolation 'bilinear' or 'nearest'",
        (
            "AdjustContrastv2",
            "AdjustHue",
            "AdjustSaturation",
            "HSVToRGB",
            "RGBToHSV",
            "ResizeArea",
            "ResizeBicubic",
        ),
    ),
)

BACKENDS = ("cpu", "wasm", "webgl", "webgpu")

LACKING: Mapping[str, tuple[str, ...]] = {
    "BitwiseAnd": ("webgpu",),
    "Complex": ("wasm",),
    "ComplexAbs": ("wasm",),
    "Einsum": ("wasm",),
    "FFT": ("wasm",),
    "IFFT": ("wasm",),
    "IRFFT": ("wasm",),
    "Imag": ("wasm",),
    "NonMaxSuppressionV4": ("webgpu",),
    "RFFT": ("wasm",),
    "RaggedGather": ("wasm", "webgpu"),
    "RaggedRange": ("wasm", "webgpu"),
    "RaggedTensorToTensor": ("wasm", "webgpu"),
    "Real": ("wasm",),
    "SparseFillEmptyRows": ("webgpu",),
    "SparseReshape": ("webgpu",),
    "StaticRegexReplace": ("wasm", "webgpu"),
    "StringSplit": ("webgpu",),
    "StringToHashBucketFast": ("webgpu",),
    "Unique": ("webgpu",),
    "UniqueV2": ("webgpu",),
}
"""From an op that TF.js 4.22 knows to the backends without a kernel for it; a test asks the packages."""


def _lacking(op: str) -> tuple[str, str]:
    without = LACKING[op]
    having = [name for name in BACKENDS if name not in without]
    why = f"TF.js has no kernel for it on {' and '.join(without)}, only on {', '.join(having)}"
    return why, "replace it by common ops; compute it outside of the model otherwise"


UNSUPPORTED: Mapping[str, tuple[str, str]] = {
    **{op: (why, fix) for why, fix, ops in _GROUPS for op in ops},
    **{op: _lacking(op) for op in LACKING},
}
"""From op to why it can't be expressed, or not on every backend, and what to do."""

ARITHMETIC = frozenset(
    {"AddV2", "BatchMatMulV2", "BiasAdd", "Conv2D", "Conv3D", "DepthwiseConv2dNative", "MatMul"}
)


def unsupported(op: str, dtype: str | None) -> tuple[str, str] | None:
    """Why an op on elements of this type can't be expressed and what to do, or None."""
    if op in UNSUPPORTED:
        return UNSUPPORTED[op]
    if op in ARITHMETIC and dtype == "bfloat16":
        why = "TF.js has no bfloat16"
        return why, "load the model with dtype policy 'float32', the weights are cast on loading"
    return None
