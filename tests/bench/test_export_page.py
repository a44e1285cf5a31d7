"""docs/benchmarks.md is made from the numbers, and the numbers from what `edgeproof run` prints."""

from __future__ import annotations

from bench import page
from bench.bench_export import VERDICT, Measured
from bench.measure import Run

PRINTED = """\
pass         tflite:float32       litert-cpu               max_abs 9.33e-06 (want <= 6.73e-05)         8.0 s
fail         tfjs:float32         tfjs-node-cpu            noise_ratio 9.6 (want <= 8)               245.9 s
error        onnx:float32         onnxruntime-cpu                                                       0.3 s
unavailable  onnx:float32         onnxruntime-webgpu
report: out/report.md, out/report.html
"""


def measured(name: str, export_s: float, whole_s: float) -> Measured:
    return Measured(
        name,
        export=[Run(export_s, 1000.0), Run(export_s + 2, 1100.0)],
        whole=[Run(whole_s, 1500.0), Run(whole_s, 1500.0)],
        vendor={"SavedModel": [Run(40.0, 900.0)] * 2, "tf2onnx": [Run(60.0, 2000.0)] * 2},
        laps=[{"load": 1.0}, {"load": 3.0}],
        verdicts=[{"litert-cpu": 8.0}, {"litert-cpu": 10.0}],
        sample_s=[{"litert-cpu": 0.25}, {"litert-cpu": 0.75}],
        size_bytes={"tfjs": (1_000_000, 2_000_000)},
    )


def test_every_verdict_that_took_time_is_read_from_the_lines():
    assert VERDICT.findall(PRINTED) == [
        ("litert-cpu", "8.0"),
        ("tfjs-node-cpu", "245.9"),
        ("onnxruntime-cpu", "0.3"),
    ]


def test_the_page_has_ratios_goals_laps_and_verdicts():
    text = page.write([measured("Small", 20, 40), measured("Large", 40, 70)], repeat=2, samples=2)
    for line in (
        "| Small | 100.0 (100.0-100.0) | 21.0 (20.0-22.0) | 0.21 | 40.0 (40.0-40.0) | 0.40 |",
        "- Goal for the export, at most 0.30 of the vendors' time: missed by Large (0.41).",
        "- Goal for export and validation, at most 0.50 of the vendors' time: missed by Large (0.70).",
        "| Large | 2000 (2000-2000) | 1050 (1000-1100) | 1500 (1500-1500) |",
        "- Goal, below the hungriest vendor's for the export: reached.",
        "## Where the validation's time goes, s",
        "| Small | 9.0 (8.0-10.0) |",
        "| Small | 0.50 (0.25-0.75) |",
        "| Small | 2.0 (1.0-3.0) |",
        "| Small | tfjs | 1.000 | 2.000 |  |  |",
    ):
        assert line in text.splitlines(), line
