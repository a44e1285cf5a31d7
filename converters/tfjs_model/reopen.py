"""What is wrong with a written TF.js model, fact by fact; nothing when it is right."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from converters.artifact import Artifact
from converters.signature import TensorSpec

Model = Mapping[str, Any]
"""A parsed `model.json`."""


def shard_faults(artifact: Artifact, model: Model) -> list[str]:
    """Shards that are missing, and groups whose bytes aren't those of their weights."""
    from converters.tfjs_model.weights import stored_bytes

    faults = []
    for group in model["weightsManifest"]:
        paths = [artifact.directory / path for path in group["paths"]]
        missing = [path.name for path in paths if not path.is_file()]
        faults += [f"{name} is missing" for name in missing]
        want = stored_bytes(group)
        got = sum(path.stat().st_size for path in paths if path.is_file())
        if not missing and want is not None and got != want:
            faults.append(f"the shards have {got} bytes, the manifest's weights {want}")
    return faults


def signature_faults(artifact: Artifact, model: Model) -> list[str]:
    """Names, tensors, shapes and dtypes in `model.json` that the record has otherwise."""
    nodes = {node["name"] for node in model["modelTopology"]["node"]}
    faults = []
    for side, specs, names in (
        ("inputs", artifact.signature.inputs, artifact.input_names),
        ("outputs", artifact.signature.outputs, artifact.output_names),
    ):
        rows = model["signature"].get(side, {})
        if set(rows) != set(names):
            faults.append(f"{side} are {sorted(rows)}, not {sorted(names)}")
            continue
        for spec in specs:
            row = rows[spec.name]
            faults += [f"{side[:-1]} {spec.name}: {fact}" for fact in _row_faults(row, spec, names)]
            if row["name"].partition(":")[0] not in nodes:
                faults.append(f"{side[:-1]} {spec.name}: no node {row['name']}")
    return faults


def precision_faults(artifact: Artifact, model: Model) -> list[str]:
    """The claimed precision, if the manifest doesn't bear it out."""
    claimed = artifact.target.precision
    stored: dict[str, int] = {}
    for group in model["weightsManifest"]:
        for row in group["weights"]:
            size = int(np.prod(row["shape"], dtype=np.int64))
            if row["dtype"] == "float32" and size > 1:
                kind = row.get("quantization", row)["dtype"]
                stored[kind] = stored.get(kind, 0) + size
    others = {kind: size for kind, size in stored.items() if kind not in (claimed, "float32")}
    faults = [f"{size} weight(s) are {kind}, not {claimed}" for kind, size in others.items()]
    if claimed != "float32" and not stored.get(claimed):
        faults.append(f"no weight is {claimed}")
    return faults


def value_faults(artifact: Artifact, model: Model) -> list[str]:
    """Weights that hold NaN, or infinities that aren't a mask.

    A tensor whose only infinities are negative is a mask before a softmax.
    """
    from converters.tfjs_model.weights import read

    faults = []
    for entry in read(model["weightsManifest"], artifact.directory):
        data = entry["data"]
        if data.dtype.kind != "f" or np.isfinite(data).all():
            continue
        if np.isnan(data).any() or (data.size > 1 and np.isposinf(data).any()):
            faults.append(f"{entry['name']} holds NaN or infinity")
    return faults


def _row_faults(row: Model, spec: TensorSpec, names: Mapping[str, str]) -> list[str]:
    faults = []
    if row["name"] != names[spec.name]:
        faults.append(f"is tensor {row['name']}, not {names[spec.name]}")
    shape, dtype = _shape(row), _dtype(row)
    if shape is not None and shape != spec.shape:
        faults.append(f"has shape {shape}, not {spec.shape}")
    if dtype != spec.dtype:
        faults.append(f"is {dtype}, not {spec.dtype}")
    return faults


def _shape(row: Model) -> tuple[int | None, ...] | None:
    """None where the rank is unknown."""
    shape = row.get("tensorShape", {})
    if shape.get("unknownRank"):
        return None
    sizes = (int(dim.get("size", 0)) for dim in shape.get("dim", ()))
    return tuple(None if size < 0 else size for size in sizes)


def _dtype(row: Model) -> str:
    from tensorflow import as_dtype
    from tensorflow.core.framework.types_pb2 import DataType

    return as_dtype(DataType.Value(row["dtype"])).name
