"""Localization in a browser: its own kernels compute every layer, in one execution of the cut model."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.validation.browsers import needs_chromium
from tests.validation.test_localize_layers import cnn, one_weight

__all__ = ["cnn"]

pytestmark = [pytest.mark.heavy, needs_chromium]


@pytest.mark.parametrize("runtime", ["chromium-tfjs-wasm", "chromium-tfjs-webgl"])
def test_the_wrong_layer_is_named_in_the_browser_too(cnn, runtime):
    assert cnn.localize(cnn.exports["tfjs"], runtime).guilty == ()
    found = cnn.localize(cnn.changed("tfjs", "stem", 4, one_weight), runtime)
    assert found.guilty == ("stem", "norm", "relu")
    assert sorted(path.name for path in Path(found.reproducer).iterdir()) == [
        "expected.npz", "group1-shard1of1.bin", "input.npz", "model.json", "reproduce.html",
    ]  # fmt: skip


def test_onnx_files_are_localized_in_the_browser(cnn):
    found = cnn.localize(cnn.changed("onnx", "stem", 4, one_weight), "chromium-ort-wasm")
    assert found.guilty == ("stem", "norm")
