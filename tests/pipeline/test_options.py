"""Several values after one option, and options that only a model or only a recipe takes."""

from __future__ import annotations

import pytest

from pipeline.options import is_like_a_runtime, is_like_a_target, listed, spread

LOOKS = {"-t": is_like_a_target, "--runtime": is_like_a_runtime}


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("net.keras -t tflite:int8 onnx -o out", "net.keras -t tflite:int8 -t onnx -o out"),
        ("-t tflite:int8 onnx:float32 net.keras", "-t tflite:int8 -t onnx:float32 net.keras"),
        ("-t tflite:int9 onnx:float99 net.keras", "-t tflite:int9 -t onnx:float99 net.keras"),
        ("-t all net.keras", "-t all net.keras"),
        ("-t tflite -t onnx net.keras", "-t tflite -t onnx net.keras"),
        ("m --runtime litert-cpu tfjs-* a.tflite", "m --runtime litert-cpu --runtime tfjs-* a.tflite"),
        ("m a.tflite --runtime cpu web --json -", "m a.tflite --runtime cpu --runtime web --json -"),
        ("m --runtime=litert-cpu tfjs-node-cpu", "m --runtime=litert-cpu --runtime tfjs-node-cpu"),
        ("m -t onnx -- -t all", "m -t onnx -- -t all"),
    ],
)
def test_values_after_an_option_belong_to_it(given, meant):
    assert spread(given.split(), LOOKS) == meant.split()


def test_a_file_of_that_name_is_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "onnx").touch()
    assert spread(["-t", "tflite", "onnx"], LOOKS) == ["-t", "tflite", "onnx"]


def test_commas_separate_values_too():
    assert listed(["tflite:int8,onnx:float32", " tfjs "]) == ["tflite:int8", "onnx:float32", "tfjs"]
