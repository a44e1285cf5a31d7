"""Latency of two files of one format, in turns: `python -m bench.latency FORMAT OURS THEIRS` prints JSON."""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable, Mapping

import numpy as np

THREADS = 2
ROUNDS = 30
WARM_UP = 5


def measure(format: str, files: Mapping[str, str]) -> dict[str, dict[str, float]]:
    """Milliseconds for a batch of one: median, least and greatest, by label.

    The files take turns, so that whatever else the machine does falls on both.
    """
    runs = {label: {"onnx": _onnx, "tflite": _tflite}[format](file) for label, file in files.items()}
    times: dict[str, list[float]] = {label: [] for label in runs}
    for turn in range(WARM_UP + ROUNDS):
        for label, run in runs.items():
            started = time.perf_counter()
            run()
            if turn >= WARM_UP:
                times[label].append(1000 * (time.perf_counter() - started))
    return {
        label: {"median_ms": statistics.median(taken), "least_ms": min(taken), "greatest_ms": max(taken)}
        for label, taken in times.items()
    }


def _onnx(file: str) -> Callable[[], object]:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = THREADS
    session = ort.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    (spec,) = session.get_inputs()
    feed = {spec.name: _input([size if isinstance(size, int) else 1 for size in spec.shape])}
    return lambda: session.run(None, feed)


def _tflite(file: str) -> Callable[[], object]:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(file, num_threads=THREADS)
    (spec,) = interpreter.get_input_details()
    interpreter.allocate_tensors()
    interpreter.set_tensor(spec["index"], _input([int(size) for size in spec["shape"]]))
    return interpreter.invoke


def _input(shape: list[int]) -> np.ndarray:
    return np.random.default_rng(0).uniform(0, 255, shape).astype(np.float32)


if __name__ == "__main__":
    print("\n" + json.dumps(measure(sys.argv[1], {"edgeproof": sys.argv[2], "vendor": sys.argv[3]})))
