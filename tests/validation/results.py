"""Results in code, for the tests of the result and of the report."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

from converters.signature import TensorSpec
from validation import result
from validation.accuracy import Accuracy
from validation.result import SCHEMA, Validation
from validation.verdict import (
    Comparison,
    OutputVerdict,
    Outside,
    Split,
    Tolerance,
    Verdict,
)

RESULT_SCHEMA = json.loads(Path(result.__file__).with_name("result.schema.json").read_text())

DEVICE = "LiteRT 2.3.0, XNNPACK for 12 of 12 operators, 2 threads, AVX2"


def comparison(name: str = "logits", **facts) -> Comparison:
    """A float32 output of 8 samples of 10 elements that differs in the last bits."""
    usual = Comparison(
        name=name,
        count=80,
        mismatched=0,
        max_abs=2.4e-6,
        max_rel_range=1.6e-7,
        rmse=4.1e-7,
        cosine=1.0,
        sqnr_db=139.2,
        quantiles={"p50": 1.9e-7, "p90": 7.2e-7, "p99": 1.7e-6, "p99.9": 2.4e-6},
        expected_min=-7.25,
        expected_max=7.75,
        nan_expected=0,
        nan_actual=0,
        inf_expected=0,
        inf_actual=0,
        worst_index=(3, 7),
        worst_expected=4.1250005,
        worst_actual=4.125003,
    )
    return replace(usual, **facts)


def tolerance(**facts) -> Tolerance:
    reason = (
        "1.9e-05 over a range of 15: 8 times the original's own noise of 2.4e-06 "
        "(one ulp on inputs and weights)"
    )
    return replace(Tolerance("max_rel_range", 1.28e-6, reason), **facts)


def verdict(runtime: str = "litert-cpu", **facts) -> Verdict:
    usual = Verdict(
        artifact="tflite-float32",
        target="tflite:float32",
        runtime=runtime,
        device=DEVICE,
        verdict="pass",
        reason="1 output keeps its limit over 8 samples",
        samples=8,
        outputs=(OutputVerdict(comparison(), tolerance(), True, needed=1.6e-7),),
        size_bytes=48_208,
        notes=("Erfc was written as 1 - Erf, which every runtime has.",),
    )
    return replace(usual, **facts)


def failed_output(name: str = "logits") -> OutputVerdict:
    """One element is NaN, and three are beyond the limit."""
    wrong = comparison(
        name,
        mismatched=4,
        max_abs=math.inf,
        max_rel_range=math.inf,
        rmse=math.inf,
        cosine=math.nan,
        sqnr_db=-math.inf,
        quantiles={"p50": 1.9e-7, "p90": 0.2, "p99": math.inf, "p99.9": math.inf},
        nan_actual=1,
        worst_actual=math.nan,
    )
    by = "directed: negative integers"
    return OutputVerdict(wrong, tolerance(), False, found_by=by, found_after=4)


def quantized_output() -> OutputVerdict:
    """An int8 export 20 dB better than it must be, on a score vector."""
    close = comparison(
        max_abs=0.31,
        max_rel_range=0.0207,
        rmse=0.06,
        sqnr_db=36.4,
        mismatched=0,
        argmax_agreement=0.875,
        score_vectors=8,
        accuracy=Accuracy(
            samples=450, original=0.98, export=0.976, constant=0.11, kept=0.996, low=0.987, high=1.004
        ),
        quantiles={"p50": 0.04, "p90": 0.1, "p99": 0.21, "p99.9": 0.31},
    )
    limit = tolerance(
        measure="sqnr_db",
        limit=27.9,
        reason="18 dB (a factor of 8) under the 45.9 dB that 8-bit rounding of weights lets expect",
    )
    top = Tolerance("argmax_agreement", 0.75, "99 % of the original's top classes; of 8, 6 are the fewest")
    return OutputVerdict(close, limit, True, needed=36.4, also=(top,))


def validation(*verdicts: Verdict, ok: bool = True) -> Validation:
    return Validation(
        schema=SCHEMA,
        ok=ok,
        source={
            "path": "models/digits.keras",
            "kind": "keras",
            "loader": "keras",
            "sha256": "9f" * 32,
            "notes": [],
        },
        inputs=(TensorSpec("image", (None, 8, 8, 1), "float32", (0.0, 1.0)),),
        outputs=(TensorSpec("logits", (None, 10), "float32"),),
        data="digits.npz",
        samples=8,
        verdicts=verdicts or (verdict(),),
        truth="float64 twin",
        tools={"tensorflow": "2.21.0", "keras": "3.15.1", "ai-edge-litert": "2.3.0"},
    )


def varied() -> Validation:
    """Every kind of verdict at once."""
    unproven = OutputVerdict(
        comparison(max_abs=0.0, max_rel_range=0.0, rmse=0.0, sqnr_db=math.inf), tolerance(), False, False
    )
    onnx = {"artifact": "onnx-float32", "target": "onnx:float32", "size_bytes": 51_900, "notes": ()}
    tfjs = {"artifact": "web/model.json", "target": "tfjs:float32", "size_bytes": 1_204_000, "notes": ()}
    killed = "the converter was killed by signal 9: got SIGKILL; want a file; give it more memory"
    one = "nothing was proven for logits: there is only one sample: give two or more that differ"
    why = "logits: max_rel_range inf > 1.28e-06, worst at [3, 7]: expected 4.1250005, got nan"
    return validation(
        verdict(),
        verdict("litert-reference", device="LiteRT 2.3.0, reference kernels, no delegate"),
        verdict(
            target="tflite:int8",
            artifact="tflite-int8",
            outputs=(quantized_output(),),
            size_bytes=14_100,
            split=(Split("logits", "litert-reference", 0.0602, 0.06, 0.005),),
            outside=(Outside("logits", "negative integers", 9, 1.5, 0.5, -1.0),),
        ),
        verdict(
            "onnxruntime-cpu", verdict="fail", reason=why, outputs=(failed_output(),), blame="runtime", **onnx
        ),
        verdict("onnxruntime-unoptimized", **onnx),
        verdict(
            "tfjs-node-cpu",
            verdict="unavailable",
            device="",
            reason="install Node 20 or newer",
            outputs=(),
            samples=0,
            **tfjs,
        ),
        verdict("tfjs-node-wasm", verdict="fail", reason=one, outputs=(unproven,), **tfjs),
        verdict(
            "conversion",
            verdict="error",
            device="",
            artifact="tfjs-uint8",
            target="tfjs:uint8",
            reason=killed,
            outputs=(),
            samples=0,
            size_bytes=0,
            notes=(),
        ),
        ok=False,
    )
