"""The vendors' own way: a SavedModel, then one converter after the other, each in its own process.

python -m bench.vendors saved_model MODEL.keras DIRECTORY
python -m bench.vendors tensorflowjs_converter ARGUMENTS…
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Step:
    """One command of theirs, and what it leaves."""

    name: str
    command: tuple[str, ...]
    output: Path


def steps(model: Path, out: Path, opset: int) -> tuple[Step, ...]:
    """The commands that their documentation gives, with float32 and our opset."""
    saved, python = out / "saved_model", sys.executable
    tflite, onnx, tfjs = out / "model.tflite", out / "model.onnx", out / "tfjs"
    convert = ("--saved_model_dir", str(saved), "--output_file", str(tflite))
    to_onnx = ("--saved-model", str(saved), "--output", str(onnx), "--opset", str(opset))
    to_tfjs = ("--input_format=tf_saved_model", "--output_format=tfjs_graph_model", str(saved), str(tfjs))
    ours = (python, "-m", "bench.vendors")
    return (
        Step("SavedModel", (*ours, "saved_model", str(model), str(saved)), saved),
        Step("tflite_convert", (str(Path(python).with_name("tflite_convert")), *convert), tflite),
        Step("tf2onnx", (python, "-m", "tf2onnx.convert", *to_onnx), onnx),
        Step("tensorflowjs_converter", (*ours, "tensorflowjs_converter", *to_tfjs), tfjs),
    )


def _saved_model(model: str, directory: str) -> None:
    import keras

    keras.saving.load_model(model).export(directory, verbose=False)


def _tensorflowjs_converter(arguments: list[str]) -> None:
    """Their own command; its imports of packages for other kinds of models find stubs.

    Those packages hold TensorFlow back (docs/dependencies.md), and importing them would only cost time.
    """
    from converters.tfjs_model.vendor import graph_conversion

    graph_conversion()
    from tensorflowjs.converters import converter

    sys.argv = ["tensorflowjs_converter", *arguments]
    converter.pip_main()


if __name__ == "__main__":
    if sys.argv[1] == "saved_model":
        _saved_model(*sys.argv[2:])
    else:
        _tensorflowjs_converter(sys.argv[2:])
