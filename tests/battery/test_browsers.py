"""Every kind of model in browsers: in Chromium on the backends that web pages mostly run on, and one model of
each kind of arithmetic on every other backend and in every other browser that is here.

A case passes on all of them, or is refused before conversion: that is in `test_battery.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from converters.target import ExportTarget
from tests.zoo import ZOO
from validation.runtimes import RUNTIMES
from validation.runtimes.browser.runtime import ROWS

MAIN = ("chromium-tfjs-wasm", "chromium-tfjs-webgl", "chromium-ort-wasm", "chromium-litert-wasm")
OF_EACH_KIND = (
    "dense_mlp",
    "conv2d_batchnorm",
    "conv2d_depthwise",
    "conv2d_grouped",
    "conv2d_transposed",
    "conv3d",
    "lstm",
    "gru",
    "attention",
    "embedding_pooled",
    "resize_nearest_bilinear",
    "norms",
    "inputs_in_a_dict",
)
"""A case for each kind of arithmetic. On `MAIN` these are the web battery, `pytest -m web`: some minutes."""

FAST = {("dense_mlp", "chromium-tfjs-wasm"), ("conv2d_wide", "chromium-tfjs-webgl")}
"""In the fast suite; the others are heavy."""

ODD_TYPES = {
    "bool_mask": "bool",
    "int64_ids": "int64",
    "float16_input": "float16",
    "float64_input": "float64",
}
"""Cases with an input or output of a type that LiteRT.js doesn't have, and which."""

GAPS = {
    ("conv2d_grouped", "litert-webgpu"): "Binding size for [Buffer (unlabeled)] is zero.",
    ("conv2d_transposed", "litert-webgpu"): "TRANSPOSE_CONV: Max version supported",
    ("conv3d", "litert-webgpu"): "RESHAPE: Tensor dimensions must be less than 5.",
    ("embedding_pooled", "litert-webgpu"): "LiteRT.js cannot run every node on webgpu",
    ("lstm", "litert-webgpu"): "GATHER: Only support 1D indices",
    ("gru", "litert-webgpu"): "GATHER: Only support 1D indices",
    ("norms", "litert-webgpu"): "SQUARE: Tensor dimensions must be less than 5.",
    ("resize_nearest_bilinear", "litert-webgpu"): "TILE: Tensor dimensions must be less than 5.",
    ("conv3d", "chromium-tfjs-webgpu"): "cannot index type 'vec5'",
}
"""What an engine's WebGPU backend can't run, in any browser or in one, and what it says of it in Chromium:
its verdict is `error`."""

LOST_IN_FLOAT16 = {"norms": "got nan"}
"""Cases that textures of 16 bits get wrong, as is said: 1e-12, which UnitNormalization adds, is 0 in them."""


def _rows() -> Iterator[object]:
    """Case by case, so that each is built and converted once for all runtimes."""
    for case in ZOO.values():
        for row in ROWS:
            (format,) = row.formats
            wanted = row.name in MAIN or case.id in OF_EACH_KIND
            if wanted and case.refusal(ExportTarget(format, "float32")) is None:
                marks = [pytest.mark.heavy] if (case.id, row.name) not in FAST else []
                marks += [pytest.mark.web] if row.name in MAIN and case.id in OF_EACH_KIND else []
                yield pytest.param(case.id, row.name, id=f"{case.id}-{row.name}", marks=marks)


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("browsers")


@pytest.fixture(scope="module", autouse=True)
def _browsers() -> Iterator[None]:
    from validation.runtimes.browser import shared

    yield
    shared.discard_all()


@pytest.mark.parametrize(("case_id", "runtime"), _rows())
def test_passes_in_the_browser(case_id: str, runtime: str, workshop: Path) -> None:
    from tests.battery.stages import export_once
    from validation.judge import judge

    row = RUNTIMES[runtime]
    if (hint := row.missing()) is not None:
        pytest.skip(hint)
    target = ExportTarget(min(row.formats), "float32")
    prepared, artifact = export_once(case_id, target, workshop / case_id)
    verdict = judge(
        artifact=artifact, runtime_name=runtime, reference=prepared.reference, label=artifact.entry
    )
    if "-litert-" in runtime and case_id in ODD_TYPES:
        assert verdict.verdict == "unavailable"
        type_name = ODD_TYPES[case_id]
        assert f"on {runtime}: LiteRT.js has no tensors of type {type_name}; " in verdict.reason
    elif gap := GAPS.get((case_id, runtime)) or GAPS.get((case_id, runtime.partition("-")[2])):
        assert verdict.verdict == "error", "it runs now: take it out of GAPS and docs/browsers.md"
        assert gap in verdict.reason or row.family != "chromium"
    elif row.arithmetic == "float16" and case_id in LOST_IN_FLOAT16:
        assert verdict.verdict == "fail"
        assert LOST_IN_FLOAT16[case_id] in verdict.reason
    elif verdict.verdict != "pass":
        pytest.fail(f"{verdict.verdict}: {verdict.reason}")
