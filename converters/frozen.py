"""The one traced and frozen graph that every format starts from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from converters.signature import Signature

GRAPH_NAME = "graph.pb"
RECORD_NAME = "frozen.json"


@dataclass(frozen=True, slots=True)
class FrozenGraph:
    """A GraphDef without variables, on disk.

    Attributes:
        directory: holds `graph.pb` (binary GraphDef) and `frozen.json` (this record).
        sha256: of `graph.pb`; the same in any process for the same source and versions.
        signature: under the Keras names.
        input_tensors: from each Keras name to the tensor in the graph ("x:0").
        output_tensors: likewise.
        layers: from each Keras layer's name to its class name, in topological order.
        source_sha256: of the original.
        notes: what was changed in the graph, one sentence each.
    """

    directory: Path
    sha256: str
    signature: Signature
    input_tensors: Mapping[str, str]
    output_tensors: Mapping[str, str]
    layers: Mapping[str, str]
    source_sha256: str
    notes: tuple[str, ...] = ()

    @property
    def graph_path(self) -> Path:
        return self.directory / GRAPH_NAME


@dataclass(frozen=True, slots=True)
class ConversionOptions:
    """What a conversion may be told.

    Attributes:
        opset: ONNX opset; None takes the newest that ONNX Runtime and ONNX Runtime Web both run.
        calibration: `.npz` files, one batch each, keyed by the Keras input names, in the order
            in which they are to be used; needed by `tflite:int8` and `tflite:int8_io`.
        batch: batch size to fix where a format can't keep it dynamic.
    """

    opset: int | None = None
    calibration: tuple[Path, ...] = ()
    batch: int = 1
