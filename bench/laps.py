"""Where edgeproof's time goes, in one process: `python -m bench.laps MODEL DIRECTORY` prints JSON."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path


def measure(model: Path, out: Path) -> dict[str, float]:
    """Seconds of each stage of the three float32 exports."""
    laps: dict[str, float] = {}
    last = time.perf_counter()

    def lap(name: str) -> None:
        nonlocal last
        now = time.perf_counter()
        laps[name], last = now - last, now

    import tensorflow  # noqa: F401

    lap("import TensorFlow")
    from converters.convert import convert
    from converters.freeze import freeze
    from converters.sources import describe_source
    from converters.target import parse_targets

    source = describe_source(model)
    lap("load")
    graph = freeze(source, out / "frozen")
    lap("trace and freeze")
    for target in parse_targets(["tflite", "tfjs", "onnx"]):
        convert(graph, target, out / target.slug)
        lap(str(target))
    return laps


if __name__ == "__main__":
    print("\n" + json.dumps(measure(Path(sys.argv[1]), Path(sys.argv[2]))))
