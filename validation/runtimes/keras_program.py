"""Keras on its JAX backend, in an environment that has both and needs no TensorFlow.

What is told: versions, the device that JAX put the last answer on, and its precision of products.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from converters.signature import TensorSpec
from converters.source import LoadOptions
from converters.sources.custom_objects import load_custom_objects
from converters.sources.keras_model import describe_keras
from validation.casts import to_file
from validation.dtypes import dtype_name
from validation.runtimes.answering import Facts, answer_forever

_NARROWER = {"int64": "int32", "uint64": "uint32", "float64": "float32"}
"""What JAX holds in its default mode, in which Keras runs on it; values that don't fit are refused."""


class _Engine:
    def open(self, request: Mapping[str, Any]) -> Facts:
        os.environ["KERAS_BACKEND"] = "jax"
        import jax
        import keras

        # Else products of float32 are TF32 on NVIDIA's GPUs from Ampere on.
        jax.config.update("jax_default_matmul_precision", request["precision"])
        try:
            jax.devices()
        except (RuntimeError, AssertionError) as error:  # the latter where its plugin isn't installed
            message = f"JAX {jax.__version__} finds no {os.environ['JAX_PLATFORMS']} device: {error}"
            raise RuntimeError(message) from error
        file = Path(request["file"])
        model = keras.saving.load_model(
            str(file), custom_objects=_custom_objects(request), compile=False, safe_mode=not request["trust"]
        )
        opened = describe_keras(model, file, frozenset(request["inputs"]))
        _check_names(opened.signature.input_names, request["inputs"])
        _check_names(opened.signature.output_names, request["outputs"])
        variables = model.variables

        def compute(values: list[Any], tensors: dict[str, Any]) -> dict[str, Any]:
            with keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True))):
                return opened.function(tensors)

        self._jax, self._compute = jax, jax.jit(compute)
        self._values = [variable.value for variable in variables]
        return {
            "keras": keras.__version__,
            "jax": jax.__version__,
            "precision": jax.config.jax_default_matmul_precision,
        }

    def run(
        self, request: Mapping[str, Any], tensors: Mapping[str, np.ndarray]
    ) -> tuple[Facts, dict[str, np.ndarray]]:
        ready = {name: _as_jax_holds(name, array) for name, array in tensors.items()}
        found = self._jax.block_until_ready(self._compute(self._values, ready))
        devices = {device for array in found.values() for device in array.devices()}
        facts = {
            "platforms": sorted({device.platform for device in devices}),
            "devices": sorted({device.device_kind for device in devices}),
        }
        return facts, {name: np.asarray(array) for name, array in found.items()}


def _custom_objects(request: Mapping[str, Any]) -> dict[str, Any]:
    folders = tuple(Path(folder) for folder in request["code_directories"])
    return load_custom_objects(LoadOptions(None, tuple(request["custom_objects"]), folders))


def _check_names(got: Sequence[str], want: Sequence[str]) -> None:
    if list(got) != list(want):
        raise ValueError(f"it opens with the names {', '.join(got)}, not {', '.join(want)}")


def _as_jax_holds(name: str, array: np.ndarray) -> np.ndarray:
    narrow = _NARROWER.get(dtype_name(array))
    return array if narrow is None else to_file(array, TensorSpec(name, array.shape, narrow), None)


def main() -> None:
    answer_forever(_Engine)
