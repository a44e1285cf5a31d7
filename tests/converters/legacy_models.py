"""Files as older versions of Keras wrote them, made from tf-keras' own."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np


def save_sequential(layers: list[Any], path: Path) -> Any:
    """A tf-keras model with weights that aren't zero, saved at `path`, and the model."""
    import tf_keras

    model = tf_keras.Sequential(layers)
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(scale=0.3, size=w.shape) + (w.min() >= 1) for w in model.get_weights()])
    model.save(path)
    return model


def as_keras_2_2(source: Path, out: Path) -> Path:
    """A Sequential HDF5 of Keras 2.2: no input layer, its shape stands in the first layer."""
    shutil.copy(source, out)

    def rewrite(config: dict[str, Any]) -> dict[str, Any]:
        first, *others = config["config"]["layers"]
        others[0]["config"]["batch_input_shape"] = first["config"]["batch_input_shape"]
        config["config"]["layers"] = others
        return config

    return _edit(out, rewrite, "2.2.4")


def as_keras_1(source: Path, out: Path, layers: list[dict[str, Any]]) -> Path:
    """An HDF5 whose configuration is the given list of Keras 1 layers."""
    shutil.copy(source, out)
    _edit(out, lambda _: {"class_name": "Sequential", "config": layers}, None)
    return out


def as_keras_2_13(source: Path, out: Path) -> Path:
    """A `.keras` of Keras 2.13, which names its modules `keras.src.engine`."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            content = (
                old.read(name).replace(b"tf_keras", b"keras") if name == "config.json" else old.read(name)
            )
            new.writestr(name, b'{"keras_version": "2.13.1"}' if name == "metadata.json" else content)
    return out


def rename_weights(path: Path, layer: str, arrays: list[np.ndarray]) -> None:
    """Puts other arrays in place of a layer's weights, under names of Keras 1."""
    with h5py.File(path, "r+") as file:
        group = file["model_weights"][layer]
        for name in list(group):
            del group[name]
        names = [f"{layer}_W{i}" for i in range(len(arrays))]
        for name, array in zip(names, arrays, strict=True):
            group[name] = array
        group.attrs["weight_names"] = [name.encode() for name in names]


def _edit(path: Path, rewrite: Callable[[Any], Any], version: str | None) -> Path:
    with h5py.File(path, "r+") as file:
        file.attrs["model_config"] = json.dumps(rewrite(json.loads(file.attrs["model_config"])))
        for group in (file, file["model_weights"]):
            del group.attrs["keras_version"]
            if version is not None:
                group.attrs["keras_version"] = version
    return path
