"""Known silent faults that show in browsers: each is found in the verdict on the file in the browser."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.battery import vendors
from tests.validation.browsers import needs_chromium
from validation.expected import Reference
from validation.limit import Limit
from validation.verdict import Verdict

pytestmark = [pytest.mark.heavy, pytest.mark.web, needs_chromium]

IN_PYTHON, IN_BROWSER, OF_THE_FILE = "litert-cpu", "chromium-litert-wasm", "litert-reference"


@pytest.fixture(scope="module", autouse=True)
def _browsers() -> Iterator[None]:
    from validation.runtimes.browser import shared

    yield
    shared.discard_all()


def test_variables_that_were_not_frozen_are_found_in_the_browser(tmp_path: Path) -> None:
    """LiteRT.js takes zeros, or what lies in its memory, for weights, and says nothing."""
    source, file = vendors.unfrozen(tmp_path)
    verdict = vendors.judge_file(file, source, vendors.record(source, tmp_path), IN_BROWSER)
    assert verdict.verdict == "fail", verdict.reason


def _depthwise_blocks() -> Any:
    """Six of MobileNet's blocks with weights that keep the values' size: one rounding tells in the end."""
    import keras

    keras.utils.set_random_seed(0)
    layers, normal = keras.layers, keras.initializers.RandomNormal(stddev=0.33)
    x = y = keras.Input((24, 24, 8), name="x")
    for _ in range(6):
        y = layers.Conv2D(64, 1, activation="relu", kernel_initializer="he_normal")(y)
        y = layers.DepthwiseConv2D(3, padding="same", depthwise_initializer=normal)(y)
        y = layers.Conv2D(16, 1, kernel_initializer="lecun_normal")(y)
    return keras.Model(x, layers.Dense(10, name="y")(layers.GlobalAveragePooling2D()(y)))


def _pictures(count: int) -> np.ndarray:
    """Noise around colours of their own, so that their means, and with them the outputs, differ."""
    rng = np.random.default_rng(1)
    colours = rng.normal(size=(count, 1, 1, 8))
    return (colours + rng.normal(size=(count, 24, 24, 8))).astype(np.float32)


def test_a_dynamic_range_file_is_judged_in_the_browser_by_its_own_answers(tmp_path: Path) -> None:
    """Sums in another order tip a rounding over, and the layers behind carry it on: neither engine is right.

    So each is held against the original; with a limit between the two, one passes and the other is to blame.
    """
    from converters.convert import convert
    from converters.freeze import freeze
    from converters.frozen import ConversionOptions
    from converters.sources import describe_source
    from converters.target import ExportTarget
    from validation.judge import conclude

    _depthwise_blocks().save(tmp_path / "model.keras")
    source = describe_source(tmp_path / "model.keras")
    graph = freeze(source, tmp_path / "graph")
    artifact = convert(graph, ExportTarget("tflite", "dynamic_int8"), tmp_path / "file", ConversionOptions())
    reference = vendors.record(source, tmp_path, data={"x": _pictures(12)})

    def judged(reference: Reference) -> dict[str, Verdict]:
        names = (IN_PYTHON, IN_BROWSER, OF_THE_FILE)
        verdicts = tuple(vendors.judge(artifact, reference, name) for name in names)
        return {verdict.runtime: verdict for verdict in conclude(verdicts, reference.answers)}

    def decibels(verdict: Verdict) -> float:
        return verdict.outputs[0].needed

    both = [judged(reference)[name] for name in (IN_PYTHON, IN_BROWSER)]
    assert [verdict.verdict for verdict in both] == ["pass", "pass"], [verdict.reason for verdict in both]
    worse, better = sorted(both, key=decibels)
    assert decibels(better) - decibels(worse) > 1e-4, "a float32 file's answers differ by less"
    assert all(verdict.split[0].runtime > 0 for verdict in both), "what each engine adds to the file's error"

    between = Limit(sqnr_db=(decibels(better) + decibels(worse)) / 2)
    again = judged(replace(reference, limits={"y": between}))
    assert (again[better.runtime].verdict, again[worse.runtime].verdict) == ("pass", "fail")
    assert again[worse.runtime].blame == "runtime"
