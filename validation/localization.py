"""Which layer of an export went wrong: what localization found out, as it stands in the result."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LayerError:
    """The layers between two tensors that the export and the original have in common.

    Both errors are relative: root mean square difference over the root mean square of the original's
    values; Infinity where shapes differ or a number stands against NaN.

    Attributes:
        layers: Keras layers, in the order of computation; those that the export has fused stand together.
        tensor: what they give, in the original's graph.
        file_tensor: the same in the file.
        ops: what computes it in the file.
        inherited: error as the export ran, with all that came from the layers before.
        alone: error when these layers are fed the original's values.
        noise_ratio: `alone`, held against the noise of these layers themselves: the greater of the ratios
            of the greatest difference and of the root mean square one; of a float32 export that of
            the worst channel, where it is more.
        low: least of the original's finite values; likewise `high`.
        dtype: of the tensor in the file.
        scale: real units per step of a quantized tensor; None of others. Likewise `zero_point`.
        sqnr_db: signal to noise of `alone`, in dB; Infinity when equal.
        guilty: the layers create an error.
        fault: what is wrong, in a sentence; "" where nothing is.
        channel: index in the last dimension, where only channels are wrong that are nothing beside
            others: the worst of them, which `inherited`, `alone`, `low`, `high` and `sqnr_db` are of.
            None where the row is of all channels.
    """

    layers: tuple[str, ...]
    tensor: str
    file_tensor: str
    ops: tuple[str, ...]
    inherited: float
    alone: float
    noise_ratio: float
    low: float
    high: float
    dtype: str
    scale: float | None
    zero_point: int | None
    sqnr_db: float
    guilty: bool
    fault: str = ""
    channel: int | None = None


@dataclass(frozen=True, slots=True)
class Localization:
    """Where the error of one export on one runtime comes from.

    Attributes:
        guilty: Keras layers that create the error, the first one first; empty where none could be told.
        summary: the same in a sentence.
        sample: number of the sample that was looked at.
        limit: `noise_ratio` up to which a layer is right.
        truth: what the layers were held against.
        layers: in the order of computation.
        unmatched: Keras layers whose result was not found in the file by itself.
        notes: what a reader should know, one sentence each.
        reproducer: directory with the smallest failing case; "" where there is none.
    """

    guilty: tuple[str, ...]
    summary: str
    sample: int = 0
    limit: float = 0.0
    truth: str = ""
    layers: tuple[LayerError, ...] = ()
    unmatched: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    reproducer: str = ""
