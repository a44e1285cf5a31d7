"""Every kind of model in Chromium, on the backends that web pages mostly run on.

A case passes on all of them, or is refused before conversion: that is in `test_battery.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from converters.target import ExportTarget
from tests.validation.browsers import needs_chromium
from tests.zoo import ZOO

pytestmark = needs_chromium

BACKENDS = {
    "chromium-tfjs-wasm": "tfjs",
    "chromium-tfjs-webgl": "tfjs",
    "chromium-ort-wasm": "onnx",
    "chromium-litert-wasm": "tflite",
}
FAST = {("dense_mlp", "chromium-tfjs-wasm"), ("conv2d_wide", "chromium-tfjs-webgl")}
"""In the fast suite; the others are heavy."""

LIMITS = {
    ("bool_mask", "chromium-litert-wasm"): "Element type BOOL is not supported.",
    ("int64_ids", "chromium-litert-wasm"): "Element type INT64 is not supported.",
    ("float16_input", "chromium-litert-wasm"): "Element type FLOAT16 is not supported.",
    ("float64_input", "chromium-litert-wasm"): "Element type FLOAT64 is not supported.",
    # LiteRT.js 2.5 leaves an output that is an input unwritten: what it gives is old memory.
    ("input_is_output", "chromium-litert-wasm"): "",
}
"""What an engine can't do, and what the verdict has to say about it. Only a pass is a pass."""


def _rows() -> Iterator[object]:
    for case in ZOO.values():
        for name, format in BACKENDS.items():
            if case.refusal(ExportTarget(format, "float32")) is None:
                marks = () if (case.id, name) in FAST else pytest.mark.heavy
                yield pytest.param(case.id, name, id=f"{case.id}-{name}", marks=marks)


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("browsers")


@pytest.fixture(scope="module", autouse=True)
def _browser() -> Iterator[None]:
    from validation.runtimes.browser import shared

    yield
    shared.discard_all()


@pytest.mark.parametrize(("case_id", "runtime"), _rows())
def test_passes_in_chromium(case_id: str, runtime: str, workshop: Path) -> None:
    from tests.battery.stages import export, prepare
    from validation.judge import judge

    directory = workshop / case_id
    directory.mkdir(exist_ok=True)
    prepared = prepare(case_id, directory)
    target = ExportTarget(BACKENDS[runtime], "float32")
    artifact = export(prepared, target, directory / runtime)
    verdict = judge(
        artifact=artifact, runtime_name=runtime, reference=prepared.reference, label=artifact.entry
    )
    limit = LIMITS.get((case_id, runtime))
    if limit is not None:
        assert verdict.verdict != "pass", "the limit is gone: take it out of LIMITS and docs/browsers.md"
        assert limit in verdict.reason
    elif verdict.verdict != "pass":
        pytest.fail(f"{verdict.verdict}: {verdict.reason}")
