"""Rewrites the configuration of a Keras 1 file (2015 to 2017) so that tf-keras reads it.

Keras 2 renamed most arguments, and its own translation is gone from tf-keras; what tf-keras still does
is to put Keras 1 weights into their new order (`preprocess_weights_for_loading`), if the file's version
reads "1". Initializers, regularizers and constraints are left out: they matter in training only.

Source: `keras/legacy/interfaces.py` of Keras 2.0.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from converters.errors import EdgeproofError

CLASSES = {
    "AtrousConvolution1D": "Conv1D",
    "AtrousConvolution2D": "Conv2D",
    "Convolution1D": "Conv1D",
    "Convolution2D": "Conv2D",
    "Convolution3D": "Conv3D",
    "Deconvolution2D": "Conv2DTranspose",
    "SeparableConvolution2D": "SeparableConv2D",
}
MERGES = {
    "sum": "Add",
    "mul": "Multiply",
    "concat": "Concatenate",
    "ave": "Average",
    "max": "Maximum",
    "dot": "Dot",
}
ARGUMENTS = {
    "atrous_rate": "dilation_rate",
    "bias": "use_bias",
    "border_mode": "padding",
    "dim_ordering": "data_format",
    "dropout_U": "recurrent_dropout",
    "dropout_W": "dropout",
    "filter_length": "kernel_size",
    "inner_activation": "recurrent_activation",
    "input_dtype": "dtype",
    "length": "size",
    "nb_filter": "filters",
    "p": "rate",
    "pool_length": "pool_size",
    "sigma": "stddev",
    "stride": "strides",
    "subsample": "strides",
    "subsample_length": "strides",
}
KERNEL_SIZES = (("nb_row", "nb_col"), ("kernel_dim1", "kernel_dim2", "kernel_dim3"))
FOR_TRAINING = re.compile(
    r"(inner_)?init|(beta|gamma|forget_bias)_init|\w+_(regularizer|constraint)|consume_less|mode"
)
DATA_FORMATS = {"tf": "channels_last", "th": "channels_first", "default": "channels_last"}


@contextlib.contextmanager
def translated(path: Path) -> Iterator[Path]:
    """A copy of a Keras 1 HDF5 file with a configuration of Keras 2."""
    import h5py

    with tempfile.TemporaryDirectory(prefix="edgeproof-") as directory:
        copy = Path(directory) / "model.h5"
        shutil.copyfile(path, copy)
        with h5py.File(copy, "r+") as file:
            raw = file.attrs["model_config"]
            config = json.loads(raw.decode() if isinstance(raw, bytes) else raw)
            file.attrs["model_config"] = json.dumps(translate(config, path)).encode()
            for group in (file, file["model_weights"]):
                group.attrs["keras_version"] = b"1"
        yield copy


def translate(node: Any, path: Path) -> Any:
    """A configuration in Keras 2's words.

    Raises:
        EdgeproofError: it has images with channels first, which TensorFlow does not compute on a CPU.
    """
    if isinstance(node, list):
        return [translate(item, path) for item in node]
    if not isinstance(node, dict):
        return node
    kind, config = node.get("class_name"), node.get("config")
    if not isinstance(kind, str) or not isinstance(config, dict):
        return {key: translate(value, path) for key, value in node.items()}
    if kind in ("Model", "Sequential", "Container"):
        return {
            **node,
            "class_name": "Model" if kind == "Container" else kind,
            "config": translate(config, path),
        }
    if config.get("dim_ordering") == "th":
        raise EdgeproofError(
            f"{path}: images with the channels first cannot be exported",
            got=f"layer '{config.get('name')}' ({kind}) with dim_ordering='th'",
            want="dim_ordering='tf', channels last",
            fix="build the model with channels last in Keras, and set its weights from this one",
        )
    if kind == "Merge":
        return {**node, **_merge(config)}
    return {**node, "class_name": CLASSES.get(kind, kind), "config": _arguments(kind, config, path)}


def _arguments(kind: str, config: dict[str, Any], path: Path) -> dict[str, Any]:
    new: dict[str, Any] = {}
    for key, value in config.items():
        if FOR_TRAINING.fullmatch(key):
            continue
        new[ARGUMENTS.get(key, key)] = translate(value, path)
    for names in KERNEL_SIZES:
        if all(name in new for name in names):
            new["kernel_size"] = [new.pop(name) for name in names]
    if new.get("data_format") is not None:
        new["data_format"] = DATA_FORMATS[new["data_format"]]
    if kind == "Embedding":
        new.pop("dropout", None)
        return new
    if "output_dim" in new:
        new["units"] = new.pop("output_dim")
    if kind == "GRU":
        new["reset_after"] = False
    if kind == "Dense" or kind.endswith(("RNN", "LSTM", "GRU")) or "Conv" in kind:
        new = {key: value for key, value in new.items() if key not in ("input_dim", "input_length")}
    return new


def _merge(config: dict[str, Any]) -> dict[str, Any]:
    mode = str(config.get("mode"))
    axis = {"concat": "concat_axis", "dot": "dot_axes"}.get(mode)
    new = {"name": config.get("name")}
    if axis:
        new["axis" if mode == "concat" else "axes"] = config.get(axis, -1)
    return {"class_name": MERGES.get(mode, "Merge"), "config": new}
