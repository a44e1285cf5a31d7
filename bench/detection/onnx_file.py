"""An ONNX file, to be edited."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from bench.detection.parsed import Op, ParsedFile
from converters.artifact import Artifact


class OnnxFile(ParsedFile):
    """Attributes are ONNX's own; strings are text.

    Attributes:
        model: the `ModelProto`.
    """

    format = "onnx"

    def __init__(self, artifact: Artifact, layers: Collection[str]) -> None:
        import onnx

        from converters.onnx_model.reopen import graphs

        self.layers = layers
        self.model = onnx.load(str(artifact.entry_path))
        self._name, self._artifact = artifact.entry, artifact
        self._constants = {t.name: t for graph in graphs(self.model.graph) for t in graph.initializer}

    def ops(self) -> Iterator[Op]:
        from converters.onnx_model.reopen import graphs

        for graph in graphs(self.model.graph):
            for raw in graph.node:
                constants = [name for name in raw.input if name in self._constants]
                yield Op(raw.op_type, raw, graph, (raw.name, *raw.output, *constants))

    def readers(self, op: Op) -> list[Op]:
        made = set(op.raw.output)
        return [other for other in self.ops() if made & set(other.raw.input)]

    def get(self, op: Op, attribute: str) -> Any:
        from onnx.helper import get_attribute_value

        for row in op.raw.attribute:
            if row.name == attribute:
                value = get_attribute_value(row)
                return value.decode() if isinstance(value, bytes) else value
        return None

    def set(self, op: Op, attribute: str, value: Any) -> None:
        from onnx.helper import make_attribute

        kept = [row for row in op.raw.attribute if row.name != attribute]
        del op.raw.attribute[:]
        op.raw.attribute.extend([*kept, make_attribute(attribute, value)])

    def retype(self, op: Op, kind: str) -> None:
        op.raw.op_type = kind

    def inputs(self, op: Op) -> int:
        return len(op.raw.input)

    def constant(self, op: Op, index: int) -> np.ndarray | None:
        from onnx.numpy_helper import to_array

        name = op.raw.input[index] if index < len(op.raw.input) else ""
        return np.asarray(to_array(self._constants[name])) if name in self._constants else None

    def replace(self, op: Op, index: int, values: np.ndarray) -> None:
        from onnx.numpy_helper import from_array

        name = f"{op.raw.input[index]}/own{len(self._constants)}"
        self.model.graph.initializer.append(from_array(np.ascontiguousarray(values), name))
        self._constants[name] = self.model.graph.initializer[-1]
        op.raw.input[index] = name

    def swap(self, op: Op, first: int, second: int) -> None:
        names = op.raw.input
        names[first], names[second] = names[second], names[first]

    def swap_ends(self, side: str, first: str, second: str) -> None:
        """Renames what makes or reads the two tensors, so that their order and names stay."""
        names = {"inputs": self._artifact.input_names, "outputs": self._artifact.output_names}[side]
        a, b = names[first], names[second]
        other = {a: b, b: a}
        for raw in self.model.graph.node:
            raw.input[:] = [other.get(name, name) for name in raw.input]
            raw.output[:] = [other.get(name, name) for name in raw.output]

    def write(self, out: Path) -> None:
        (out / self._name).write_bytes(self.model.SerializeToString(deterministic=True))
