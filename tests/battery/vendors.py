"""Files as the vendors' own converters write them, without our cures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from converters.artifact import Artifact
from converters.source import SourceModel
from validation.expected import Reference
from validation.feeds import FeedSpec
from validation.verdict import Verdict

RUNTIMES = {".onnx": "onnxruntime-cpu", ".tflite": "litert-cpu", ".json": "tfjs-node-wasm"}


def saved_model(function: Callable[..., Any], spec: Any, directory: Path) -> Path:
    """A SavedModel of one function of one input "x" and one output "y"."""
    import tensorflow as tf

    class Model(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec(spec.shape, spec.dtype, name="x")])
        def serve(self, x):
            return {"y": function(x)}

    model = Model()
    tf.saved_model.save(model, str(directory / "saved_model"), signatures={"serving_default": model.serve})
    return directory / "saved_model"


def convert(saved: Path, format: str, out: Path) -> Path:
    """The SavedModel in another format, by the vendor's converter with its defaults."""
    return {"onnx": _onnx, "tflite": _tflite, "tfjs": _tfjs}[format](saved, out)


def _onnx(saved: Path, out: Path) -> Path:
    import tensorflow as tf
    import tf2onnx

    loaded = tf.saved_model.load(str(saved))
    function = loaded.signatures["serving_default"]
    specs = [tf.TensorSpec(s.shape, s.dtype, s.name) for s in function.structured_input_signature[1].values()]
    tf2onnx.convert.from_function(
        tf.function(lambda x: function(x=x)), input_signature=specs, output_path=str(out / "model.onnx")
    )
    return out / "model.onnx"


def _tflite(saved: Path, out: Path) -> Path:
    import tensorflow as tf

    (out / "model.tflite").write_bytes(tf.lite.TFLiteConverter.from_saved_model(str(saved)).convert())
    return out / "model.tflite"


def _tfjs(saved: Path, out: Path) -> Path:
    from converters.tfjs_model.vendor import graph_conversion

    graph_conversion().convert_tf_saved_model(str(saved), str(out / "tfjs"))
    return out / "tfjs" / "model.json"


def unfrozen(out: Path) -> tuple[SourceModel, Path]:
    """A model, and the TFLite file of the deprecated way to convert a function, which keeps its variables."""
    import keras
    import tensorflow as tf

    from converters.sources import describe_source
    from converters.tflite import model_file

    keras.utils.set_random_seed(0)
    x = keras.Input((8, 8, 3), name="x")
    y = keras.layers.BatchNormalization()(keras.layers.Conv2D(4, 3)(x))
    model = keras.Model(x, keras.layers.Dense(3, name="y")(keras.layers.Flatten()(y)))
    model.save(out / "model.keras")
    spec = tf.TensorSpec((1, 8, 8, 3), tf.float32, name="x")
    function = tf.function(lambda x: {"y": model(x)}).get_concrete_function(spec)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], model)
    (out / "model.tflite").write_bytes(converter.convert())
    assert "READ_VARIABLE" in model_file.op_names(model_file.read(out / "model.tflite")), (
        "it freezes them now"
    )
    return describe_source(out / "model.keras"), out / "model.tflite"


def record(source: SourceModel, out: Path, **spec: Any) -> Reference:
    """The original's answers to what the judge chooses by itself; "data" are given by input name."""
    from validation.reference import record as record_answers
    from validation.tensor_files import write_tensors

    (out / "reference").mkdir()
    data = spec.pop("data", None)
    if data is not None:
        write_tensors(out / "data.npz", data)
        spec["npz"] = out / "data.npz"
    return record_answers(
        source=source,
        spec=FeedSpec(**{"samples": None if data is not None else 8, **spec}),
        out=out / "reference",
    )


def judge_file(path: Path, source: SourceModel, reference: Reference, runtime: str | None = None) -> Verdict:
    """The verdict on a file that somebody else made, by default on the runtime that apps take for it."""
    from validation.foreign import adopt

    return judge(adopt(path=path, signature=source.signature, reference=reference), reference, runtime)


def judge(artifact: Artifact, reference: Reference, runtime: str | None = None) -> Verdict:
    from validation.judge import judge as judge_artifact

    name = runtime or RUNTIMES[Path(artifact.entry).suffix]
    return judge_artifact(artifact=artifact, runtime_name=name, reference=reference, label=artifact.entry)


def uniform(low: float, high: float, *shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(low, high, shape).astype(np.float32)
