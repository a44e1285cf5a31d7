"""The tiny model as a Keras 3 file, written without Keras."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import numpy as np

from converters.artifact import hash_file
from converters.signature import Signature
from converters.source import SourceModel
from validation.original_artifact import write_original


def write_keras(path: Path, weights: np.ndarray, bias: np.ndarray, signature: Signature) -> None:
    """Writes one dense layer as `model.keras` and the record of it, which is what `path` names.

    Args:
        path: its directory is empty.
        weights: float32[inputs, units].
        bias: float32[units].
        signature: one input, one output.
    """
    x, y = signature.inputs[0], signature.outputs[0]
    tensor = {"shape": list(x.shape), "dtype": x.dtype, "keras_history": [x.name, 0, 0]}
    layers = [
        _layer("InputLayer", x.name, {"batch_shape": list(x.shape), "dtype": x.dtype}, []),
        _layer(
            "Dense",
            y.name,
            {"units": len(bias), "activation": "linear", "use_bias": True},
            [{"args": [{"class_name": "__keras_tensor__", "config": tensor}], "kwargs": {}}],
        ),
    ]
    config = {
        "name": "tiny",
        "layers": layers,
        "input_layers": [x.name, 0, 0],
        "output_layers": [y.name, 0, 0],
    }
    model = {"module": "keras.src.models.functional", "class_name": "Functional", "config": config}
    original = path.with_name("tiny.keras")
    with zipfile.ZipFile(original, "w") as archive:
        for name, content in (
            ("metadata.json", json.dumps({"keras_version": "3.0.0"})),
            ("config.json", json.dumps({**model, "registered_name": "Functional"})),
            ("model.weights.h5", _weights(weights, bias)),
        ):
            archive.writestr(zipfile.ZipInfo(name), content)  # with a fixed time, for fixed bytes
    source = SourceModel(original, "keras", "keras", hash_file(original), signature)
    write_original(source, path.parent)
    original.unlink()


def _layer(kind: str, name: str, config: dict[str, object], nodes: list[object]) -> dict[str, object]:
    named = {"class_name": kind, "config": {"name": name, **config}, "name": name, "inbound_nodes": nodes}
    return {"module": "keras.layers", "registered_name": None, **named}


def _weights(weights: np.ndarray, bias: np.ndarray) -> bytes:
    """As Keras lays them out: layers by class, each with its variables in order."""
    import h5py

    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        for number, value in enumerate((weights, bias)):
            file.create_dataset(f"layers/dense/vars/{number}", data=value)
        for empty in ("layers/input_layer/vars", "vars"):
            file.create_group(empty)
    return stream.getvalue()
