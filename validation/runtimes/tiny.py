"""The smallest model in each format, ready-made: one dense layer of two units.

    y = x W + b     x: float32[?, 3], y: float32[?, 2]

Each goes through the engine's matrix kernel, so that a delegate or backend has something to take. The
files lie beside this module, so that no runtime has to wait for the library that writes its format.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from converters.artifact import Artifact, record_files
from converters.signature import Signature, TensorSpec
from converters.target import ExportTarget

WEIGHTS = np.array([[1.0, -2.0], [0.5, 4.0], [-0.25, 8.0]], dtype=np.float32)
BIAS = np.array([0.125, -1.0], dtype=np.float32)
SIGNATURE = Signature((TensorSpec("x", (None, 3), "float32"),), (TensorSpec("y", (None, 2), "float32"),))

FILES = Path(__file__).with_name("tiny_files")
"""Made by `tests/validation/dense_files.py`, a folder for each format."""

ENTRIES: Mapping[str, str] = {
    "tflite": "model.tflite",
    "onnx": "model.onnx",
    "tfjs": "model.json",
    "keras": "source.json",
}
"""The file of each format that a runtime opens."""


def write_tiny(format: str, directory: Path) -> Artifact:
    """Writes the model into an empty directory.

    Raises:
        KeyError: the format is not known.
    """
    if format == "keras":
        from validation.runtimes.tiny_keras import write_keras

        write_keras(directory / ENTRIES[format], WEIGHTS, BIAS, SIGNATURE)
    else:
        shutil.copytree(FILES / format, directory, dirs_exist_ok=True)
    return describe_dense(format, directory, SIGNATURE)


def describe_dense(format: str, directory: Path, signature: Signature) -> Artifact:
    """The record of a directory with one dense layer, whose tensors have the names of the signature."""
    return Artifact(
        target=ExportTarget(format, "float32"),
        directory=directory,
        entry=ENTRIES[format],
        files=record_files(directory),
        signature=signature,
        input_names={name: name for name in signature.input_names},
        output_names={name: name for name in signature.output_names},
        signature_key="serving_default" if format == "tflite" else None,
    )
