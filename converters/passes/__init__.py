"""Cures for what a converter or runtime gets wrong, applied to a copy of the frozen graph.

    PASSES[format]        names of the cures that a format needs, in order
      module.apply(gd)    edits the GraphDef in place, returns a note for each thing changed

A cure is one file. It says which fault of which version it works around, and its test shows the
fault with the cure left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tensorflow.core.framework.graph_pb2 import GraphDef

PASSES: Mapping[str, tuple[str, ...]] = {
    "tflite": ("complex_for_tflite", "tensor_lists", "sign_bit", "composed_for_tflite", "rsqrt_of_zero"),
    "onnx": ("complex_parts", "exact_gelu", "sign_bit", "einsum", "composed_for_onnx"),
    "tfjs": (
        *("complex_parts", "exact_gelu", "sign_bit", "grouped_convolution", "einsum"),
        *("composed_for_tfjs", "narrow_integers"),
    ),
}


def apply_passes(graph_def: GraphDef, format: str) -> tuple[str, ...]:
    """Applies a format's cures in place.

    Returns:
        One sentence for each thing that was changed, for the report.
    """
    notes: list[str] = []
    for name in PASSES[format]:
        notes += import_module(f"converters.passes.{name}").apply(graph_def)
    return tuple(notes)
