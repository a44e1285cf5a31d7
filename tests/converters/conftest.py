"""A harmless model file, for those who spoil copies of it."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A `.keras` file of one Dense layer."""
    import keras

    path = tmp_path_factory.mktemp("good") / "model.keras"
    keras.Sequential([keras.Input((3,), name="x"), keras.layers.Dense(2, name="y")]).save(path)
    return path
