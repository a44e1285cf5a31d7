"""Between the Keras names and dtypes of a feed and those of a file; the same for every runtime."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from converters.artifact import Artifact
from converters.errors import EdgeproofError, ExitStatus
from converters.signature import TensorSpec
from validation.dtypes import as_bytes, dtype_name
from validation.feed import Tensors


def place(artifact: Artifact, runtime: str) -> str:
    """How errors name an artifact on a runtime."""
    return f"{artifact.entry_path} on {runtime}"


def to_file_names(artifact: Artifact, feed: Tensors, runtime: str) -> dict[str, np.ndarray]:
    """The feed under the file's names.

    Raises:
        EdgeproofError: an input is missing, unknown, or has a shape or dtype that the file
            does not take.
    """
    where = place(artifact, runtime)
    want = set(artifact.signature.input_names)
    if set(feed) != want:
        raise EdgeproofError(
            f"{where}: the feed has other inputs than the file",
            got=_listed(feed),
            want=_listed(want),
            fix="feed every input once, under the name that the Keras model gives it",
        )
    for spec in artifact.signature.inputs:
        _check_input(where, spec, feed[spec.name])
    return {artifact.input_names[name]: feed[name] for name in artifact.signature.input_names}


def _check_input(where: str, spec: TensorSpec, array: np.ndarray) -> None:
    if dtype_name(array) != spec.dtype:
        raise _mismatch(where, spec, array, "dtype", "feed the dtype that the file takes")
    if not fits(spec.shape, array.shape):
        fix = "feed this shape, or export the model with these dimensions left open"
        raise _mismatch(where, spec, array, "shape", fix)


def fits(spec_shape: tuple[int | None, ...], shape: tuple[int, ...]) -> bool:
    """Whether an array's shape agrees with a spec's in rank and in every fixed dimension."""
    return len(spec_shape) == len(shape) and all(
        want in (None, got) for want, got in zip(spec_shape, shape, strict=True)
    )


def _mismatch(where: str, spec: TensorSpec, array: np.ndarray, what: str, fix: str) -> EdgeproofError:
    got = TensorSpec(spec.name, array.shape, dtype_name(array))
    return EdgeproofError(
        f"{where}: input {spec.name} has another {what}", got=str(got), want=str(spec), fix=fix
    )


def to_keras_names(
    artifact: Artifact, results: Mapping[str, np.ndarray], runtime: str
) -> dict[str, np.ndarray]:
    """The file's results under the Keras names, as arrays that the caller owns.

    Byte and text strings become object arrays of `bytes`, as TensorFlow gives them.

    Raises:
        EdgeproofError: the runtime gave no result for an output.
    """
    missing = [name for name in artifact.output_names.values() if name not in results]
    if missing:
        raise EdgeproofError(
            f"{place(artifact, runtime)}: outputs are missing",
            got=_listed(results),
            want=_listed(artifact.output_names.values()),
            fix="export the model again; the record does not belong to this file",
            status=ExitStatus.VERDICT_FAILED,
        )
    names = artifact.signature.output_names
    return {name: _owned(results[artifact.output_names[name]]) for name in names}


def _owned(array: np.ndarray) -> np.ndarray:
    if array.dtype.kind not in "OSU":
        return np.array(array, order="C", copy=True)
    return as_bytes(array)


def engine_fault(artifact: Artifact, runtime: str, doing: str, message: str) -> EdgeproofError:
    """The error for an engine that refused a file or failed at running it.

    Args:
        doing: "opening the file" or "running it".
        message: what the engine said.
    """
    return EdgeproofError(
        f"{place(artifact, runtime)}: {doing} failed",
        got=message.strip() or "no message",
        want="a file that this runtime opens and runs",
        fix=f"leave {runtime} out with --runtime, or change the layer that it cannot run",
        status=ExitStatus.VERDICT_FAILED,
    )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"
