"""The samples that integer exports are calibrated on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from converters.errors import EdgeproofError
from converters.signature import Signature
from converters.tflite import model_file


def samples(signature: Signature, files: Sequence[Path]) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
    """One batch after the other, as TensorFlow's calibrator wants them.

    Raises:
        EdgeproofError: a file isn't a batch of this model's inputs.
    """
    for path in files:
        with np.load(path) as batch:
            given = set(batch.files)
            wanted = set(signature.input_names)
            if given != wanted:
                raise EdgeproofError(
                    f"{path}: not a batch of this model's inputs",
                    got=f"arrays {', '.join(sorted(given))}",
                    want=f"arrays {', '.join(sorted(wanted))}",
                    fix="write the calibration files from the same recipe as the model",
                )
            yield model_file.SIGNATURE_KEY, {name: batch[name] for name in signature.input_names}


def span(signature: Signature, files: Sequence[Path]) -> dict[str, tuple[float, float]]:
    """Least and greatest value of each float input over all samples; empty without samples."""
    found: dict[str, tuple[float, float]] = {}
    for _, batch in samples(signature, files):
        for name, array in batch.items():
            if array.dtype.kind == "f" and array.size:
                low, high = found.get(name, (np.inf, -np.inf))
                found[name] = min(low, float(array.min())), max(high, float(array.max()))
    return found
